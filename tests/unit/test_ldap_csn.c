#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "ldap/ldap_csn.h"
#include "ldap/ldap_time.h"

#define A1 "20251122225400.000001Z#000000#001#000000"
#define B1 "20251122225400.000002Z#000000#001#000000"
#define A2 "20251122225300.000001Z#000000#002#000000"
#define AF "20251122225300.000001Z#00000a#0ff#000000"

static struct csn_set
of(const char *cookie)
{
	struct csn_set set;

	csn_set_from_cookie(&set, cookie, strlen(cookie));
	return set;
}

static void
a_cookie_gives_a_csn_per_server(void **state)
{
	struct csn_set set = of("rid=000,sid=001,csn=" AF ";" A2 ";" A1);
	char text[256];

	(void)state;
	assert_int_equal(set.count, 3);
	assert_int_equal(set.rows[0].server, 1);
	assert_int_equal(set.rows[2].server, 255);
	assert_int_equal(csn_set_format(&set, text, sizeof(text)),
	    4 + 3 * CSN_LEN + 2);
	assert_string_equal(text, "csn=" A1 ";" A2 ";" AF);
	assert_int_equal(csn_set_format(&set, text, 4 + 3 * CSN_LEN + 2), 0);
}

static uint32_t
count_of(const char *cookie)
{
	struct csn_set set = of(cookie);

	return set.count;
}

static void
an_opaque_cookie_says_nothing(void **state)
{
	(void)state;
	assert_int_equal(count_of(""), 0);
	assert_int_equal(count_of("rid=000"), 0);
	assert_int_equal(count_of("host:389#cn=x:dc=y#42"), 0);
	assert_int_equal(count_of("csn="), 0);
	assert_int_equal(count_of("csn=" A1 ";rubbish"), 0);
	assert_int_equal(count_of("xcsn=" A1), 0);
	assert_int_equal(count_of("rid=1,csn=" A1 ",more=2"), 1);
}

static void
only_csns_are_taken(void **state)
{
	struct csn_set set = { 0 };
	char text[] = A1;

	(void)state;
	for (size_t len = 0; len < CSN_LEN; len++)
		assert_int_equal(csn_set_add(&set, text, len), ENS_E_SYNTAX);
	for (size_t i = 0; i < CSN_LEN; i++) {
		char was = text[i];

		text[i] = '%';
		assert_int_equal(csn_set_add(&set, text, CSN_LEN),
		    ENS_E_SYNTAX);
		text[i] = was;
	}
	assert_int_equal(set.count, 0);
	for (int server = 0; server < CSN_SERVERS_MAX; server++) {
		text[31] = "0123456789abcdef"[server / 16];
		text[32] = "0123456789abcdef"[server % 16];
		assert_int_equal(csn_set_add(&set, text, CSN_LEN), 0);
	}
	text[30] = '1';
	assert_int_equal(csn_set_add(&set, text, CSN_LEN), ENS_E_LIMIT);
}

static void
who_has_seen_what_is_told_per_server(void **state)
{
	struct csn_set old = of("csn=" A1), new = of("csn=" B1);
	struct csn_set both = of("csn=" A1 ";" A2), none = of("");

	(void)state;
	assert_true(csn_set_covers(&new, &old));
	assert_false(csn_set_covers(&old, &new));
	assert_true(csn_set_covers(&both, &old));
	assert_false(csn_set_covers(&old, &both));
	assert_false(csn_set_covers(&new, &both));
	assert_true(csn_set_covers(&none, &none));
	assert_true(csn_set_has_seen(&new, A1));
	assert_true(csn_set_has_seen(&new, B1));
	assert_false(csn_set_has_seen(&old, B1));
	assert_false(csn_set_has_seen(&old, A2));
	assert_false(csn_set_has_seen(&old, ""));
}

static void
a_merge_keeps_the_later_of_each_server(void **state)
{
	struct csn_set set = of("csn=" B1 ";" A2), other = of("csn=" A1 ";" AF);

	(void)state;
	csn_set_merge(&set, &other);
	assert_int_equal(set.count, 3);
	assert_string_equal(set.rows[0].csn, B1);
}

static void
the_older_of_two_is_told_only_of_csns(void **state)
{
	(void)state;
	assert_true(csn_is_older(A1, B1));
	assert_false(csn_is_older(B1, A1));
	assert_false(csn_is_older(A1, A1));
	assert_true(csn_is_older(A2, A1));
	assert_false(csn_is_older("", A1));
	assert_false(csn_is_older(A1, ""));
}

static void
a_csn_made_of_a_second_is_known_as_one(void **state)
{
	char csn[CSN_LEN + 1];
	int64_t time = 0;

	(void)state;
	assert_int_equal(ldap_time_csn(1763852040, csn), 0);
	assert_int_equal(ldap_time_of_csn(csn, &time), 0);
	assert_int_equal(time, 1763852040);
	assert_int_equal(ldap_time_of_csn(A1, &time), ENS_E_SYNTAX);
	assert_int_equal(
	    ldap_time_of_csn("20251122225400.000000Z#000000#001#000000", &time),
	    ENS_E_SYNTAX);
	assert_int_equal(ldap_time_of_csn("20251122225400Z", &time),
	    ENS_E_SYNTAX);
	assert_int_equal(ldap_time_of_csn("", &time), ENS_E_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_gives_a_csn_per_server),
		cmocka_unit_test(an_opaque_cookie_says_nothing),
		cmocka_unit_test(only_csns_are_taken),
		cmocka_unit_test(who_has_seen_what_is_told_per_server),
		cmocka_unit_test(a_merge_keeps_the_later_of_each_server),
		cmocka_unit_test(the_older_of_two_is_told_only_of_csns),
		cmocka_unit_test(a_csn_made_of_a_second_is_known_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
