#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/errors.h"
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
