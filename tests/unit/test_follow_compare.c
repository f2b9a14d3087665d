#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/follow_fixture.h"

/* What is here, held against what a server has. */

/* One that lists accounts from 1 on: until a question, or its end. */
static const uint8_t *
compare(uint32_t count, bool can_ask)
{
	static struct csn_set context;
	struct entry entry;
	int r;

	context.count = 0;
	assert_int_equal(csn_set_add(&context, CSN_EARLY, strlen(CSN_EARLY)),
	    0);
	assert_int_equal(follow_compare_begin(follow, &context), 0);
	assert_false(follow_wants_comparison(follow));
	for (uint32_t i = 1; i <= count; i++) {
		entry = account(i, CSN_EARLY, "");
		assert_int_equal(follow_compare_entry(follow, &entry), 0);
	}
	do
		r = follow_compare_listed(follow);
	while (r == -EAGAIN);
	assert_int_equal(r, 0);
	return follow_compare_question(follow, can_ask);
}

static void
assert_asked(const uint8_t *uuid, uint32_t number)
{
	assert_non_null(uuid);
	assert_memory_equal(uuid, sync_uuid(number), ENTRY_UUID_LEN);
}

static void
it_is_in_step_when_all_was_compared(void **state)
{
	(void)state;
	follow_unproven(2);
	assert_false(status.in_step);
	assert_null(compare(2, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(status.in_step);
	assert_true(status.compared > 0);
	assert_false(follow_wants_comparison(follow));
}

static void
a_comparison_at_night_leaves_it_in_step(void **state)
{
	(void)state;
	follow_some(2);
	assert_null(compare(2, true));
	assert_true(status.in_step);
	assert_int_equal(follow_compare_end(follow, "lost"), 0);
	assert_true(status.in_step);
	assert_null(compare(2, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(status.in_step);
	assert_true(status.compared > 0);
}

static void
a_comparison_that_breaks_proves_nothing(void **state)
{
	(void)state;
	follow_unproven(2);
	assert_null(compare(2, true));
	assert_int_equal(follow_compare_end(follow, "lost"), 0);
	assert_false(status.in_step);
	assert_true(follow_wants_comparison(follow));
	assert_false(follow_wants_refresh(follow));
	/* Without one there is nothing to end. */
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_false(status.in_step);
}

static void
what_was_missed_comes_with_a_comparison(void **state)
{
	struct entry entry;

	(void)state;
	follow_unproven(2);
	assert_asked(compare(3, true), 3);
	entry = account(3, CSN_LATE, "");
	assert_int_equal(follow_compare_answer(follow, &entry), 0);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_int_equal(status.differences, 1);
	assert_int_equal(status.held, 0);
	assert_true(is_published(3));
	assert_true(status.in_step);
}

static void
what_comes_back_with_a_comparison_is_held(void **state)
{
	struct entry entry;

	(void)state;
	follow_unproven(2);
	assert_asked(compare(3, true), 3);
	/* All up to that had been told: it was seen to be over. */
	entry = account(3, CSN_EARLY, "");
	assert_int_equal(follow_compare_answer(follow, &entry), 0);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_int_equal(status.differences, 1);
	assert_int_equal(status.held, 1);
	assert_false(is_published(3));
}

static void
what_was_deleted_unseen_goes_with_a_comparison(void **state)
{
	(void)state;
	follow_unproven(3);
	assert_asked(compare(2, true), 3);
	assert_int_equal(follow_compare_answer(follow, NULL), 0);
	assert_true(is_published(3));
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_false(is_published(3));
	assert_true(is_published(2));
	assert_true(status.in_step);
	assert_int_equal(status.differences, 1);
}

static void
what_was_told_meanwhile_is_not_older_than_the_answer(void **state)
{
	struct entry entry;

	(void)state;
	follow_unproven(2);
	assert_asked(compare(3, true), 3);
	tell(3, CSN_LATE, "");
	entry = account(3, CSN_EARLY, "");
	assert_int_equal(follow_compare_answer(follow, &entry), 0);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(has(3, CSN_LATE));
	assert_int_equal(status.held, 0);
	assert_true(status.in_step);
}

static void
what_is_told_as_gone_is_no_difference(void **state)
{
	(void)state;
	follow_unproven(3);
	assert_asked(compare(2, true), 3);
	assert_int_equal(follow_compare_answer(follow, NULL), 0);
	tell_gone(3);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_false(is_published(3));
	assert_true(status.in_step);
}

static void
an_older_answer_is_held(void **state)
{
	struct entry entry;

	(void)state;
	follow_unproven(2);
	tell(2, CSN_LATE, "");
	settle();
	assert_asked(compare(2, true), 2);
	entry = account(2, CSN_EARLY, "");
	assert_int_equal(follow_compare_answer(follow, &entry), 0);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_int_equal(status.held, 1);
	assert_true(has(2, CSN_LATE));
	assert_false(status.in_step);
}

static void
too_many_differences_are_the_matter_of_a_refresh(void **state)
{
	const uint8_t *uuid;

	(void)state;
	follow_unproven(MANY);
	uuid = compare(1, true);
	while (uuid != NULL) {
		assert_int_equal(follow_compare_answer(follow, NULL), 0);
		uuid = follow_compare_question(follow, true);
	}
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(is_published(MANY));
	assert_false(status.in_step);
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
}

static void
what_cannot_be_asked_is_the_matter_of_a_refresh(void **state)
{
	(void)state;
	follow_unproven(3);
	assert_null(compare(2, false));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(is_published(3));
	assert_true(follow_wants_refresh(follow));
}

static void
a_list_that_begins_again_is_another_comparison(void **state)
{
	(void)state;
	follow_unproven(2);
	assert_asked(compare(3, true), 3);
	assert_null(compare(2, true));
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_true(status.in_step);
	assert_int_equal(status.differences, 0);
}

static void
there_is_no_answer_without_a_question(void **state)
{
	struct entry entry;

	(void)state;
	follow_unproven(2);
	assert_asked(compare(3, true), 3);
	assert_int_equal(follow_compare_answer(follow, NULL), 0);
	entry = account(3, CSN_EARLY, "");
	assert_int_equal(follow_compare_answer(follow, &entry), -EPROTO);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_answer(follow, NULL), -EPROTO);
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_int_equal(follow_compare_answer(follow, NULL), -EPROTO);
}

static void
a_comparison_ends_with_the_next_refresh(void **state)
{
	(void)state;
	follow_some(2);
	assert_null(compare(2, true));
	assert_true(status.comparing);
	begin(true);
	assert_false(status.comparing);
	assert_int_equal(follow_compare_end(follow, NULL), 0);
	assert_connection(STATUS_REFRESHING);
	assert_int_equal(status.compared, 0);
	done(true);
	assert_false(is_published(2));
}

static void
a_comparison_ends_with_the_connection(void **state)
{
	(void)state;
	follow_unproven(2);
	assert_null(compare(2, true));
	follow_lost(follow, "lost");
	assert_false(status.comparing);
	assert_false(follow_wants_comparison(follow));
	begin(false);
	done(false);
	assert_true(follow_wants_comparison(follow));
	assert_false(status.in_step);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(it_is_in_step_when_all_was_compared),
		FOLLOW_TEST(a_comparison_at_night_leaves_it_in_step),
		FOLLOW_TEST(a_comparison_that_breaks_proves_nothing),
		FOLLOW_TEST(what_was_missed_comes_with_a_comparison),
		FOLLOW_TEST(what_comes_back_with_a_comparison_is_held),
		FOLLOW_TEST(what_was_deleted_unseen_goes_with_a_comparison),
		FOLLOW_TEST(
		    what_was_told_meanwhile_is_not_older_than_the_answer),
		FOLLOW_TEST(what_is_told_as_gone_is_no_difference),
		FOLLOW_TEST(an_older_answer_is_held),
		FOLLOW_TEST(too_many_differences_are_the_matter_of_a_refresh),
		FOLLOW_TEST(what_cannot_be_asked_is_the_matter_of_a_refresh),
		FOLLOW_TEST(a_list_that_begins_again_is_another_comparison),
		FOLLOW_TEST(there_is_no_answer_without_a_question),
		FOLLOW_TEST(a_comparison_ends_with_the_next_refresh),
		FOLLOW_TEST(a_comparison_ends_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
