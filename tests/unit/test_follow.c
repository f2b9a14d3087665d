#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/view/view.h"
#include "enscale_sync/follow.h"
#include "enscale_sync/orphans.h"
#include "tests/unit/sync_fixture.h"

/* What a server sends, by hand, and what the follower makes of it, whatever it
 * was doing. The state and the publisher are the real ones. */

#define SUFFIX "dc=enscale,dc=com"
#define MANY   300 /* a refresh that names none of them takes too much away */

/* The times that something was changed at. */
#define CSN_BEFORE "20260101000000.000000Z#000000#001#000000"
#define CSN_EARLY  "20260101000001.000000Z#000000#001#000000"
#define CSN_LATE   "20260101000002.000000Z#000000#001#000000"
#define CSN_LAST   "20260101000003.000000Z#000000#001#000000"

#define SUSPENDED "enscaleStatus: suspended\n"

static struct sync_fixture f;
static struct config config;
static struct publisher *publisher;
static struct status status;
static struct follow *follow;

/* ---- the follower ------------------------------------------------------- */

static void
start(void)
{
	const char *what;

	memset(&status, 0, sizeof(status));
	assert_int_equal(publisher_open(&config, f.state, &publisher, &what),
	    0);
	assert_int_equal(
	    follow_new(&config, f.state, publisher, &status, &follow), 0);
}

static void
stop(void)
{
	follow_free(follow);
	follow = NULL;
	publisher_close(publisher);
	publisher = NULL;
}

/* As after an end of the process at this moment. */
static void
restart(void)
{
	stop();
	sync_fixture_reopen(&f);
	start();
}

/* Runs a command in the folder of the test. */
static void
shell(const char *what)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cd %s && %s", f.root, what);
	assert_int_equal(system(command), 0);
}

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	config_init(&config);
	memcpy(config.state_dir, f.root, sizeof(f.root));
	memcpy(config.run_dir, f.root, sizeof(f.root));
	shell("mkdir view map guard");
	start();
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	stop();
	sync_fixture_free(&f);
	return 0;
}

/* ---- messages ----------------------------------------------------------- */

static struct entry
account(uint32_t number, const char *csn, const char *more)
{
	char dn[64];
	static char lines[384];

	(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,ou=accounts,%s",
	    number, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleAccount\nenscaleAccountId: %u\n"
	    "entryCSN: %s\n%s",
	    number, csn, more);
	return sync_entry(&f, number, dn, lines);
}

/* More of an account. */
static const char *
with_key(void)
{
	static char line[160];

	(void)snprintf(line, sizeof(line), "sshPublicKey: %s\n", sync_key(1));
	return line;
}

static void
begin(bool full)
{
	assert_int_equal(follow_begin(follow, full, false), 0);
}

static void
tell(uint32_t number, const char *csn, const char *more)
{
	struct entry entry = account(number, csn, more);

	assert_int_equal(follow_entry(follow, &entry), 0);
}

static void
tell_many(uint32_t first, uint32_t count, const char *csn)
{
	for (uint32_t i = first; i < first + count; i++)
		tell(i, csn, "");
}

/* One that is an entry, below an account. */
static void
tell_key(uint32_t number, uint32_t below)
{
	struct entry entry;
	char dn[128], lines[384];

	(void)snprintf(dn, sizeof(dn),
	    "cn=k,enscaleAccountId=%u,ou=accounts,%s", below, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\ncn: k\nsshPublicKey: %s\n"
	    "entryCSN: %s\n",
	    sync_key(number), CSN_LATE);
	entry = sync_entry(&f, number, dn, lines);
	assert_int_equal(follow_entry(follow, &entry), 0);
}

typedef int tell_uuids(struct follow *follow,
    const uint8_t (*uuids)[ENTRY_UUID_LEN], uint32_t count);

static void
tell_uuid(tell_uuids *how, uint32_t number)
{
	uint8_t uuids[1][ENTRY_UUID_LEN];

	memcpy(uuids[0], sync_uuid(number), ENTRY_UUID_LEN);
	assert_int_equal(
	    how(follow, (const uint8_t(*)[ENTRY_UUID_LEN])uuids, 1), 0);
}

static void
tell_present(uint32_t number)
{
	tell_uuid(follow_present, number);
}

static void
tell_gone(uint32_t number)
{
	tell_uuid(follow_gone, number);
}

static void
tell_reached(const char *csn)
{
	char text[128];
	struct berval cookie = { 0, text };

	cookie.bv_len = (size_t)snprintf(text, sizeof(text), "rid=000,csn=%s",
	    csn);
	assert_int_equal(follow_reached(follow, cookie), 0);
}

