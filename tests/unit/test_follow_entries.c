#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/follow_fixture.h"

/* Which entries the follower takes, and which it holds back. */

static void
a_first_refresh_takes_what_it_is_told(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_int_equal(status.held, 0);
	assert_true(is_published(1));
	assert_false(is_suspended(1));
}

static void
what_a_refresh_did_not_name_goes_at_its_end(void **state)
{
	(void)state;
	follow_some(3);
	begin(true);
	tell(1, CSN_EARLY, "");
	tell_present(2);
	assert_true(has(3, CSN_EARLY));
	done(true);
	assert_true(has(1, CSN_EARLY));
	assert_true(has(2, CSN_EARLY));
	assert_false(has(3, CSN_EARLY));
	assert_false(is_published(3));
	assert_true(is_published(2));
}

static void
an_older_copy_is_held_in_a_refresh(void **state)
{
	(void)state;
	follow_some(1);
	follow_lost(follow, "lost");
	begin(false);
	tell(1, CSN_BEFORE, "");
	assert_true(follow_holds(follow));
	done(false);
	assert_true(has(1, CSN_EARLY));
	assert_int_equal(status.held, 1);
	assert_true(follow_holds(follow));
	assert_false(status.in_step);
}

static void
an_older_copy_after_a_refresh_is_told_late(void **state)
{
	(void)state;
	follow_some(1);
	tell(1, CSN_BEFORE, "");
	settle();
	assert_true(has(1, CSN_EARLY));
	assert_int_equal(status.held, 0);
	assert_true(status.in_step);
}

static void
an_older_copy_is_held_where_changes_are_not_told(void **state)
{
	(void)state;
	follow_fixture_stop();
	config.method = CONFIG_METHOD_POLL;
	follow_fixture_start();
	follow_some(1);
	tell(1, CSN_BEFORE, "");
	settle();
	assert_int_equal(status.held, 1);
	assert_true(has(1, CSN_EARLY));
}

static void
an_entry_that_was_seen_to_go_is_held(void **state)
{
	(void)state;
	follow_some(2);
	tell_gone(2);
	tell_reached(CSN_LATE);
	settle();
	follow_lost(follow, "lost");
	begin(false);
	tell(2, CSN_EARLY, "");
	tell(3, CSN_LAST, "");
	done(false);
	assert_false(has(2, CSN_EARLY));
	assert_true(has(3, CSN_LAST));
	assert_int_equal(status.held, 1);
}

static void
more_rights_without_a_change_are_held(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	done(true);
	tell(1, CSN_EARLY, "");
	settle();
	assert_true(is_suspended(1));
	assert_int_equal(status.held, 1);
	assert_true(*status.held_reason != '\0');
	assert_false(status.in_step);
	/* Told twice it is one. */
	tell(1, CSN_EARLY, "");
	settle();
	assert_int_equal(status.held, 1);
	tell(1, CSN_LATE, "");
	settle();
	assert_false(is_suspended(1));
}

static void
more_rights_by_other_rules_need_no_change(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	tell_reached(CSN_EARLY);
	done(true);
	follow_fixture_stop();
	memcpy(config.filter, "(cn=*)", sizeof("(cn=*)"));
	follow_fixture_start();
	assert_true(asks_for_all());
	assert_int_equal(follow_seen(follow)->count, 0);
	begin(true);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_false(is_suspended(1));
	assert_int_equal(status.held, 0);
	/* From then on they do. */
	tell(1, CSN_EARLY, SUSPENDED);
	tell(1, CSN_EARLY, "");
	settle();
	assert_true(is_suspended(1));
	assert_int_equal(status.held, 1);
}

static void
a_change_is_published_when_all_is_read(void **state)
{
	(void)state;
	follow_unproven(1);
	tell(1, CSN_LATE, SUSPENDED);
	tell(2, CSN_LATE, "");
	assert_false(is_suspended(1));
	settle();
	assert_true(is_suspended(1));
	assert_true(is_published(2));
}

static void
nothing_is_published_while_something_is_written(void **state)
{
	(void)state;
	follow_some(1);
	tell(2, CSN_LATE, "");
	assert_publishes(false);
	settle();
	assert_publishes(true);
}

static void
a_key_after_a_refresh_finds_its_account(void **state)
{
	(void)state;
	follow_unproven(1);
	tell_key(10000, 1);
	assert_null(follow_question(follow));
	settle();
	assert_int_equal(state_orphan_count(f.state), 0);
}

static void
what_waits_in_a_refresh_is_over_with_a_later_copy(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, with_key());
	done(true);
	begin(true);
	tell(1, CSN_LATE, "");
	assert_true(has(1, CSN_EARLY));
	tell(1, CSN_LAST, with_key());
	done(true);
	assert_true(has(1, CSN_LAST));
}

static void
what_takes_away_after_a_refresh_does_not_wait(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, with_key());
	done(true);
	begin(true);
	tell(1, CSN_EARLY, with_key());
	done(true);
	tell(1, CSN_LATE, "");
	settle();
	assert_true(has(1, CSN_LATE));
}

static void
an_older_copy_of_a_server_that_is_behind_is_held(void **state)
{
	(void)state;
	follow_behind(false);
	tell(1, CSN_BEFORE, "");
	settle();
	assert_true(has(1, CSN_EARLY));
	assert_int_equal(status.held, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(a_first_refresh_takes_what_it_is_told),
		FOLLOW_TEST(what_a_refresh_did_not_name_goes_at_its_end),
		FOLLOW_TEST(an_older_copy_is_held_in_a_refresh),
		FOLLOW_TEST(an_older_copy_after_a_refresh_is_told_late),
		FOLLOW_TEST(an_older_copy_is_held_where_changes_are_not_told),
		FOLLOW_TEST(an_entry_that_was_seen_to_go_is_held),
		FOLLOW_TEST(more_rights_without_a_change_are_held),
		FOLLOW_TEST(more_rights_by_other_rules_need_no_change),
		FOLLOW_TEST(a_change_is_published_when_all_is_read),
		FOLLOW_TEST(nothing_is_published_while_something_is_written),
		FOLLOW_TEST(a_key_after_a_refresh_finds_its_account),
		FOLLOW_TEST(what_waits_in_a_refresh_is_over_with_a_later_copy),
		FOLLOW_TEST(what_takes_away_after_a_refresh_does_not_wait),
		FOLLOW_TEST(an_older_copy_of_a_server_that_is_behind_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
