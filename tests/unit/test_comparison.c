#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_sync/comparison.h"
#include "enscale_sync/shrink.h"
#include "tests/unit/sync_fixture.h"

#define EARLY "20260101000000.000000Z#000000#001#000000"
#define LATE  "20260101000005.000000Z#000000#001#000000"

static struct sync_fixture f;
static struct comparison *comparison;
static struct csn_set context;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	memset(&context, 0, sizeof(context));
	assert_int_equal(csn_set_add(&context, EARLY, strlen(EARLY)), 0);
	assert_int_equal(comparison_new(f.state, &context, &comparison), 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	comparison_free(comparison);
	sync_fixture_free(&f);
	return 0;
}

/* Good until the next one. more: lines, as of an account. */
static const struct entry *
account(uint32_t number, const char *csn, const char *below, const char *more)
{
	static char dn[64], lines[256];
	static struct entry entry;

	(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,%s", number, below);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleAccount\nenscaleAccountId: %u\n"
	    "entryCSN: %s\n%s",
	    number, csn, more);
	entry = sync_entry(&f, number, dn, lines);
	return &entry;
}

static void
have_many(uint32_t first, uint32_t count, const char *csn, const char *more)
{
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = first; i < first + count; i++)
		assert_int_equal(
		    state_put(f.state, account(i, csn, "dc=test", more), true),
		    0);
	assert_int_equal(state_commit(f.state), 0);
}

static void
have_some(uint32_t first, uint32_t count, const char *csn)
{
	have_many(first, count, csn, "");
}

static void
list(uint32_t uuid, const char *csn)
{
	assert_int_equal(
	    comparison_add(comparison, account(uuid, csn, "dc=test", "")), 0);
}

