#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enscale_sync/orphans.h"
#include "tests/unit/follow_fixture.h"

/* What a server sends, and what the follower makes of it in each phase. */

/* ---- begin ------------------------------------------------------------- */

static void
nothing_of_a_refresh_is_published_before_it_is_complete(void **state)
{
	(void)state;
	assert_connection(STATUS_WAITING);
	assert_true(asks_for_all());
	begin(true);
	assert_connection(STATUS_REFRESHING);
	tell(1, CSN_EARLY, "");
	settle();
	assert_false(is_published(1));
	done(true);
	assert_connection(STATUS_FOLLOWING);
	assert_true(is_published(1));
}

static void
a_refresh_that_follows_another_leaves_it_in_step_meanwhile(void **state)
{
	(void)state;
	follow_some(2);
	assert_true(status.in_step);
	begin(true);
	assert_connection(STATUS_REFRESHING);
	assert_true(status.in_step);
	tell(1, CSN_LATE, SUSPENDED);
	settle();
	assert_false(is_suspended(1));
	tell(2, CSN_EARLY, "");
	done(true);
	assert_true(is_suspended(1));
	assert_true(status.in_step);
}

static void
nothing_at_all_is_published_in_a_refresh(void **state)
{
	(void)state;
	follow_some(1);
	assert_publishes(true);
	begin(true);
	assert_publishes(false);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_publishes(true);
}

static void
a_refresh_that_is_begun_anew_forgets_what_it_named(void **state)
{
	(void)state;
	follow_some(2);
	follow_want_all(follow);
	begin(true);
	tell_present(1);
	begin(true);
	tell_present(2);
	done(true);
	assert_false(is_published(1));
	assert_true(is_published(2));
	assert_false(follow_wants_refresh(follow));
}

static void
a_refresh_that_is_begun_anew_meets_the_same_wish(void **state)
{
	(void)state;
	follow_held();
	assert_int_equal(follow_accept(follow), 0);
	begin(true);
	begin(true);
	assert_false(follow_wants_refresh(follow));
	tell(1, CSN_BEFORE, "");
	done(true);
	assert_true(has(1, CSN_BEFORE));
	assert_false(follow_holds(follow));
}

static void
a_refresh_in_full_finds_out_anew_what_is_held(void **state)
{
	(void)state;
	follow_some(1);
	begin(true);
	tell(1, CSN_BEFORE, "");
	done(true);
	assert_int_equal(status.held, 1);
	assert_true(follow_holds(follow));
	begin(true);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_int_equal(status.held, 0);
	assert_false(follow_holds(follow));
	assert_true(status.in_step);
}

static void
what_changed_is_asked_for_once_all_is_known(void **state)
{
	(void)state;
	follow_some(1);
	assert_false(asks_for_all());
	follow_lost(follow, "lost");
	assert_false(asks_for_all());
	follow_fixture_restart();
	assert_false(asks_for_all());
}

/* ---- present, gone ----------------------------------------------------- */

/* As a version leaves it whose entries had other fields than ours. */
static void
have_other_fields(void)
{
	struct state_info *info;

	memcpy(&info, &(const struct state_info *){ state_info(f.state) },
	    sizeof(info));
	assert_int_equal(state_begin_write(f.state), 0);
	info->fields ^= 1;
	assert_int_equal(state_commit(f.state), 0);
}

static void
for_other_fields_all_is_asked_anew_and_nothing_forgotten(void **state)
{
	(void)state;
	follow_some(2);
	have_other_fields();
	assert_false(asks_for_all());
	follow_fixture_restart();
	assert_true(asks_for_all());
	assert_true(csn_set_has_seen(follow_seen(follow), CSN_EARLY));
	begin(true);
	tell(1, CSN_EARLY, "");
	/* It was seen to be over, and an older server does not bring it back. */
	tell(3, CSN_EARLY, "");
	assert_false(has(3, CSN_EARLY));
	done(true);
	assert_int_equal(status.held, 1);
	follow_fixture_restart();
	begin(true);
	tell(1, CSN_EARLY, "");
	tell_reached(CSN_EARLY);
	done(true);
	follow_fixture_restart();
	assert_false(asks_for_all());
}

