/* Unit tests of common/base/host_address. */
#include <config.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/host_address.h"

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

static bool
is_no_hosts(const char *text)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	uint8_t binary[sizeof(struct in6_addr)];

	assert_int_equal(inet_pton(family, text, binary), 1);
	return host_address_is_no_hosts(family, binary);
}

static void
an_address_of_no_host_is_one_in_every_form(void **state)
{
	static const char *const bad[] = { "0.0.0.0", "127.0.0.1",
		"127.255.0.9", "169.254.1.1", "224.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::198.19.0.18", "fe80::1",
		"febf::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:198.19.0.18",
		"64:ff9b::127.0.0.1", "64:ff9b::169.254.1.1",
		"64:ff9b::224.0.0.1", "64:ff9b:1::127.0.0.1",
		"64:ff9b:1:2:3::127.0.0.1", "64:ff9b:1:7f00:0:100::",
		"64:ff9b:1:7f:0:1::", "64:ff9b:1:0:7f:0:100:0",
		"2002:7f00:1::1", "2002:7f00:1::", "2002:a9fe:101::1" };
	static const char *const good[] = { "198.19.0.18", "10.10.129.154",
		"169.253.1.1", "223.255.255.255", "2001:db8::1", "fd00::1",
		"64:ff9b::198.19.0.18", "64:ff9b:1::198.19.0.18",
		"64:ff9b:1:e000::198.19.0.18", "64:ff9b:2::127.0.0.1",
		"64:ff9c::127.0.0.1", "2002:c613:12::1", "2003:7f00:1::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!is_no_hosts(bad[i]))
			fail_msg("let through: %s", bad[i]);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (is_no_hosts(good[i]))
			fail_msg("refused: %s", good[i]);
	}
}

static void
this_hosts_own_address_is_known_in_every_form(void **state)
{
	struct host_addresses *addresses;

	(void)state;
	assert_true(host_address_is_own("64:ff9b::127.0.0.1"));
	assert_true(host_address_is_own("64:ff9b:1:2::127.0.0.1"));
	assert_true(host_address_is_own("2002:7f00:1::1"));
	assert_false(host_address_is_own("64:ff9b::192.0.2.1"));
	assert_int_equal(host_addresses_new(&addresses), 0);
	assert_true(host_addresses_have(addresses, "127.0.0.1"));
	assert_false(host_addresses_have(addresses, "192.0.2.1"));
	assert_false(host_addresses_have(addresses, "localhost"));
	host_addresses_free(addresses);
	host_addresses_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_this_hosts_own),
		cmocka_unit_test(an_address_for_documents_is_another_hosts),
		cmocka_unit_test(what_is_no_address_is_not_let_through),
		cmocka_unit_test(an_address_of_no_host_is_one_in_every_form),
		cmocka_unit_test(this_hosts_own_address_is_known_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
