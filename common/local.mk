# What more than one program knows, in convenience libraries by what they
# may link: libc only; + libcdb; + libinih; + libcrypto; + libsystemd.
noinst_LTLIBRARIES += libcommon.la libview.la libviewwriter.la libconfig.la libfingerprint.la \
	liblocalsocket.la

# libc only. The NSS module links this and nothing else.
libcommon_la_SOURCES = \
	%D%/banned.h \
	%D%/cleanup.h \
	%D%/limits.h \
	%D%/apart.c %D%/apart.h \
	%D%/changeable.c %D%/changeable.h \
	%D%/errors.c %D%/errors.h \
	%D%/login_name.c %D%/login_name.h \
	%D%/account_map.c %D%/account_map.h \
	%D%/account_map_writer.c \
	%D%/wire.c %D%/wire.h \
	%D%/crc32c.c %D%/crc32c.h \
	%D%/record.c %D%/record.h \
	%D%/record_encode.c \
	%D%/text.c %D%/text.h \
	%D%/base64.c %D%/base64.h \
	%D%/schema.c %D%/schema.h \
	%D%/ssh_key.c %D%/ssh_key.h %D%/ssh_key_private.h \
	%D%/ssh_key_options.c \
	%D%/ssh_key_text.c %D%/ssh_key_text.h \
	%D%/fingerprint_text.c %D%/fingerprint_text.h \
	%D%/session_registry.c %D%/session_registry.h \
	%D%/host_address.c %D%/host_address.h \
	%D%/json.h \
	%D%/landlock.c %D%/landlock.h \
	%D%/lock_file.c %D%/lock_file.h \
	%D%/guard_protocol.h \
	%D%/keyd_protocol.c %D%/keyd_protocol.h

# + libcdb: reading the view, and judging by it.
libview_la_SOURCES = \
	%D%/manifest.c %D%/manifest.h \
	%D%/segment_key.c %D%/segment_key.h \
	%D%/view.c %D%/view.h %D%/view_private.h \
	%D%/view_walk.c %D%/view_walk.h \
	%D%/from_pattern.c %D%/from_pattern.h \
	%D%/policy.c %D%/policy_words.c %D%/policy.h
libview_la_LIBADD = libcommon.la $(CDB_LIBS)

# The writer's side of the view: enscale-sync's alone.
libviewwriter_la_SOURCES = \
	%D%/view_merge.c \
	%D%/view_segment.c %D%/view_segment.h \
	%D%/view_writer.c %D%/view_writer.h
libviewwriter_la_LIBADD = libview.la

# + libinih.
libconfig_la_SOURCES = %D%/config.c %D%/config.h %D%/config_private.h \
	%D%/config_values.c
libconfig_la_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS)
libconfig_la_LIBADD = libcommon.la $(INIH_LIBS)

# + libcrypto.
libfingerprint_la_SOURCES = %D%/fingerprint.c %D%/fingerprint.h
libfingerprint_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
libfingerprint_la_LIBADD = libcommon.la $(CRYPTO_LIBS)

# + libsystemd: a daemon's sockets.
liblocalsocket_la_SOURCES = %D%/local_socket.c %D%/local_socket.h
liblocalsocket_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
liblocalsocket_la_LIBADD = $(SYSTEMD_LIBS)
