# Unit tests: one program per unit, cmocka, TAP-less: the exit code counts.
# A test adds its name to UNIT_TESTS and says what it links.
UNIT_TESTS =

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
AM_TESTS_ENVIRONMENT = ENS_SRCDIR='$(abs_top_srcdir)'; \
	ENS_BUILDDIR='$(abs_top_builddir)'; \
	export ENS_SRCDIR ENS_BUILDDIR;

# The pattern, per test:
#   UNIT_TESTS += tests/unit/test_login_name
#   tests_unit_test_login_name_SOURCES = %D%/test_login_name.c
#   tests_unit_test_login_name_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
#   tests_unit_test_login_name_LDADD = libcommon.la $(CMOCKA_LIBS)
