#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "tests/unit/sync_fixture.h"

#define DN      "enscaleAccountId=1,dc=test"
#define ACCOUNT "objectClass: enscaleAccount\nenscaleAccountId: 1\n"

static struct sync_fixture f;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	return 0;
}

static void
stash(uint32_t uuid, const char *dn, const char *lines)
{
	struct entry entry = sync_entry(&f, uuid, dn, lines);

	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_stash(f.state, &entry), 0);
	assert_int_equal(state_commit(f.state), 0);
}

static void
apply(void)
{
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_apply_stash(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
}

/* The mail of the account with this UUID, which is to be there. */
static void
assert_mail(uint32_t uuid, const char *mail)
{
	struct entry_rows rows = { 0 };
	struct entry entry;

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(uuid), &rows, &entry),
	    0);
	assert_string_equal(entry.account.mail, mail);
	state_end(f.state);
	entry_rows_free(&rows);
}

static void
assert_none(uint32_t uuid)
{
	struct entry_rows rows = { 0 };
	struct entry entry;

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(uuid), &rows, &entry),
	    ENS_E_NOTFOUND);
	state_end(f.state);
	entry_rows_free(&rows);
}

static void
what_is_stashed_counts_only_when_it_is_applied(void **state)
{
	(void)state;
	sync_put(&f, 1, DN, ACCOUNT "mail: a@test\n");
	stash(1, DN, ACCOUNT "mail: b@test\n");
	stash(2, "enscaleAccountId=2,dc=test",
	    "objectClass: enscaleAccount\nenscaleAccountId: 2\n");
	assert_mail(1, "a@test");
	assert_none(2);
	apply();
	assert_mail(1, "b@test");
	assert_mail(2, "");
}

static void
the_last_one_stashed_counts(void **state)
{
	(void)state;
	stash(1, DN, ACCOUNT "mail: a@test\n");
	stash(1, DN, ACCOUNT "mail: b@test\n");
	apply();
	assert_mail(1, "b@test");
}

static void
what_is_taken_out_is_not_applied(void **state)
{
	(void)state;
	stash(1, DN, ACCOUNT);
	stash(2, "enscaleAccountId=2,dc=test",
	    "objectClass: enscaleAccount\nenscaleAccountId: 2\n");
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_unstash(f.state, sync_uuid(1)), 0);
	assert_int_equal(state_unstash(f.state, sync_uuid(3)), 0);
	assert_int_equal(state_commit(f.state), 0);
	apply();
	assert_none(1);
	assert_mail(2, "");
}

static void
a_cleared_stash_applies_nothing(void **state)
{
	(void)state;
	stash(1, DN, ACCOUNT);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_clear_stash(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	apply();
	assert_none(1);
}

static void
what_was_applied_is_not_applied_again(void **state)
{
	(void)state;
	stash(1, DN, ACCOUNT);
	apply();
	sync_delete(&f, 1);
	apply();
	assert_none(1);
}

static void
an_apply_that_is_undone_leaves_the_stash(void **state)
{
	(void)state;
	stash(1, DN, ACCOUNT);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_apply_stash(f.state), 0);
	state_end(f.state);
	assert_none(1);
	apply();
	assert_mail(1, "");
}

static void
a_child_from_the_stash_waits_to_be_adopted(void **state)
{
	char lines[256];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(1));
	sync_put(&f, 1, DN, ACCOUNT);
	stash(2, "cn=key," DN, lines);
	apply();
	assert_int_equal(state_begin_write(f.state), 0);
	assert_true(state_is_orphan(f.state, sync_uuid(2)));
	assert_int_equal(state_adopt(f.state), 0);
	assert_false(state_is_orphan(f.state, sync_uuid(2)));
	assert_int_equal(state_commit(f.state), 0);
}

/* ---- a refresh that is held -------------------------------------------- */

static void
apply_held(void)
{
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_apply_stash_held(f.state), 0);
	assert_int_equal(state_adopt(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
}

/* Is the entry with this UUID what the lines say, but for its name? */
static bool
is(uint32_t uuid, const char *lines)
{
	AUTO(wire_write_free) struct wire_writer scratch;
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry theirs = sync_entry(&f, uuid, DN, lines), ours;
	bool same;

	wire_write_init_growing(&scratch, 2 * RECORD_SIZE_MAX);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(uuid), &rows, &ours), 0);
	assert_int_equal(entry_compare(&scratch, &ours, &theirs, &same), 0);
	state_end(f.state);
	return same;
}

static const char *
with_csn(const char *lines, uint32_t number, const char *key)
{
	static char buffers[4][512];
	static unsigned int turn;
	char *buffer = buffers[turn++ % 4];

	(void)snprintf(buffer, sizeof(buffers[0]),
	    "%sentryCSN: 20260101000000.%06uZ#000000#001#000000\n%s%s%s", lines,
	    number, *key != '\0' ? "sshPublicKey: " : "", key,
	    *key != '\0' ? "\n" : "");
	return buffer;
}