static void
done(bool swept)
{
	assert_int_equal(follow_done(follow, swept), 0);
}

static void
settle(void)
{
	assert_int_equal(follow_settle(follow), 0);
}

/* A first refresh: accounts from 1 on, and the server is at CSN_EARLY. */
static void
follow_some(uint32_t count)
{
	begin(true);
	tell_many(1, count, CSN_EARLY);
	tell_reached(CSN_EARLY);
	done(true);
}

/* The same, but what is here was not proved: by what changed since. */
static void
follow_unproven(uint32_t count)
{
	follow_some(count);
	follow_lost(follow, "lost");
	begin(false);
	done(false);
}

/* A refresh in full that names none of many accounts, and is held. */
static void
follow_held(void)
{
	follow_some(MANY);
	begin(true);
	tell_reached(CSN_EARLY);
	done(true);
}

/* A server that is behind, and holds an account of a later time. */
static void
follow_behind(bool with_held)
{
	follow_some(1);
	tell_reached(CSN_LATE);
	settle();
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_int_equal(follow_begin(follow, true, true), 0);
	tell(1, with_held ? CSN_BEFORE : CSN_EARLY, "");
	tell_reached(CSN_EARLY);
	done(true);
}

/* ---- what came of it ---------------------------------------------------- */

static bool
has(uint32_t number, const char *csn)
{
	return follow_has(follow, sync_uuid(number), csn);
}

static int
look(uint32_t number, struct account_record *ret_account)
{
	struct view *view;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	r = view_open(path, &view);
	if (r != 0)
		return r;
	r = view_find_account(view, number, ret_account);
	view_close(view);
	return r;
}

static bool
is_published(uint32_t number)
{
	struct account_record record;

	return look(number, &record) == 0;
}

static bool
is_suspended(uint32_t number)
{
	struct account_record record;

	return look(number, &record) == 0 && record.status == ACCOUNT_SUSPENDED;
}

static void
assert_connection(enum status_connection connection)
{
	assert_int_equal(status.connection, connection);
}

/* Is all asked for? */
static bool
asks_for_all(void)
{
	return follow_cookie(follow).bv_len == 0;
}

/* Another publication is due, for a reason of its own. */
static void
assert_publishes(bool publishes)
{
	uint64_t publications = status.publications;

	publisher_distrust(publisher);
	follow_publish(follow);
	assert_int_equal(status.publications, publications + publishes);
	assert_string_equal(status.last_error, "");
}

/* ---- begin -------------------------------------------------------------- */

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
	restart();
	assert_false(asks_for_all());
}

/* ---- entry -------------------------------------------------------------- */

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
	stop();
	config.method = CONFIG_METHOD_POLL;
	start();
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
	stop();
	memcpy(config.filter, "(cn=*)", sizeof("(cn=*)"));
	start();
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

/* ---- present, gone ------------------------------------------------------ */

