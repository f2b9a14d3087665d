# What more than one program knows: a folder for each purpose, which uses those
# before it (tests/unit/test_layers.sh), and convenience libraries by what they
# may link: libc only; + libcdb; + libinih; + libcrypto; + libsystemd; + jansson.
noinst_LTLIBRARIES += libcommon.la libprogram.la libview.la libconfig.la \
	libfingerprint.la libdaemon.la libfieldsjson.la

# libc only. The NSS module links this and nothing else.
libcommon_la_SOURCES = \
	%D%/base/apart.c %D%/base/apart.h \
	%D%/base/banned.h \
	%D%/base/base64.c %D%/base/base64.h \
	%D%/base/changeable.c %D%/base/changeable.h \
	%D%/base/cleanup.h \
	%D%/base/crc32c.c %D%/base/crc32c.h \
	%D%/base/errors.c %D%/base/errors.h \
	%D%/base/host_address.c %D%/base/host_address.h \
	%D%/base/json.h \
	%D%/base/landlock.c %D%/base/landlock.h \
	%D%/base/limits.h \
	%D%/base/lock_file.c %D%/base/lock_file.h \
	%D%/base/text.c %D%/base/text.h \
	%D%/base/wire.c %D%/base/wire.h \
	%D%/base/write_all.c %D%/base/write_all.h \
	%D%/names/account_map.c %D%/names/account_map.h \
	%D%/names/account_map_writer.c \
	%D%/names/login_name.c %D%/names/login_name.h \
	%D%/keys/fingerprint_text.c %D%/keys/fingerprint_text.h \
	%D%/keys/ssh_key.c %D%/keys/ssh_key.h %D%/keys/ssh_key_private.h \
	%D%/keys/ssh_key_options.c \
	%D%/keys/ssh_key_text.c %D%/keys/ssh_key_text.h \
	%D%/names/schema.c %D%/names/schema.h \
	%D%/protocol/admin_act.c %D%/protocol/admin_act.h \
	%D%/protocol/audit_events.c %D%/protocol/audit_events.h \
	%D%/protocol/guard_protocol.h \
	%D%/protocol/keyd_protocol.c %D%/protocol/keyd_protocol.h \
	%D%/protocol/login_refusal.c %D%/protocol/login_refusal.h \
	%D%/protocol/notice.c %D%/protocol/notice.h \
	%D%/protocol/operator_protocol.h \
	%D%/protocol/session_registry.c %D%/protocol/session_registry.h \
	%D%/view/fields.c %D%/view/fields.h \
	%D%/view/record.c %D%/view/record.h \
	%D%/view/record_encode.c

# libc only: what a program does, and a module in somebody else's process never.
libprogram_la_SOURCES = \
	%D%/base/arguments.c %D%/base/arguments.h \
	%D%/base/local_socket.c %D%/base/local_socket.h \
	%D%/base/log.c %D%/base/log.h
libprogram_la_LIBADD = libcommon.la

# + libcdb: reading the view, and judging by it. Its writer is enscale-sync's.
libview_la_SOURCES = \
	%D%/view/manifest.c %D%/view/manifest.h \
	%D%/view/segment_key.c %D%/view/segment_key.h \
	%D%/view/view.c %D%/view/view.h %D%/view/view_private.h \
	%D%/view/view_walk.c %D%/view/view_walk.h \
	%D%/policy/from_pattern.c %D%/policy/from_pattern.h \
	%D%/policy/policy.c %D%/policy/policy_words.c %D%/policy/policy.h
libview_la_LIBADD = libcommon.la $(CDB_LIBS)

# + libinih.
libconfig_la_SOURCES = \
	%D%/config/config.c %D%/config/config.h %D%/config/config_private.h \
	%D%/config/config_error.c \
	%D%/config/config_values.c
libconfig_la_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS)
libconfig_la_LIBADD = libcommon.la $(INIH_LIBS)

# + libcrypto.
libfingerprint_la_SOURCES = %D%/keys/fingerprint.c %D%/keys/fingerprint.h
libfingerprint_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
libfingerprint_la_LIBADD = libcommon.la $(CRYPTO_LIBS)

# + libsystemd: what our daemons have in common.
libdaemon_la_SOURCES = \
	%D%/base/daemon.c %D%/base/daemon.h \
	%D%/base/journal.c %D%/base/journal.h \
	%D%/base/supervisor.c %D%/base/supervisor.h
libdaemon_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
libdaemon_la_LIBADD = libprogram.la $(SYSTEMD_LIBS)

# + jansson.
libfieldsjson_la_SOURCES = %D%/view/fields_json.c %D%/view/fields_json.h
libfieldsjson_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libfieldsjson_la_LIBADD = libcommon.la $(JANSSON_LIBS)
