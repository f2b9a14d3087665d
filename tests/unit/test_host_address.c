/* Unit tests of common/host_address. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/host_address.h"

static void
loopback_is_this_hosts_own(void **state)
{
	(void)state;
	assert_true(host_address_is_own("127.0.0.1"));
}

static void
an_address_for_documents_is_another_hosts(void **state)
{
	(void)state;
	assert_false(host_address_is_own("192.0.2.1"));
	assert_false(host_address_is_own("127.0.0.2"));
	assert_false(host_address_is_own("2001:db8::1"));
}

static void
what_is_no_address_is_not_let_through(void **state)
{
	static const char *const bad[] = { "", "localhost", "127.0.0.1 ", "::g",
		"198.19.0.18/32", "fe80::1%lo" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(host_address_is_own(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_this_hosts_own),
		cmocka_unit_test(an_address_for_documents_is_another_hosts),
		cmocka_unit_test(what_is_no_address_is_not_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
