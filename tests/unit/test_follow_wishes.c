#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "tests/unit/follow_fixture.h"

/* What is wanted of the next refresh, and how old what is published grows. */

/* ---- alive, caught up -------------------------------------------------- */

static void
only_what_was_compared_grows_no_older(void **state)
{
	int64_t as_of, later;

	(void)state;
	follow_some(1);
	as_of = publisher_as_of(publisher);
	later = as_of + 3600;
	follow_lost(follow, "lost");
	follow_alive(follow, later);
	assert_int_equal(publisher_as_of(publisher), as_of);
	begin(false);
	follow_alive(follow, later);
	assert_int_equal(publisher_as_of(publisher), as_of);
	done(false);
	follow_alive(follow, later);
	assert_int_equal(publisher_as_of(publisher), as_of);
	follow_lost(follow, "lost");
	follow_some(1);
	follow_alive(follow, later);
	assert_int_equal(publisher_as_of(publisher), later);
	begin(true);
	follow_alive(follow, later + 3600);
	assert_int_equal(publisher_as_of(publisher), later);
}

static void
what_is_held_of_a_server_that_is_behind_grows_older(void **state)
{
	int64_t as_of;

	(void)state;
	follow_behind(true);
	as_of = publisher_as_of(publisher);
	follow_alive(follow, as_of + 3600);
	assert_int_equal(publisher_as_of(publisher), as_of);
}

static void
what_is_held_for_its_rights_grows_older(void **state)
{
	int64_t as_of;

	(void)state;
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	done(true);
	as_of = publisher_as_of(publisher);
	tell(1, CSN_EARLY, "");
	settle();
	follow_alive(follow, as_of + 3600);
	assert_int_equal(publisher_as_of(publisher), as_of);
}

static void
what_is_held_as_too_much_grows_older(void **state)
{
	int64_t as_of;

	(void)state;
	follow_held();
	as_of = publisher_as_of(publisher);
	follow_alive(follow, as_of + 3600);
	assert_int_equal(publisher_as_of(publisher), as_of);
}

static void
what_was_held_is_asked_for_when_a_server_has_caught_up(void **state)
{
	(void)state;
	follow_behind(true);
	assert_true(follow_holds(follow));
	assert_true(follow_is_behind(follow));
	assert_false(follow_wants_refresh(follow));
	tell_reached(CSN_LATE);
	settle();
	assert_false(follow_is_behind(follow));
	assert_true(follow_wants_refresh(follow));
}

static void
a_server_that_has_caught_up_is_good_when_nothing_is_held(void **state)
{
	(void)state;
	follow_behind(false);
	assert_false(follow_holds(follow));
	assert_true(follow_is_behind(follow));
	tell_reached(CSN_LATE);
	settle();
	assert_false(follow_is_behind(follow));
	assert_false(follow_wants_refresh(follow));
	assert_true(status.in_step);
}

/* ---- wishes ------------------------------------------------------------ */

static void
what_is_wanted_before_a_refresh_is_met_by_it(void **state)
{
	(void)state;
	follow_some(1);
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_true(asks_for_all());
	assert_true(follow_wants_refresh(follow));
	begin(true);
	assert_false(follow_wants_refresh(follow));
	tell(1, CSN_EARLY, "");
	done(true);
	assert_false(follow_wants_refresh(follow));
	assert_false(asks_for_all());
}

static void
what_is_wanted_in_a_refresh_is_met_by_the_next(void **state)
{
	(void)state;
	follow_some(1);
	begin(true);
	follow_want_all(follow);
	assert_false(follow_wants_refresh(follow));
	tell(1, CSN_EARLY, "");
	done(true);
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
	begin(true);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_false(follow_wants_refresh(follow));
}

static void
what_is_wanted_after_a_refresh_is_met_by_the_next(void **state)
{
	(void)state;
	follow_some(1);
	follow_want_all(follow);
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
	assert_true(status.in_step);
	begin(true);
	/* Not by one in parts that comes in its place. */
	assert_int_equal(follow_begin(follow, false, false), -EPROTO);
	assert_true(asks_for_all());
	tell(1, CSN_EARLY, "");
	done(true);
	assert_false(follow_wants_refresh(follow));
}

static void
a_refresh_that_breaks_is_still_wanted(void **state)
{
	(void)state;
	follow_some(1);
	follow_want_all(follow);
	begin(true);
	follow_lost(follow, "lost");
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
}

static void
there_is_nothing_to_accept_where_nothing_is_held(void **state)
{
	(void)state;
	follow_some(1);
	assert_int_equal(follow_accept(follow), ENS_E_NOTFOUND);
	assert_false(follow_wants_refresh(follow));
	assert_false(follow_is_lenient(follow));
}

static void
what_is_accepted_is_all_that_the_next_refresh_says(void **state)
{
	(void)state;
	follow_held();
	assert_int_equal(follow_accept(follow), 0);
	assert_true(follow_is_lenient(follow));
	assert_true(follow_wants_refresh(follow));
	settle();
	follow_lost(follow, "to ask for everything");
	assert_true(follow_is_lenient(follow));
	begin(true);
	assert_true(follow_is_lenient(follow));
	tell(1, CSN_BEFORE, "");
	done(true);
	assert_false(follow_is_lenient(follow));
	assert_false(follow_holds(follow));
	assert_true(has(1, CSN_BEFORE));
	assert_false(is_published(2));
	assert_true(status.in_step);
}