/* Returns how many turns it took. */
static int
weigh_all(void)
{
	int r, turns = 0;

	do {
		r = comparison_weigh(comparison);
		turns++;
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	return turns;
}

static void
assert_doubt(uint32_t uuid)
{
	const uint8_t *doubt = comparison_doubt(comparison);

	assert_non_null(doubt);
	assert_memory_equal(doubt, sync_uuid(uuid), ENTRY_UUID_LEN);
	comparison_settled(comparison);
}

static void
assert_doubted_with_few(uint32_t uuid)
{
	const uint8_t *doubt;
	bool found = false;
	int count = 0;

	while ((doubt = comparison_doubt(comparison)) != NULL) {
		found |= memcmp(doubt, sync_uuid(uuid), ENTRY_UUID_LEN) == 0;
		count++;
		comparison_settled(comparison);
	}
	assert_true(found);
	assert_in_range(count, 1, 4);
}

static void
assert_no_doubt(void)
{
	assert_null(comparison_doubt(comparison));
	assert_false(comparison_is_hopeless(comparison));
}

static void
what_is_on_both_sides_is_not_doubted(void **state)
{
	(void)state;
	have_some(1, 3, EARLY);
	list(3, EARLY);
	list(1, EARLY);
	list(2, EARLY);
	(void)weigh_all();
	assert_no_doubt();
	assert_int_equal(comparison_count(comparison), 3);
}

static void
what_only_the_server_has_is_doubted_at_once(void **state)
{
	(void)state;
	have_some(1, 1, EARLY);
	list(1, EARLY);
	list(2, EARLY);
	assert_doubt(2);
	(void)weigh_all();
	assert_no_doubt();
}

static void
what_it_has_in_another_version_is_doubted_at_once(void **state)
{
	(void)state;
	have_some(1, 1, EARLY);
	list(1, LATE);
	assert_doubt(1);
	(void)weigh_all();
	assert_no_doubt();
}

static void
what_is_other_in_the_same_version_is_doubted_at_once(void **state)
{
	(void)state;
	have_many(1, 2, EARLY, "enscaleStatus: suspended\n");
	list(1, EARLY);
	assert_doubt(1);
	assert_int_equal(
	    comparison_add(comparison,
	        account(2, EARLY, "dc=test", "enscaleStatus: suspended\n")),
	    0);
	(void)weigh_all();
	assert_no_doubt();
}

static void
another_name_is_no_difference(void **state)
{
	(void)state;
	have_some(1, 1, EARLY);
	assert_int_equal(comparison_add(comparison,
	                     account(1, EARLY, "ou=people,dc=test", "")),
	    0);
	(void)weigh_all();
	assert_no_doubt();
}

static void
a_limit_that_no_entry_has_any_more_is_no_matter_of_single_ones(void **state)
{
	(void)state;
	have_many(1, SHRINK_LIMIT, EARLY, "enscaleStatus: suspended\n");
	have_some(100, 1, EARLY);
	for (uint32_t i = 1; i <= SHRINK_LIMIT; i++)
		list(i, LATE);
	list(100, EARLY);
	assert_false(comparison_is_hopeless(comparison));
	(void)weigh_all();
	assert_true(comparison_is_hopeless(comparison));
}

static void
what_only_we_have_is_doubted_at_the_end(void **state)
{
	(void)state;
	have_some(1, 3, EARLY);
	list(1, EARLY);
	list(3, EARLY);
	assert_no_doubt();
	(void)weigh_all();
	assert_doubt(2);
	assert_no_doubt();
}

static void
what_came_after_the_list_began_need_not_be_on_it(void **state)
{
	(void)state;
	have_some(1, 1, LATE);
	(void)weigh_all();
	assert_no_doubt();
}

static void
without_a_context_nothing_came_later(void **state)
{
	(void)state;
	comparison_free(comparison);
	context.count = 0;
	assert_int_equal(comparison_new(f.state, &context, &comparison), 0);
	have_some(1, 1, LATE);
	(void)weigh_all();
	assert_doubt(1);
	assert_no_doubt();
}

static void
an_entry_listed_twice_does_not_make_up_for_another(void **state)
{
	(void)state;
	have_some(1, 2, EARLY);
	list(1, EARLY);
	list(1, EARLY);
	(void)weigh_all();
	assert_doubt(1);
	assert_doubt(2);
	assert_no_doubt();
}

static void
one_call_weighs_only_some_of_many(void **state)
{
	(void)state;
	have_some(1, 4500, EARLY);
	for (uint32_t i = 1; i <= 4500; i++) {
		if (i != 4400)
			list(i, EARLY);
	}
	assert_true(weigh_all() > 4);
	/* One in 230 runs another shares its sum, and is doubted with it. */
	assert_doubted_with_few(4400);
}

static void
doubts_beyond_the_limit_are_hopeless_and_not_kept(void **state)
{
	uint32_t doubts = 0;

	(void)state;
	for (uint32_t i = 0; i < COMPARISON_DOUBTS_MAX; i++)
		list(i, EARLY);
	assert_false(comparison_is_hopeless(comparison));
	list(COMPARISON_DOUBTS_MAX, EARLY);
	assert_true(comparison_is_hopeless(comparison));
	for (; comparison_doubt(comparison) != NULL; doubts++)
		comparison_settled(comparison);
	assert_int_equal(doubts, COMPARISON_DOUBTS_MAX);
}

static void
it_joins_the_transaction_under_way_and_leaves_it_open(void **state)
{
	(void)state;
	have_some(1, 1, EARLY);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_delete(f.state, sync_uuid(1)), 0);
	list(1, EARLY);
	assert_doubt(1);
	(void)weigh_all();
	assert_true(state_is_busy(f.state));
	state_end(f.state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_on_both_sides_is_not_doubted),
		TEST(what_only_the_server_has_is_doubted_at_once),
		TEST(what_it_has_in_another_version_is_doubted_at_once),
		TEST(what_is_other_in_the_same_version_is_doubted_at_once),
		TEST(another_name_is_no_difference),
		TEST(
		    a_limit_that_no_entry_has_any_more_is_no_matter_of_single_ones),
		TEST(what_only_we_have_is_doubted_at_the_end),
		TEST(what_came_after_the_list_began_need_not_be_on_it),
		TEST(without_a_context_nothing_came_later),
		TEST(an_entry_listed_twice_does_not_make_up_for_another),
		TEST(one_call_weighs_only_some_of_many),
		TEST(doubts_beyond_the_limit_are_hopeless_and_not_kept),
		TEST(it_joins_the_transaction_under_way_and_leaves_it_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
