#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_sync/shrink.h"
#include "tests/unit/sync_fixture.h"

static struct sync_fixture f;
static struct shrink shrink;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	memset(&shrink, 0, sizeof(shrink));
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	return 0;
}

static struct entry
account(uint32_t keys)
{
	return (struct entry){
		.kind = ENTRY_ACCOUNT,
		.csn = "",
		.account.status = ACCOUNT_ACTIVE,
		.account.key_count = keys,
	};
}

static struct entry
environment(const struct entry_member *members, uint32_t count)
{
	return (struct entry){
		.kind = ENTRY_ENVIRONMENT,
		.csn = "",
		.environment.members = members,
		.environment.member_count = count,
	};
}

static void
have_accounts(uint32_t count)
{
	char dn[64], lines[128];
	struct entry entry;

	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 1; i <= count; i++) {
		(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,dc=test",
		    i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", i);
		entry = sync_entry(&f, i, dn, lines);
		assert_int_equal(state_put(f.state, &entry, true), 0);
	}
	assert_int_equal(state_commit(f.state), 0);
}

/* text: what is too much; NULL: nothing is. */
static void
assert_too_much(const char *text)
{
	char said[SHRINK_TEXT_MAX] = "";
	bool too_much;

	assert_int_equal(state_begin_read(f.state), 0);
	too_much = shrink_is_too_much(&shrink, f.state, said);
	state_end(f.state);
	assert_int_equal(too_much, text != NULL);
	assert_string_equal(said, text == NULL ? "" : text);
}

static void
an_entry_that_stays_loses_nothing(void **state)
{
	const struct entry_member two[] = { { .account = 1 },
		{ .account = 2 } };
	struct entry a = account(2), e = environment(two, 2);

	(void)state;
	assert_false(shrink_add(&shrink, &a, &a));
	assert_false(shrink_add(&shrink, &e, &e));
	assert_int_equal(shrink_total(&shrink), 0);
}

static void
an_account_that_goes_takes_its_keys_along(void **state)
{
	struct entry ours = account(2);

	(void)state;
	assert_true(shrink_add(&shrink, &ours, NULL));
	assert_int_equal(shrink.lost[SHRINK_ACCOUNTS], 1);
	assert_int_equal(shrink.lost[SHRINK_KEYS], 2);
	assert_int_equal(shrink.account_keys, 2);
	assert_int_equal(shrink_total(&shrink), 3);
}

static void
an_account_may_lose_some_of_its_keys(void **state)
{
	struct entry ours = account(3), theirs = account(1);

	(void)state;
	assert_true(shrink_add(&shrink, &ours, &theirs));
	assert_int_equal(shrink.lost[SHRINK_KEYS], 2);
	assert_int_equal(shrink_total(&shrink), 2);
	assert_false(shrink_add(&shrink, &theirs, &ours));
}

static void
what_is_refused_now_is_lost(void **state)
{
	struct entry ours = account(0), theirs = account(0);

	(void)state;
	theirs.refused = true;
	assert_true(shrink_add(&shrink, &ours, &theirs));
	assert_int_equal(shrink.lost[SHRINK_ACCOUNTS], 1);
}

static void
what_was_refused_already_is_not_lost(void **state)
{
	struct entry ours = account(0);

	(void)state;
	ours.refused = true;
	assert_false(shrink_add(&shrink, &ours, NULL));
	assert_int_equal(shrink_total(&shrink), 0);
}

static void
what_is_of_another_kind_now_is_lost(void **state)
{
	struct entry ours = account(0), theirs = { .kind = ENTRY_OTHER };

	(void)state;
	assert_true(shrink_add(&shrink, &ours, &theirs));
	assert_int_equal(shrink.lost[SHRINK_ACCOUNTS], 1);
}