static void
without_a_follower_nothing_is_in_step(void **state)
{
	(void)state;
	follow_some(1);
	assert_true(status.in_step);
	follow_fixture_stop();
	assert_false(status.in_step);
	assert_connection(STATUS_WAITING);
	follow_fixture_start();
	assert_false(status.in_step);
}

static void
what_is_gone_goes_with_the_refresh_that_said_so(void **state)
{
	(void)state;
	follow_some(1);
	tell(2, CSN_EARLY, with_key());
	settle();
	follow_lost(follow, "lost");
	begin(false);
	/* Without its key: what waits for the end does not bring it back. */
	tell(2, CSN_LATE, "");
	assert_true(has(2, CSN_EARLY));
	tell_gone(2);
	done(false);
	assert_true(is_published(1));
	assert_false(is_published(2));
}

static void
what_is_gone_after_a_refresh_is_gone_at_once(void **state)
{
	(void)state;
	follow_some(2);
	tell_gone(2);
	settle();
	assert_true(is_published(1));
	assert_false(is_published(2));
}

/* ---- done -------------------------------------------------------------- */

static void
a_refresh_in_full_is_a_proof_when_it_was_swept(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, "");
	tell_reached(CSN_EARLY);
	done(false);
	assert_false(status.in_step);
	assert_true(follow_wants_comparison(follow));
	follow_lost(follow, "lost");
	follow_some(1);
	assert_true(status.in_step);
	assert_false(follow_wants_comparison(follow));
}

static void
what_changed_since_is_no_proof(void **state)
{
	(void)state;
	follow_some(2);
	follow_lost(follow, "lost");
	assert_false(status.in_step);
	begin(false);
	tell_present(1);
	done(true);
	assert_false(is_published(2));
	assert_false(status.in_step);
	assert_true(follow_wants_comparison(follow));
}

static void
without_a_sweep_nothing_goes(void **state)
{
	(void)state;
	follow_some(2);
	follow_lost(follow, "lost");
	begin(false);
	done(false);
	assert_true(is_published(2));
	assert_true(follow_wants_comparison(follow));
}

static void
a_proof_outlasts_a_refresh_that_is_none(void **state)
{
	(void)state;
	follow_some(1);
	begin(false);
	done(false);
	assert_true(status.in_step);
	assert_false(follow_wants_comparison(follow));
}

static void
too_much_at_once_is_held(void **state)
{
	(void)state;
	follow_held();
	assert_connection(STATUS_FOLLOWING);
	assert_true(is_published(MANY));
	assert_int_equal(status.held, MANY);
	assert_true(*status.held_reason != '\0');
	assert_false(status.in_step);
	/* A comparison would take away what was held. */
	assert_false(follow_wants_comparison(follow));
	/* What is told one by one counts meanwhile. */
	tell_gone(1);
	settle();
	assert_false(is_published(1));
}

static void
what_would_take_away_too_much_is_not_compared(void **state)
{
	(void)state;
	follow_some(MANY);
	follow_lost(follow, "lost");
	begin(false);
	tell_present(1);
	done(true);
	assert_true(follow_holds(follow));
	assert_true(is_published(MANY));
	assert_false(follow_wants_comparison(follow));
}

static void
what_was_held_was_not_read_by_other_rules(void **state)
{
	(void)state;
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	tell_many(2, MANY, CSN_EARLY);
	tell_reached(CSN_EARLY);
	done(true);
	follow_fixture_stop();
	memcpy(config.filter, "(cn=*)", sizeof("(cn=*)"));
	follow_fixture_start();
	begin(true);
	tell(1, CSN_EARLY, SUSPENDED);
	done(true);
	assert_true(follow_holds(follow));
	begin(true);
	tell(1, CSN_EARLY, "");
	tell_many(2, MANY, CSN_EARLY);
	done(true);
	assert_false(follow_holds(follow));
	assert_false(is_suspended(1));
}