static void
present_means_nothing_after_a_refresh(void **state)
{
	(void)state;
	follow_some(1);
	tell_present(2);
	settle();
	assert_true(is_published(1));
	assert_true(status.in_step);
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

/* ---- done --------------------------------------------------------------- */

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
	stop();
	memcpy(config.filter, "(cn=*)", sizeof("(cn=*)"));
	start();
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
	stop();
	state_close(f.state);
	shell("rm -rf state && mkdir -m 700 state");
	assert_int_equal(state_open(f.folder, &f.state, &replaced), 0);
	start();
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

/* ---- comparing ---------------------------------------------------------- */

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
	entry = account(3, CSN_EARLY, "");
	/* It was seen to be over: that is held. */
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

/* ---- out of turn -------------------------------------------------------- */

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

/* ---- alive, caught up --------------------------------------------------- */

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

/* ---- wishes ------------------------------------------------------------- */

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

/* ---- orphans ------------------------------------------------------------ */

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

/* ---- lost --------------------------------------------------------------- */

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
	assert_false(follow_wants_comparison(follow));
	begin(false);
	done(false);
	assert_true(follow_wants_comparison(follow));
	assert_false(status.in_step);
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
	restart();
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_of_a_refresh_is_published_before_it_is_complete),
		TEST(
		    a_refresh_that_follows_another_leaves_it_in_step_meanwhile),
		TEST(nothing_at_all_is_published_in_a_refresh),
		TEST(a_refresh_that_is_begun_anew_forgets_what_it_named),
		TEST(a_refresh_that_is_begun_anew_meets_the_same_wish),
		TEST(a_refresh_in_full_finds_out_anew_what_is_held),
		TEST(what_changed_is_asked_for_once_all_is_known),
		TEST(a_first_refresh_takes_what_it_is_told),
		TEST(what_a_refresh_did_not_name_goes_at_its_end),
		TEST(an_older_copy_is_held_in_a_refresh),
		TEST(an_older_copy_after_a_refresh_is_told_late),
		TEST(an_older_copy_is_held_where_changes_are_not_told),
		TEST(an_entry_that_was_seen_to_go_is_held),
		TEST(more_rights_without_a_change_are_held),
		TEST(more_rights_by_other_rules_need_no_change),
		TEST(a_change_is_published_when_all_is_read),
		TEST(nothing_is_published_while_something_is_written),
		TEST(a_key_after_a_refresh_finds_its_account),
		TEST(what_waits_in_a_refresh_is_over_with_a_later_copy),
		TEST(what_takes_away_after_a_refresh_does_not_wait),
		TEST(an_older_copy_of_a_server_that_is_behind_is_held),
		TEST(present_means_nothing_after_a_refresh),
		TEST(what_is_gone_goes_with_the_refresh_that_said_so),
		TEST(what_is_gone_after_a_refresh_is_gone_at_once),
		TEST(a_refresh_in_full_is_a_proof_when_it_was_swept),
		TEST(what_changed_since_is_no_proof),
		TEST(without_a_sweep_nothing_goes),
		TEST(a_proof_outlasts_a_refresh_that_is_none),
		TEST(too_much_at_once_is_held),
		TEST(what_would_take_away_too_much_is_not_compared),
		TEST(what_was_held_was_not_read_by_other_rules),
		TEST(what_narrows_does_not_wait_for_what_is_held),
		TEST(what_is_held_does_not_hold_what_goes_since),
		TEST(what_is_held_is_settled_by_a_refresh_that_takes_less),
		TEST(a_state_that_was_lost_is_measured_by_the_view),
		TEST(what_a_server_that_is_behind_may_not_have_seen_stays),
		TEST(it_is_in_step_when_all_was_compared),
		TEST(a_comparison_at_night_leaves_it_in_step),
		TEST(a_comparison_that_breaks_proves_nothing),
		TEST(what_was_missed_comes_with_a_comparison),
		TEST(what_was_deleted_unseen_goes_with_a_comparison),
		TEST(what_was_told_meanwhile_is_not_older_than_the_answer),
		TEST(what_is_told_as_gone_is_no_difference),
		TEST(an_older_answer_is_held),
		TEST(too_many_differences_are_the_matter_of_a_refresh),
		TEST(what_cannot_be_asked_is_the_matter_of_a_refresh),
		TEST(a_list_that_begins_again_is_another_comparison),
		TEST(there_is_no_answer_without_a_question),
		TEST(nothing_is_told_without_a_server),
		TEST(nothing_is_compared_in_a_refresh),
		TEST(a_refresh_ends_once),
		TEST(a_refresh_in_parts_is_none_that_was_wanted),
		TEST(only_what_was_compared_grows_no_older),
		TEST(what_is_held_of_a_server_that_is_behind_grows_older),
		TEST(what_is_held_for_its_rights_grows_older),
		TEST(what_is_held_as_too_much_grows_older),
		TEST(what_was_held_is_asked_for_when_a_server_has_caught_up),
		TEST(a_server_that_has_caught_up_is_good_when_nothing_is_held),
		TEST(what_is_wanted_before_a_refresh_is_met_by_it),
		TEST(what_is_wanted_in_a_refresh_is_met_by_the_next),
		TEST(what_is_wanted_after_a_refresh_is_met_by_the_next),
		TEST(a_refresh_that_breaks_is_still_wanted),
		TEST(there_is_nothing_to_accept_where_nothing_is_held),
		TEST(what_is_accepted_is_all_that_the_next_refresh_says),
		TEST(an_acceptance_outlasts_a_server_that_does_not_answer),
		TEST(an_acceptance_is_not_for_the_refresh_that_runs),
		TEST(too_much_is_held_though_an_acceptance_came_meanwhile),
		TEST(an_acceptance_whose_refresh_breaks_is_good_for_the_next),
		TEST(an_orphan_is_asked_about_before_it_is_published),
		TEST(too_many_orphans_are_the_matter_of_a_refresh),
		TEST(too_many_orphans_of_a_refresh_are_the_matter_of_another),
		TEST(what_was_not_complete_is_undone_with_the_connection),
		TEST(what_a_broken_refresh_has_told_is_published),
		TEST(a_comparison_ends_with_the_next_refresh),
		TEST(a_comparison_ends_with_the_connection),
		TEST(what_is_held_is_asked_for_by_the_next_connection),
		TEST(what_is_held_is_asked_for_by_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