static void
keys_nodes_and_environments_are_counted_apart(void **state)
{
	struct entry key = { .kind = ENTRY_KEY, .key.from = "" },
	             node = { .kind = ENTRY_NODE }, e = environment(NULL, 0);

	(void)state;
	assert_true(shrink_add(&shrink, &key, NULL));
	assert_true(shrink_add(&shrink, &node, NULL));
	assert_true(shrink_add(&shrink, &e, NULL));
	assert_int_equal(shrink.lost[SHRINK_KEYS], 1);
	assert_int_equal(shrink.lost[SHRINK_NODES], 1);
	assert_int_equal(shrink.lost[SHRINK_ENVIRONMENTS], 1);
}

static void
a_member_who_is_not_named_any_more_loses_a_right(void **state)
{
	const struct entry_member before[] = { { .account = 1 },
		{ .account = 2 }, { .account = 5 }, { .account = 9 } };
	const struct entry_member after[] = { { .account = 2 },
		{ .account = 3 }, { .account = 4 }, { .account = 9 } };
	struct entry ours = environment(before, 4),
	             theirs = environment(after, 4);

	(void)state;
	assert_true(shrink_add(&shrink, &ours, &theirs));
	assert_int_equal(shrink.lost[SHRINK_ACCESS], 2); /* 1 and 5 */
	assert_int_equal(shrink.lost[SHRINK_ENVIRONMENTS], 0);
}

static void
an_environment_that_goes_takes_all_rights_along(void **state)
{
	const struct entry_member members[] = { { .account = 1 },
		{ .account = 2 } };
	struct entry ours = environment(members, 2);

	(void)state;
	assert_true(shrink_add(&shrink, &ours, NULL));
	assert_int_equal(shrink.lost[SHRINK_ENVIRONMENTS], 1);
	assert_int_equal(shrink.lost[SHRINK_ACCESS], 2);
}

/* So many accounts, the first of them with more lines. */
static void
have_limited(uint32_t count, uint32_t limited, const char *more)
{
	char dn[64], lines[128];
	struct entry entry;

	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 1; i <= count; i++) {
		(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,dc=test",
		    i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n"
		    "entryCSN: 1\n%s",
		    i, i <= limited ? more : "");
		entry = sync_entry(&f, i, dn, lines);
		assert_int_equal(state_put(f.state, &entry, true), 0);
	}
	assert_int_equal(state_commit(f.state), 0);
}

/* These come in another version, active. */
static void
rewrite(uint32_t first, uint32_t last)
{
	struct entry_rows rows = { 0 };
	struct entry ours, theirs;

	assert_int_equal(state_begin_read(f.state), 0);
	for (uint32_t i = first; i <= last; i++) {
		assert_int_equal(
		    state_find(f.state, sync_uuid(i), &rows, &ours), 0);
		theirs = ours;
		theirs.csn = "2";
		theirs.account.status = ACCOUNT_ACTIVE;
		theirs.account.expires = 0;
		(void)shrink_add(&shrink, &ours, &theirs);
	}
	state_end(f.state);
	entry_rows_free(&rows);
}

#define SUSPENDED "enscaleStatus: suspended\n"

static void
the_suspension_of_a_few_is_lifted_every_day(void **state)
{
	(void)state;
	have_limited(100, SHRINK_LIMIT - 1, SUSPENDED);
	rewrite(1, SHRINK_LIMIT - 1);
	assert_int_equal(shrink_total(&shrink), SHRINK_LIMIT - 1);
	assert_too_much(NULL);
}

static void
that_nobody_is_suspended_any_more_is_too_much(void **state)
{
	(void)state;
	have_limited(100, SHRINK_LIMIT, SUSPENDED);
	rewrite(1, SHRINK_LIMIT);
	assert_too_much("the suspension of all 10 accounts that have one");
}

static void
one_who_stays_suspended_shows_that_nothing_is_hidden(void **state)
{
	(void)state;
	have_limited(100, SHRINK_LIMIT + 1, SUSPENDED);
	rewrite(1, SHRINK_LIMIT);
	assert_too_much(NULL);
}

