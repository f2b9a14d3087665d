# The PAM module. Its objects are a library of their own, so that the tests
# can build the module with a revocation placed inside it. libtool takes
# convenience libraries whole: of those that contain libcommon.la only one
# may be linked here, so the units beside it are compiled once more.
noinst_LTLIBRARIES += libpamenscale.la
libpamenscale_la_SOURCES = \
	%D%/guard.c %D%/guard.h \
	%D%/login.c %D%/login.h \
	%D%/login_rate.c %D%/login_rate.h \
	%D%/name_service.c %D%/name_service.h \
	%D%/pam_enscale.c \
	common/config/config.c common/config/config.h common/config/config_private.h \
	common/config/config_error.c common/config/config_values.c \
	common/keys/fingerprint.c common/keys/fingerprint.h \
	nss_enscale/entry.c nss_enscale/entry.h
libpamenscale_la_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS) $(CRYPTO_CFLAGS)

pam_LTLIBRARIES += pam_enscale.la
pam_enscale_la_SOURCES =
pam_enscale_la_LIBADD = libpamenscale.la libview.la \
	$(INIH_LIBS) $(CRYPTO_LIBS) $(PAM_LIBS)
pam_enscale_la_LDFLAGS = $(AM_LDFLAGS) $(ENS_MODULE_LDFLAGS) \
	-module -shared -avoid-version -export-symbols-regex '^pam_sm_'
