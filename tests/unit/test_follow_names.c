#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/view/view.h"
#include "tests/unit/follow_fixture.h"

/* Who is let in by name: by a name in "words", by a DN in "dns". */

#define ANN      5
#define BOB      6
#define WORDS    900
#define DNS      901
#define OF(name) "uid=" name ",ou=people," SUFFIX

static void
map_groups(void)
{
	memcpy(f.schema.names[SCHEMA_ACCOUNT_ID], "uid", sizeof("uid"));
	memcpy(f.schema.names[SCHEMA_FULL_ACCESS], "member", sizeof("member"));
}

static void
tell_entry(uint32_t uuid, const char *dn, const char *lines)
{
	struct entry entry = sync_entry(&f, uuid, dn, lines);

	assert_int_equal(follow_entry(follow, &entry), 0);
}

static void
tell_person(uint32_t number, const char *name, const char *csn)
{
	char dn[128], lines[192];

	(void)snprintf(dn, sizeof(dn), "uid=%s,ou=people,%s", name, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleAccount\nuid: %u\nuid: %s\nentryCSN: %s\n",
	    number, name, csn);
	tell_entry(number, dn, lines);
}

static void
tell_crowd(void)
{
	char name[16];

	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "crowd%u", i);
		tell_person(1000 + i, name, CSN_EARLY);
	}
}

static void
tell_group(uint32_t uuid, const char *name, const char *members,
    const char *csn)
{
	char dn[128], lines[4352];

	(void)snprintf(dn, sizeof(dn), "cn=%s,%s", name, SUFFIX);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleEnvironment\ncn: %s\n%sentryCSN: %s\n", name,
	    members, csn);
	tell_entry(uuid, dn, lines);
}

static void
tell_groups(const char *name, const char *csn)
{
	char line[160];

	(void)snprintf(line, sizeof(line), "member: %s\n", name);
	tell_group(WORDS, "words", line, csn);
	(void)snprintf(line, sizeof(line), "member: uid=%s,ou=people,%s\n",
	    name, SUFFIX);
	tell_group(DNS, "dns", line, csn);
}

static bool
may_enter(uint32_t account, const char *environment)
{
	struct environment_record record;
	struct view *view;
	char path[128];
	bool may;

	(void)snprintf(path, sizeof(path), "%s/view", f.root);
	assert_int_equal(view_open(path, &view), 0);
	assert_int_equal(view_find_environment(view, environment, &record), 0);
	may = environment_record_role(&record, account) != ROLE_NONE;
	view_close(view);
	return may;
}

static void
assert_let_in(uint32_t account, bool by_word, bool by_dn)
{
	assert_int_equal(may_enter(account, "words"), by_word);
	assert_int_equal(may_enter(account, "dns"), by_dn);
}

static void
follow_ann(void)
{
	map_groups();
	begin(true);
	tell_person(ANN, "ann", CSN_EARLY);
	tell_groups("ann", CSN_EARLY);
	tell_crowd();
	tell_reached(CSN_EARLY);
	done(true);
	assert_let_in(ANN, true, true);
}

/* Ann is anne now, in both groups, and bob is the new ann. */
static void
tell_takeover(void)
{
	tell_person(BOB, "ann", CSN_LATE);
	tell_person(ANN, "anne", CSN_LATE);
	tell_groups("anne", CSN_LATE);
}

static void
whoever_takes_over_a_name_gets_nothing_while_it_is_held(void **state)
{
	(void)state;
	follow_ann();
	begin(true);
	tell_takeover();
	tell_reached(CSN_LATE);
	done(true); /* the crowd is missing */
	assert_true(follow_holds(follow));
	assert_true(is_published(BOB));
	assert_let_in(BOB, false, false);
	/* A new start is no acceptance. */
	follow_fixture_restart();
	publisher_distrust(publisher);
	follow_publish(follow);
	assert_let_in(BOB, false, false);
	assert_int_equal(follow_accept(follow), 0);
	begin(true);
	tell_takeover();
	tell_reached(CSN_LATE);
	done(true);
	assert_false(follow_holds(follow));
	assert_let_in(BOB, false, false);
	assert_let_in(ANN, true, true);
}

static void
nor_does_he_when_the_refresh_breaks(void **state)
{
	(void)state;
	follow_ann();
	begin(true);
	tell_takeover();
	for (uint32_t i = 0; i < 4; i++)
		tell_crowd(); /* more than one transaction holds */
	follow_lost(follow, "lost");
	assert_true(is_published(BOB));
	assert_let_in(BOB, false, false);
	begin(true);
	tell_takeover();
	tell_crowd();
	done(true);
	assert_let_in(BOB, false, false);
	assert_let_in(ANN, true, true);
}

/* Each change is true at its moment. */
static void
a_name_that_is_given_to_another_lets_him_in(void **state)
{
	(void)state;
	follow_ann();
	tell_person(ANN, "anne", CSN_LATE);
	settle();
	assert_let_in(ANN, false, false);
	tell_person(BOB, "ann", CSN_LATE);
	settle();
	assert_let_in(BOB, true, true);
	follow_lost(follow, "lost");
	begin(false);
	done(false);
	assert_let_in(BOB, true, true);
}