static void
a_tree_that_was_loaded_anew_may_not_lose_even_one(void **state)
{
	(void)state;
	have_limited(100, 1, "enscaleExpires: 20300101000000Z\n");
	rewrite(1, 99);
	assert_too_much(NULL);
	rewrite(100, 100);
	assert_too_much("the expiry of all 1 accounts that have one");
}

static void
to_delete_all_who_are_suspended_is_no_loss_of_that_kind(void **state)
{
	struct entry_rows rows = { 0 };
	struct entry ours;

	(void)state;
	have_limited(100, 20, SUSPENDED);
	assert_int_equal(state_begin_read(f.state), 0);
	for (uint32_t i = 1; i <= 20; i++) {
		assert_int_equal(
		    state_find(f.state, sync_uuid(i), &rows, &ours), 0);
		assert_true(shrink_add(&shrink, &ours, NULL));
	}
	state_end(f.state);
	entry_rows_free(&rows);
	assert_too_much(NULL);
}

static void
others_with_the_same_numbers_do_not_make_up_for_the_suspended(void **state)
{
	char dn[64], lines[128];
	struct entry theirs;
	bool lost;

	(void)state;
	have_limited(100, 20, SUSPENDED);
	assert_int_equal(state_begin_read(f.state), 0);
	for (uint32_t i = 1; i <= 20; i++) {
		(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,dc=test",
		    i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", i);
		theirs = sync_entry(&f, 1000 + i, dn, lines);
		assert_int_equal(
		    shrink_add_new(&shrink, f.state, &theirs, &lost), 0);
		assert_true(lost);
	}
	theirs = sync_entry(&f, 2000, "enscaleAccountId=2000,dc=test",
	    "objectClass: enscaleAccount\nenscaleAccountId: 2000\n");
	assert_int_equal(shrink_add_new(&shrink, f.state, &theirs, &lost), 0);
	assert_false(lost);
	state_end(f.state);
	assert_too_much("the suspension of all 20 accounts that have one");
}

/* A tree that was loaded anew is here a second time. */
static void
what_is_here_twice_is_one_thing(void **state)
{
	struct entry a = account(0);

	(void)state;
	have_accounts(400);
	for (int i = 0; i < 200; i++) {
		(void)shrink_add(&shrink, &a, NULL);
		shrink_add_copy(&shrink, &a);
	}
	assert_too_much("200 of 200 accounts");
}

/* One that was counted when it came is, too, when it is here and the other is
 * kept. */
static void
a_kept_one_counts_as_replaced_by_its_copy(void **state)
{
	char dn[64], lines[128];
	struct entry_rows rows = { 0 };
	struct shrink kept = { 0 };
	struct entry theirs, ours;

	(void)state;
	have_limited(100, SHRINK_LIMIT, SUSPENDED);
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 1; i <= SHRINK_LIMIT; i++) {
		(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,dc=test",
		    i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", i);
		theirs = sync_entry(&f, 1000 + i, dn, lines);
		assert_int_equal(state_keep(f.state, sync_uuid(i)), 0);
		assert_int_equal(state_stash(f.state, &theirs), 0);
	}
	theirs = sync_entry(&f, 2000, "enscaleAccountId=50,dc=test",
	    "objectClass: enscaleAccount\nenscaleAccountId: 50\n");
	assert_int_equal(state_stash(f.state, &theirs), 0);
	assert_int_equal(state_apply_stash_held(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(1001), &rows, &ours), 0);
	/* Beside one that is not kept it would count. */
	assert_int_equal(state_find(f.state, sync_uuid(2000), &rows, &ours),
	    ENS_E_NOTFOUND);
	for (uint32_t i = 1; i <= SHRINK_LIMIT; i++) {
		assert_int_equal(
		    state_find(f.state, sync_uuid(i), &rows, &ours), 0);
		assert_int_equal(shrink_add_kept(&kept, f.state, &ours), 0);
	}
	assert_int_equal(state_commit(f.state), 0);
	entry_rows_free(&rows);
	assert_too_much(NULL);
	shrink_merge(&shrink, &kept);
	assert_too_much("the suspension of all 10 accounts that have one");
}

static void
numbers_alone_tell_as_much(void **state)
{
	uint64_t
	    had[SHRINK_KINDS] = { [SHRINK_KEYS] = 2000, [SHRINK_NODES] = 101 };
	uint64_t has[SHRINK_KINDS] = { [SHRINK_ACCOUNTS] = 5,
		[SHRINK_KEYS] = 1800,
		[SHRINK_NODES] = 1 };
	char text[SHRINK_TEXT_MAX];

	(void)state;
	assert_false(shrink_is_much_less(had, has, text));
	has[SHRINK_KEYS] = 1799;
	assert_true(shrink_is_much_less(had, has, text));
	assert_string_equal(text, "201 of 2000 keys");
	has[SHRINK_KEYS] = 1800;
	has[SHRINK_NODES] = 0;
	assert_true(shrink_is_much_less(had, has, text));
	assert_string_equal(text, "101 of 101 nodes");
}

static void
a_hundred_may_go_though_they_are_all(void **state)
{
	(void)state;
	have_accounts(101);
	shrink.lost[SHRINK_ACCOUNTS] = 100;
	assert_too_much(NULL);
	shrink.lost[SHRINK_ACCOUNTS] = 101;
	assert_too_much("101 of 101 accounts");
}

static void
one_of_ten_may_go(void **state)
{
	(void)state;
	have_accounts(1020);
	shrink.lost[SHRINK_ACCOUNTS] = 102;
	assert_too_much(NULL);
	shrink.lost[SHRINK_ACCOUNTS] = 103;
	assert_too_much("103 of 1020 accounts");
}

static void
each_kind_is_measured_by_itself(void **state)
{
	(void)state;
	have_accounts(2000);
	shrink.lost[SHRINK_NODES] = 101;
	assert_too_much("101 of 0 nodes");
}

static void
an_account_that_was_not_looked_at_counts_as_one_key(void **state)
{
	(void)state;
	have_accounts(1500);
	shrink.account_keys = 120;
	shrink.lost[SHRINK_KEYS] = 120;
	assert_too_much(NULL);
	shrink.lost[SHRINK_KEYS] = 151;
	assert_too_much("151 of 1500 keys");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_that_stays_loses_nothing),
		TEST(an_account_that_goes_takes_its_keys_along),
		TEST(an_account_may_lose_some_of_its_keys),
		TEST(what_is_refused_now_is_lost),
		TEST(what_was_refused_already_is_not_lost),
		TEST(what_is_of_another_kind_now_is_lost),
		TEST(keys_nodes_and_environments_are_counted_apart),
		TEST(a_member_who_is_not_named_any_more_loses_a_right),
		TEST(an_environment_that_goes_takes_all_rights_along),
		TEST(the_suspension_of_a_few_is_lifted_every_day),
		TEST(that_nobody_is_suspended_any_more_is_too_much),
		TEST(one_who_stays_suspended_shows_that_nothing_is_hidden),
		TEST(a_tree_that_was_loaded_anew_may_not_lose_even_one),
		TEST(to_delete_all_who_are_suspended_is_no_loss_of_that_kind),
		TEST(
		    others_with_the_same_numbers_do_not_make_up_for_the_suspended),
		TEST(what_is_here_twice_is_one_thing),
		TEST(a_kept_one_counts_as_replaced_by_its_copy),
		TEST(numbers_alone_tell_as_much),
		TEST(a_hundred_may_go_though_they_are_all),
		TEST(one_of_ten_may_go),
		TEST(each_kind_is_measured_by_itself),
		TEST(an_account_that_was_not_looked_at_counts_as_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
