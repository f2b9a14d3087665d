# libnss_enscale.so.2: in every process of the host. It is made of its own
# objects and of the two units it needs, and links libc only.
lib_LTLIBRARIES += libnss_enscale.la
libnss_enscale_la_SOURCES = \
	%D%/entry.c %D%/entry.h \
	%D%/exports.h \
	%D%/group.c \
	%D%/map.c %D%/map.h \
	%D%/passwd.c \
	common/names/account_map.c common/names/account_map.h \
	common/names/login_name.c common/names/login_name.h
EXTRA_libnss_enscale_la_DEPENDENCIES = %D%/exports.map
# nodelete: a process may unload the module at any time, and a mapping that
# another thread is reading must outlive that.
libnss_enscale_la_LDFLAGS = $(AM_LDFLAGS) $(ENS_MODULE_LDFLAGS) \
	-module -version-info 2:0:0 -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/%D%/exports.map
libnss_enscale_la_CFLAGS = $(AM_CFLAGS)
EXTRA_DIST += %D%/exports.map