static void
who_is_listed_while_something_is_held_waits(void **state)
{
	(void)state;
	follow_ann();
	begin(true);
	tell_person(ANN, "ann", CSN_EARLY);
	tell_groups("ann", CSN_EARLY);
	tell_reached(CSN_LATE);
	done(true);
	assert_true(follow_holds(follow));
	assert_let_in(ANN, true, true);
	tell_person(BOB, "bob", CSN_LATE);
	tell_group(WORDS, "words", "member: ann\nmember: bob\nmember: 1000\n",
	    CSN_LATE);
	settle();
	assert_true(may_enter(ANN, "words"));
	assert_true(may_enter(1000, "words"));
	assert_false(may_enter(BOB, "words"));
	/* What is taken away goes at once. */
	tell_group(WORDS, "words", "member: bob\n", CSN_LATE);
	settle();
	assert_false(may_enter(ANN, "words"));
	assert_int_equal(follow_accept(follow), 0);
	begin(true);
	tell_person(BOB, "bob", CSN_LATE);
	tell_group(WORDS, "words", "member: bob\n", CSN_LATE);
	tell_group(DNS, "dns", "", CSN_LATE);
	done(true);
	assert_true(may_enter(BOB, "words"));
}

/* 150 accounts, all of one branch. */
static void
tell_branch(const char *branch)
{
	char dn[128], lines[128];

	for (uint32_t i = 0; i < 150; i++) {
		(void)snprintf(dn, sizeof(dn), "uid=%u,ou=%s,%s", 100 + i,
		    branch, SUFFIX);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nuid: %u\nentryCSN: %s\n",
		    100 + i, CSN_EARLY);
		tell_entry(100 + i, dn, lines);
	}
}

/* Which are in one of five groups each. */
static void
tell_branch_groups(void)
{
	char name[16], members[4096];

	for (uint32_t i = 0; i < 5; i++) {
		members[0] = '\0';
		for (uint32_t k = 0; k < 30; k++)
			(void)snprintf(members + strlen(members),
			    sizeof(members) - strlen(members),
			    "member: " OF("%u") "\n", 100 + 30 * i + k);
		(void)snprintf(name, sizeof(name), "g%u", i);
		tell_group(910 + i, name, members, CSN_EARLY);
	}
}

static void
tell_renamed_branch(void)
{
	begin(true);
	tell_branch("staff");
	tell_branch_groups();
	tell_reached(CSN_EARLY);
	done(true);
}

static void
a_branch_that_is_renamed_without_its_groups_is_held(void **state)
{
	(void)state;
	map_groups();
	begin(true);
	tell_branch("people");
	tell_branch_groups();
	tell_reached(CSN_EARLY);
	done(true);
	assert_true(may_enter(100, "g0"));
	for (uint32_t i = 0; i < 2; i++) {
		tell_renamed_branch();
		assert_true(follow_holds(follow));
		assert_string_equal(status.held_reason,
		    "the directory would take away 150 of 150 rights to environments");
		assert_true(may_enter(100, "g0"));
		assert_true(may_enter(249, "g4"));
	}
	assert_int_equal(follow_accept(follow), 0);
	tell_renamed_branch();
	assert_false(follow_holds(follow));
	assert_false(may_enter(100, "g0"));
}

/* Ann was renamed with the branch that she is in, and her name given away. */
static void
a_server_that_is_behind_gives_no_former_dn_back(void **state)
{
	static const char lines[] = "objectClass: enscaleAccount\nuid: 5\n"
	                            "entryCSN: " CSN_EARLY "\n";

	(void)state;
	map_groups();
	begin(true);
	tell_entry(ANN, "uid=ann,ou=staff," SUFFIX, lines);
	tell_group(DNS, "dns", "member: " OF("ann") "\n", CSN_LATE);
	tell_reached(CSN_LATE);
	done(true);
	assert_false(may_enter(ANN, "dns"));
	follow_lost(follow, "lost");
	follow_want_all(follow);
	assert_int_equal(follow_begin(follow, true, true), 0);
	tell_entry(ANN, OF("ann"), lines);
	tell_present(DNS);
	tell_reached(CSN_EARLY);
	done(true);
	assert_false(may_enter(ANN, "dns"));
	assert_true(follow_holds(follow));
	assert_int_equal(status.held, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(
		    whoever_takes_over_a_name_gets_nothing_while_it_is_held),
		FOLLOW_TEST(nor_does_he_when_the_refresh_breaks),
		FOLLOW_TEST(a_name_that_is_given_to_another_lets_him_in),
		FOLLOW_TEST(who_is_listed_while_something_is_held_waits),
		FOLLOW_TEST(
		    a_branch_that_is_renamed_without_its_groups_is_held),
		FOLLOW_TEST(a_server_that_is_behind_gives_no_former_dn_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
