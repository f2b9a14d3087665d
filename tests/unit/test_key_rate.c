/* How often an account's keys may be changed (enscale_keyd/key_rate.c). */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enscale_keyd/key_rate.h"

#define ACCOUNT 25880U
#define BEGIN   1000
#define END     (BEGIN + KEY_CHANGES_SECONDS)

static struct key_rate rate;

static int
clear(void **state)
{
	(void)state;
	key_rate_clear(&rate);
	return 0;
}

static void
take_all(uint32_t account, int64_t now)
{
	for (int i = 0; i < KEY_CHANGES_MAX; i++)
		assert_true(key_rate_take(&rate, account, now));
	assert_false(key_rate_take(&rate, account, now));
}

static void
each_account_has_its_own_number_of_changes(void **state)
{
	(void)state;
	take_all(ACCOUNT, BEGIN);
	take_all(ACCOUNT + 1, BEGIN);
	assert_false(key_rate_take(&rate, ACCOUNT, BEGIN));
}

static void
they_come_back_when_the_time_has_passed_and_not_before(void **state)
{
	(void)state;
	take_all(ACCOUNT, BEGIN);
	assert_false(key_rate_take(&rate, ACCOUNT, END - 1));
	take_all(ACCOUNT, END);
}

static void
what_was_refused_makes_the_wait_no_longer(void **state)
{
	(void)state;
	take_all(ACCOUNT, BEGIN);
	assert_false(key_rate_take(&rate, ACCOUNT, END - 1));
	assert_false(key_rate_take(&rate, ACCOUNT, END - 1));
	assert_true(key_rate_take(&rate, ACCOUNT, END));
}

static void
many_accounts_make_it_forget_none(void **state)
{
	(void)state;
	take_all(ACCOUNT, BEGIN);
	for (uint32_t i = 1; i <= 1000; i++)
		assert_true(key_rate_take(&rate, ACCOUNT + i, BEGIN + 1));
	assert_false(key_rate_take(&rate, ACCOUNT, END - 1));
	/* The first is forgotten alone, and moves none of the others' counts. */
	take_all(ACCOUNT, END);
	for (int i = 1; i < KEY_CHANGES_MAX; i++)
		assert_true(key_rate_take(&rate, ACCOUNT + 1000, END));
	assert_false(key_rate_take(&rate, ACCOUNT + 1000, END));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    each_account_has_its_own_number_of_changes, clear),
		cmocka_unit_test_teardown(
		    they_come_back_when_the_time_has_passed_and_not_before,
		    clear),
		cmocka_unit_test_teardown(
		    what_was_refused_makes_the_wait_no_longer, clear),
		cmocka_unit_test_teardown(many_accounts_make_it_forget_none,
		    clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