static void
what_narrows_does_not_wait_for_what_is_held(void **state)
{
	(void)state;
	follow_some(MANY);
	tell(1, CSN_LATE, with_key());
	settle();
	begin(true);
	/* Without its key: that waits, and so does the version. */
	tell(1, CSN_LAST, SUSPENDED);
	done(true);
	assert_true(follow_holds(follow));
	assert_true(is_suspended(1));
	assert_true(has(1, CSN_LATE));
}

static void
what_is_held_does_not_hold_what_goes_since(void **state)
{
	(void)state;
	begin(true);
	tell_many(1, MANY + 2, CSN_EARLY);
	done(true);
	begin(true);
	tell_present(MANY + 1);
	tell_present(MANY + 2);
	done(true);
	assert_true(follow_holds(follow));
	begin(true);
	tell_present(MANY + 1);
	done(true);
	assert_true(follow_holds(follow));
	assert_false(is_published(MANY + 2));
	assert_true(is_published(MANY + 1));
	assert_true(is_published(MANY));
	assert_false(status.in_step);
}

static void
what_is_held_is_settled_by_a_refresh_that_takes_less(void **state)
{
	(void)state;
	follow_held();
	begin(true);
	assert_true(*status.held_reason != '\0');
	tell_many(1, MANY, CSN_EARLY);
	done(true);
	assert_false(follow_holds(follow));
	assert_true(*status.held_reason == '\0');
	assert_true(status.in_step);
}

static void
a_state_that_was_lost_is_measured_by_the_view(void **state)
{
	bool replaced;

	(void)state;
	follow_some(MANY);
	follow_fixture_stop();
	state_close(f.state);
	follow_fixture_shell("rm -rf state && mkdir -m 700 state");
	assert_int_equal(state_open(f.folder, &f.state, &replaced), 0);
	follow_fixture_start();
	begin(true);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_true(follow_holds(follow));
	assert_true(is_published(MANY));
	assert_true(publisher_waits(publisher));
	assert_int_equal(follow_accept(follow), 0);
	begin(true);
	tell(1, CSN_EARLY, "");
	done(true);
	assert_false(is_published(MANY));
	assert_false(publisher_waits(publisher));
	assert_true(is_published(1));
}

static void
what_a_server_that_is_behind_may_not_have_seen_stays(void **state)
{
	(void)state;
	follow_some(1);
	tell(2, CSN_LATE, "");
	tell_reached(CSN_LATE);
	settle();
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_int_equal(follow_begin(follow, true, true), 0);
	assert_true(follow_is_behind(follow));
	tell_reached(CSN_EARLY);
	done(true);
	assert_false(is_published(1));
	assert_true(is_published(2));
	assert_int_equal(status.held, 1);
	assert_true(follow_is_behind(follow));
	assert_false(status.in_step);
	follow_lost(follow, "lost");
	assert_false(follow_is_behind(follow));
}

/* ---- out of turn ------------------------------------------------------- */

static void
assert_nothing_is_compared(void)
{
	struct entry entry = account(1, CSN_EARLY, "");

	assert_int_equal(follow_compare_entry(follow, &entry), -EPROTO);
	assert_int_equal(follow_compare_listed(follow), -EPROTO);
	assert_null(follow_compare_question(follow, true));
	assert_int_equal(follow_compare_answer(follow, NULL), -EPROTO);
	assert_int_equal(follow_compare_end(follow, NULL), 0);
}

