# enscale-guard: the daemon that judges sessions and signs for hops. All but
# its main() in a library, for the tests.
enscalelibexec_PROGRAMS += enscale-guard
noinst_LTLIBRARIES += libguard.la

libguard_la_SOURCES = \
	%D%/admission.c %D%/admission.h \
	%D%/agent.c %D%/agent.h \
	%D%/agent_socket.c %D%/agent_socket.h \
	%D%/audit.c %D%/audit.h \
	%D%/audit_socket.c %D%/audit_socket.h \
	%D%/authority.c %D%/authority.h \
	%D%/bucket.h \
	%D%/cert.c %D%/cert.h \
	%D%/confinement.c %D%/confinement.h \
	%D%/ending.c %D%/ending.h \
	%D%/environments.c %D%/environments.h \
	%D%/guard.h \
	%D%/guard_socket.c %D%/guard_socket.h \
	%D%/hello.c %D%/hello.h \
	%D%/hop.c %D%/hop.h \
	%D%/hop_request.c %D%/hop_request.h \
	%D%/host_key.c %D%/host_key.h \
	%D%/idle.c %D%/idle.h \
	%D%/info.c %D%/info.h \
	%D%/judge.c %D%/judge.h \
	%D%/key_change.c %D%/key_change.h \
	%D%/keys.c %D%/keys.h \
	%D%/known_hosts.c %D%/known_hosts.h \
	%D%/last_use.c %D%/last_use.h \
	%D%/left_over.c %D%/left_over.h \
	%D%/listener.c %D%/listener.h \
	%D%/live_hop.c %D%/live_hop.h \
	%D%/log.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/native.c %D%/native.h \
	%D%/node_place.c %D%/node_place.h \
	%D%/notices.c %D%/notices.h \
	%D%/operator.c %D%/operator.h \
	%D%/operator_request.c %D%/operator_request.h \
	%D%/operator_sessions.c %D%/operator_sessions.h \
	%D%/operator_socket.c %D%/operator_socket.h \
	%D%/peer.c %D%/peer.h \
	%D%/process.c %D%/process.h \
	%D%/published.c %D%/published.h \
	%D%/reply.c %D%/reply.h \
	%D%/request.c %D%/request.h \
	%D%/request_fields.c %D%/request_fields.h \
	%D%/session_table.c %D%/session_table.h \
	%D%/shell.c %D%/shell.h \
	%D%/signer.c %D%/signer.h \
	%D%/signer_addresses.c \
	%D%/signer_maker.c %D%/signer_maker.h \
	%D%/stream.c %D%/stream.h \
	%D%/turns.c %D%/turns.h \
	%D%/visits.c %D%/visits.h
libguard_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(JANSSON_CFLAGS)
libguard_la_LIBADD = libview.la libconfig.la libfingerprint.la \
	libdaemon.la libfieldsjson.la \
	$(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)

enscale_guard_SOURCES = %D%/main.c
enscale_guard_CFLAGS = $(libguard_la_CFLAGS)
enscale_guard_LDADD = libguard.la
