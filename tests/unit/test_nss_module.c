/*
 * The NSS module as it is installed: loaded by name, as glibc does it, with
 * every function that glibc looks for.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nss_enscale/exports.h"

static void *module;

static int
load(void **state)
{
	const char *builddir = getenv("ENS_BUILDDIR");
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/.libs/libnss_enscale.so.2",
	    builddir == NULL ? "." : builddir);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL)
		fprintf(stderr, "%s\n", dlerror());
	return module == NULL ? -1 : 0;
}

static void
all_that_glibc_looks_for_is_there(void **state)
{
	const char *const names[] = { "getpwnam_r", "getpwuid_r", "setpwent",
		"getpwent_r", "endpwent", "getgrnam_r", "getgrgid_r",
		"initgroups_dyn" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), "_nss_enscale_%s", names[i]);
		assert_non_null(dlsym(module, name));
	}
}

static void
nothing_else_is_there(void **state)
{
	const char *const names[] = { "account_map_open", "login_name_parse",
		"nss_map_get", "nss_entry_passwd", "nss_entry_status" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(dlsym(module, names[i]));
}

static void
a_name_outside_the_grammar_is_not_found(void **state)
{
	__typeof__(&_nss_enscale_getpwnam_r) getpwnam_of;
	struct passwd pw;
	char buffer[256];
	int error = 0;

	(void)state;
	*(void **)&getpwnam_of = dlsym(module, "_nss_enscale_getpwnam_r");
	assert_non_null(getpwnam_of);
	for (size_t len = 0; len < sizeof(buffer); len++) {
		assert_int_equal(getpwnam_of("root", &pw, buffer, len, &error),
		    NSS_STATUS_NOTFOUND);
		assert_int_equal(error, ENOENT);
	}
}

static void
it_can_be_unloaded_and_loaded_again(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(dlclose(module), 0);
		assert_int_equal(load(NULL), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_glibc_looks_for_is_there),
		cmocka_unit_test(nothing_else_is_there),
		cmocka_unit_test(a_name_outside_the_grammar_is_not_found),
		cmocka_unit_test(it_can_be_unloaded_and_loaded_again),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