static void
nothing_is_told_without_a_server(void **state)
{
	static const uint8_t uuids[1][ENTRY_UUID_LEN];
	const struct csn_set context = { 0 };
	struct entry entry;

	(void)state;
	follow_some(1);
	follow_lost(follow, "lost");
	entry = account(1, CSN_LATE, "");
	assert_int_equal(follow_entry(follow, &entry), -EPROTO);
	assert_int_equal(follow_present(follow, uuids, 1), -EPROTO);
	assert_int_equal(follow_gone(follow, uuids, 1), -EPROTO);
	assert_int_equal(follow_done(follow, true), -EPROTO);
	assert_int_equal(follow_compare_begin(follow, &context), -EPROTO);
	assert_nothing_is_compared();
	assert_connection(STATUS_WAITING);
	assert_false(state_is_busy(f.state));
}

static void
nothing_is_compared_in_a_refresh(void **state)
{
	const struct csn_set context = { 0 };

	(void)state;
	begin(true);
	assert_int_equal(follow_compare_begin(follow, &context), -EPROTO);
	assert_nothing_is_compared();
	assert_connection(STATUS_REFRESHING);
}

static void
a_refresh_ends_once(void **state)
{
	(void)state;
	follow_some(1);
	assert_int_equal(follow_done(follow, true), -EPROTO);
	assert_true(is_published(1));
	assert_nothing_is_compared();
	assert_int_equal(status.refreshes, 1);
}

static void
a_refresh_in_parts_is_none_that_was_wanted(void **state)
{
	(void)state;
	follow_some(1);
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_int_equal(follow_begin(follow, false, false), -EPROTO);
	assert_true(follow_wants_refresh(follow));
	assert_connection(STATUS_WAITING);
}

/* ---- orphans ----------------------------------------------------------- */

/* Keys below accounts that nobody knows, each below another one. */
static void
tell_orphans(uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++)
		tell_key(10000 + i, 5000 + i);
}

static void
an_orphan_is_asked_about_before_it_is_published(void **state)
{
	(void)state;
	follow_some(1);
	tell(2, CSN_LATE, "");
	tell_orphans(1);
	settle();
	assert_string_equal(follow_question(follow),
	    "enscaleAccountId=5001,ou=accounts," SUFFIX);
	assert_false(is_published(2));
	assert_int_equal(follow_answer(follow, NULL), 0);
	assert_null(follow_question(follow));
	settle();
	assert_true(is_published(2));
	assert_false(follow_wants_refresh(follow));
}

static void
too_many_orphans_are_the_matter_of_a_refresh(void **state)
{
	(void)state;
	follow_some(1);
	tell_orphans(ORPHANS_MAX + 1);
	assert_true(follow_wants_refresh(follow));
}

static void
too_many_orphans_of_a_refresh_are_the_matter_of_another(void **state)
{
	(void)state;
	follow_some(1);
	follow_lost(follow, "lost");
	begin(false);
	tell_orphans(ORPHANS_MAX + 1);
	assert_null(follow_question(follow));
	done(false);
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
	/* That one knows all names. */
	follow_lost(follow, "to ask for everything");
	begin(true);
	tell(1, CSN_EARLY, "");
	tell_orphans(2);
	done(true);
	assert_null(follow_question(follow));
	assert_false(follow_wants_refresh(follow));
}

/* ---- lost -------------------------------------------------------------- */

static void
what_was_not_complete_is_undone_with_the_connection(void **state)
{
	(void)state;
	follow_some(2);
	begin(true);
	tell(3, CSN_LATE, "");
	tell_gone(2);
	settle();
	follow_lost(follow, "no answer");
	assert_connection(STATUS_WAITING);
	assert_false(status.in_step);
	assert_string_equal(status.last_error, "no answer");
	assert_true(has(2, CSN_EARLY));
	assert_false(has(3, CSN_LATE));
	assert_false(asks_for_all());
	/* There may be no server at all. */
	follow_lost(follow, "no route");
	assert_connection(STATUS_WAITING);
	assert_string_equal(status.last_error, "no route");
}