static void
who_is_suspended_and_loses_a_key_is_suspended_at_once(void **state)
{
	(void)state;
	sync_put(&f, 1, DN, with_csn(ACCOUNT, 1, sync_key(1)));
	sync_complete(&f);
	stash(1, DN, with_csn(ACCOUNT "enscaleStatus: suspended\n", 2, ""));
	apply_held();
	/* The key is held, and so is the version: the next refresh asks again. */
	assert_true(is(1,
	    with_csn(ACCOUNT "enscaleStatus: suspended\n", 1, sync_key(1))));
	apply();
	assert_true(is(1,
	    with_csn(ACCOUNT "enscaleStatus: suspended\n", 1, sync_key(1))));
}

static void
what_would_be_lifted_waits_and_what_is_narrowed_does_not(void **state)
{
	(void)state;
	sync_put(&f, 1, "cn=env-1,dc=test",
	    "objectClass: enscaleEnvironment\ncn: env-1\n"
	    "enscaleFullAccess: 1\nenscaleFullAccess: 2\n");
	sync_put(&f, 2, DN, ACCOUNT "enscaleMaxSessions: 2\n");
	sync_complete(&f);
	stash(1, "cn=env-1,dc=test",
	    "objectClass: enscaleEnvironment\ncn: env-1\n"
	    "enscaleLimitedAccess: 1\nenscaleFullAccess: 3\n"
	    "enscaleState: stopped\n");
	stash(2, DN, ACCOUNT "enscaleExpires: 20300101000000Z\n");
	apply_held();
	assert_true(is(1,
	    "objectClass: enscaleEnvironment\ncn: env-1\n"
	    "enscaleLimitedAccess: 1\nenscaleFullAccess: 2\n"
	    "enscaleState: stopped\n"));
	assert_true(is(2,
	    ACCOUNT "enscaleMaxSessions: 2\n"
	            "enscaleExpires: 20300101000000Z\n"));
}

static void
what_is_gone_or_refused_or_new_waits_as_a_whole(void **state)
{
	(void)state;
	sync_put(&f, 1, DN, ACCOUNT);
	sync_complete(&f);
	stash(1, DN, ACCOUNT "enscaleStatus: asleep\n");
	stash(2, "enscaleAccountId=2,dc=test",
	    "objectClass: enscaleAccount\nenscaleAccountId: 2\n");
	apply_held();
	assert_true(is(1, ACCOUNT));
	assert_none(2);
}

static void
a_key_with_another_from_list_is_refused_until_one_of_both_counts(void **state)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	char lines[512];

	(void)state;
	for (uint32_t i = 1; i <= 2; i++) {
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleKey\n"
		    "sshPublicKey: from=\"10.0.0.%u\" %s\n",
		    i, sync_key(1));
		if (i == 1)
			sync_put(&f, 1, "cn=key," DN, lines);
		else
			stash(1, "cn=key," DN, lines);
	}
	apply_held();
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(1), &rows, &entry), 0);
	assert_true(entry.refused);
	assert_int_equal(state_refused_count(f.state), 1);
	state_end(f.state);
}

static void
children_find_a_parent_whose_new_name_came_with_what_is_held(void **state)
{
	char lines[256];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(2));
	sync_put(&f, 1, DN, with_csn(ACCOUNT, 1, sync_key(1)));
	sync_put(&f, 2, "cn=key," DN, lines);
	sync_complete(&f);
	stash(1, "uid=ann,dc=test", with_csn(ACCOUNT, 2, ""));
	assert_int_equal(state_begin_write(f.state), 0);
	sync_put_unsure(&f, 2, "cn=key,uid=ann,dc=test", lines);
	assert_int_equal(state_commit(f.state), 0);
	apply_held();
	assert_int_equal(state_begin_read(f.state), 0);
	assert_false(state_is_orphan(f.state, sync_uuid(2)));
	state_end(f.state);
	assert_true(is(1, with_csn(ACCOUNT, 1, sync_key(1))));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stashed_counts_only_when_it_is_applied),
		TEST(the_last_one_stashed_counts),
		TEST(what_is_taken_out_is_not_applied),
		TEST(a_cleared_stash_applies_nothing),
		TEST(what_was_applied_is_not_applied_again),
		TEST(an_apply_that_is_undone_leaves_the_stash),
		TEST(a_child_from_the_stash_waits_to_be_adopted),
		TEST(who_is_suspended_and_loses_a_key_is_suspended_at_once),
		TEST(what_would_be_lifted_waits_and_what_is_narrowed_does_not),
		TEST(what_is_gone_or_refused_or_new_waits_as_a_whole),
		TEST(
		    a_key_with_another_from_list_is_refused_until_one_of_both_counts),
		TEST(
		    children_find_a_parent_whose_new_name_came_with_what_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