static void
what_is_accepted_counts_though_its_server_is_behind(void **state)
{
	(void)state;
	follow_held();
	assert_int_equal(follow_accept(follow), 0);
	follow_lost(follow, "to ask for everything");
	assert_int_equal(follow_begin(follow, true, true), 0);
	tell(1, CSN_BEFORE, "");
	done(true);
	assert_false(follow_holds(follow));
	assert_true(has(1, CSN_BEFORE));
	assert_false(is_published(2));
	assert_true(status.in_step);
}

/* Of a server that was put back to an earlier time. */
static void
an_acceptance_outlasts_a_server_that_does_not_answer(void **state)
{
	(void)state;
	follow_held();
	assert_true(csn_set_has_seen(follow_seen(follow), CSN_EARLY));
	follow_lost(follow, "lost");
	assert_int_equal(follow_accept(follow), 0);
	follow_lost(follow, "no route");
	begin(true);
	tell(1, CSN_BEFORE, "");
	tell_reached(CSN_BEFORE);
	done(true);
	assert_true(has(1, CSN_BEFORE));
	assert_true(csn_set_has_seen(follow_seen(follow), CSN_BEFORE));
	assert_false(csn_set_has_seen(follow_seen(follow), CSN_EARLY));
	/* What it does from then on is new. */
	tell(2, CSN_EARLY, "");
	settle();
	assert_true(has(2, CSN_EARLY));
	assert_int_equal(status.held, 0);
}

static void
an_acceptance_is_not_for_the_refresh_that_runs(void **state)
{
	(void)state;
	follow_some(2);
	begin(true);
	tell(1, CSN_BEFORE, "");
	assert_int_equal(follow_accept(follow), 0);
	assert_true(follow_is_lenient(follow));
	tell(2, CSN_BEFORE, "");
	done(true);
	assert_true(has(1, CSN_EARLY));
	assert_true(has(2, CSN_EARLY));
	assert_int_equal(status.held, 2);
	/* Nor for what is told after it. */
	tell(1, CSN_BEFORE, "");
	settle();
	assert_true(has(1, CSN_EARLY));
	assert_true(follow_is_lenient(follow));
	assert_true(follow_wants_refresh(follow));
	begin(true);
	tell(1, CSN_BEFORE, "");
	tell(2, CSN_BEFORE, "");
	done(true);
	assert_true(has(1, CSN_BEFORE));
	assert_true(has(2, CSN_BEFORE));
	assert_false(follow_holds(follow));
	assert_false(follow_is_lenient(follow));
}

static void
too_much_is_held_though_an_acceptance_came_meanwhile(void **state)
{
	(void)state;
	follow_held();
	begin(true);
	assert_int_equal(follow_accept(follow), 0);
	done(true);
	assert_true(follow_holds(follow));
	assert_true(is_published(MANY));
	begin(true);
	done(true);
	assert_false(follow_holds(follow));
	assert_false(is_published(MANY));
}

static void
an_acceptance_whose_refresh_breaks_is_good_for_the_next(void **state)
{
	(void)state;
	follow_held();
	assert_int_equal(follow_accept(follow), 0);
	begin(true);
	tell(1, CSN_BEFORE, "");
	follow_lost(follow, "lost");
	assert_true(follow_is_lenient(follow));
	assert_true(asks_for_all());
	begin(true);
	tell(1, CSN_BEFORE, "");
	done(true);
	assert_false(follow_holds(follow));
	assert_true(has(1, CSN_BEFORE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(only_what_was_compared_grows_no_older),
		FOLLOW_TEST(
		    what_is_held_of_a_server_that_is_behind_grows_older),
		FOLLOW_TEST(what_is_held_for_its_rights_grows_older),
		FOLLOW_TEST(what_is_held_as_too_much_grows_older),
		FOLLOW_TEST(
		    what_was_held_is_asked_for_when_a_server_has_caught_up),
		FOLLOW_TEST(
		    a_server_that_has_caught_up_is_good_when_nothing_is_held),
		FOLLOW_TEST(what_is_wanted_before_a_refresh_is_met_by_it),
		FOLLOW_TEST(what_is_wanted_in_a_refresh_is_met_by_the_next),
		FOLLOW_TEST(what_is_wanted_after_a_refresh_is_met_by_the_next),
		FOLLOW_TEST(a_refresh_that_breaks_is_still_wanted),
		FOLLOW_TEST(there_is_nothing_to_accept_where_nothing_is_held),
		FOLLOW_TEST(what_is_accepted_is_all_that_the_next_refresh_says),
		FOLLOW_TEST(
		    what_is_accepted_counts_though_its_server_is_behind),
		FOLLOW_TEST(
		    an_acceptance_outlasts_a_server_that_does_not_answer),
		FOLLOW_TEST(an_acceptance_is_not_for_the_refresh_that_runs),
		FOLLOW_TEST(
		    too_much_is_held_though_an_acceptance_came_meanwhile),
		FOLLOW_TEST(
		    an_acceptance_whose_refresh_breaks_is_good_for_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