static void
what_a_broken_refresh_has_told_is_published(void **state)
{
	(void)state;
	follow_some(1);
	begin(true);
	tell(1, CSN_LATE, "enscaleMaxSessions: 3\n");
	tell_reached(CSN_LATE);
	tell_many(2, 1100, CSN_LATE);
	assert_false(is_published(2));
	follow_lost(follow, "lost");
	assert_true(is_published(2));
	/* But it came no further. */
	assert_false(csn_set_has_seen(follow_seen(follow), CSN_LATE));
}

static void
what_is_held_is_asked_for_by_the_next_connection(void **state)
{
	(void)state;
	follow_held();
	assert_false(follow_wants_refresh(follow));
	follow_lost(follow, "lost");
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
}

static void
what_is_held_is_asked_for_by_the_next_start(void **state)
{
	(void)state;
	follow_held();
	follow_fixture_restart();
	assert_true(follow_holds(follow));
	assert_true(*status.held_reason != '\0');
	assert_true(follow_wants_refresh(follow));
	assert_true(asks_for_all());
	begin(true);
	tell_many(1, MANY, CSN_EARLY);
	done(true);
	assert_false(follow_holds(follow));
	assert_true(status.in_step);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(
		    nothing_of_a_refresh_is_published_before_it_is_complete),
		FOLLOW_TEST(
		    a_refresh_that_follows_another_leaves_it_in_step_meanwhile),
		FOLLOW_TEST(nothing_at_all_is_published_in_a_refresh),
		FOLLOW_TEST(a_refresh_that_is_begun_anew_forgets_what_it_named),
		FOLLOW_TEST(a_refresh_that_is_begun_anew_meets_the_same_wish),
		FOLLOW_TEST(a_refresh_in_full_finds_out_anew_what_is_held),
		FOLLOW_TEST(what_changed_is_asked_for_once_all_is_known),
		FOLLOW_TEST(
		    for_other_fields_all_is_asked_anew_and_nothing_forgotten),
		FOLLOW_TEST(without_a_follower_nothing_is_in_step),
		FOLLOW_TEST(what_is_gone_goes_with_the_refresh_that_said_so),
		FOLLOW_TEST(what_is_gone_after_a_refresh_is_gone_at_once),
		FOLLOW_TEST(a_refresh_in_full_is_a_proof_when_it_was_swept),
		FOLLOW_TEST(what_changed_since_is_no_proof),
		FOLLOW_TEST(without_a_sweep_nothing_goes),
		FOLLOW_TEST(a_proof_outlasts_a_refresh_that_is_none),
		FOLLOW_TEST(too_much_at_once_is_held),
		FOLLOW_TEST(what_would_take_away_too_much_is_not_compared),
		FOLLOW_TEST(what_was_held_was_not_read_by_other_rules),
		FOLLOW_TEST(what_narrows_does_not_wait_for_what_is_held),
		FOLLOW_TEST(what_is_held_does_not_hold_what_goes_since),
		FOLLOW_TEST(
		    what_is_held_is_settled_by_a_refresh_that_takes_less),
		FOLLOW_TEST(a_state_that_was_lost_is_measured_by_the_view),
		FOLLOW_TEST(
		    what_a_server_that_is_behind_may_not_have_seen_stays),
		FOLLOW_TEST(nothing_is_told_without_a_server),
		FOLLOW_TEST(nothing_is_compared_in_a_refresh),
		FOLLOW_TEST(a_refresh_ends_once),
		FOLLOW_TEST(a_refresh_in_parts_is_none_that_was_wanted),
		FOLLOW_TEST(an_orphan_is_asked_about_before_it_is_published),
		FOLLOW_TEST(too_many_orphans_are_the_matter_of_a_refresh),
		FOLLOW_TEST(
		    too_many_orphans_of_a_refresh_are_the_matter_of_another),
		FOLLOW_TEST(
		    what_was_not_complete_is_undone_with_the_connection),
		FOLLOW_TEST(what_a_broken_refresh_has_told_is_published),
		FOLLOW_TEST(what_is_held_is_asked_for_by_the_next_connection),
		FOLLOW_TEST(what_is_held_is_asked_for_by_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
