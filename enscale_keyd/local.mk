# enscale-keyd: writes users' keys into the directory; off by default. All but
# its main() in a library, for the tests.
enscalelibexec_PROGRAMS += %D%/enscale-keyd
noinst_LTLIBRARIES += libkeyd.la

libkeyd_la_SOURCES = \
	%D%/key_directory.c %D%/key_directory.h \
	%D%/key_entry.c %D%/key_entry.h \
	%D%/key_rate.c %D%/key_rate.h \
	%D%/service.c %D%/service.h
libkeyd_la_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(LBER_CFLAGS) \
	$(CRYPTO_CFLAGS)
libkeyd_la_LIBADD = libldapside.la libconfig.la libfingerprint.la libcommon.la \
	libdaemon.la

%C%_enscale_keyd_SOURCES = %D%/main.c
%C%_enscale_keyd_CFLAGS = $(libkeyd_la_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_enscale_keyd_LDADD = libkeyd.la $(SYSTEMD_LIBS)
