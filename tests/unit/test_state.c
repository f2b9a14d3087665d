#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "common/base/errors.h"
#include "enscale_sync/state_private.h"
#include "tests/unit/sync_fixture.h"

#define SUFFIX            "dc=enscale,dc=com"
#define ACCOUNT_DN(n)     "enscaleAccountId=" n ",ou=accounts," SUFFIX
#define KEY_DN(k, n)      "cn=" k "," ACCOUNT_DN(n)
#define ACCOUNT(n)        "objectClass: enscaleAccount\nenscaleAccountId: " n "\n"
#define ENVIRONMENT_DN(n) "cn=" n ",ou=environments," SUFFIX
#define ENVIRONMENT(n)    "objectClass: enscaleEnvironment\ncn: " n "\n"
#define NODE_DN(n, e)     "enscaleNodeId=" n "," ENVIRONMENT_DN(e)
#define NODE(n)                                            \
	"objectClass: enscaleNode\nenscaleNodeId: " n "\n" \
	"ipHostNumber: 10.0.0.1\nenscaleSystemUser: apache\n"
#define CREATED(t) "createTimestamp: " t "Z\n"

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
put_key(uint32_t uuid, const char *dn, uint32_t number)
{
	char lines[256];

	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(number));
	sync_put(&f, uuid, dn, lines);
}

/* What was seen on a walk, as text: "11 12 " or "A25880 Ecool ". */
struct seen {
	char text[1024];
	size_t len;
};

static uint32_t
uuid_number(const uint8_t uuid[ENTRY_UUID_LEN])
{
	return (uint32_t)uuid[0] << 24 | (uint32_t)uuid[1] << 16 |
	    (uint32_t)uuid[2] << 8 | uuid[3];
}

static int
see_uuid(const uint8_t uuid[ENTRY_UUID_LEN], void *arg)
{
	struct seen *seen = arg;

	seen->len += (size_t)snprintf(seen->text + seen->len,
	    sizeof(seen->text) - seen->len, "%u ", uuid_number(uuid));
	return 0;
}

static int
see_subject(const struct record_key *subject, void *arg)
{
	struct seen *seen = arg;
	const uint8_t *d = subject->data;
	char *at = seen->text + seen->len;
	size_t room = sizeof(seen->text) - seen->len;

	if (d[0] == RECORD_ENVIRONMENT)
		seen->len += (size_t)snprintf(at, room, "E%.*s ",
		    (int)subject->len - 1, (const char *)d + 1);
	else if (d[0] == RECORD_HOST_KEY)
		seen->len += (size_t)snprintf(at, room, "H ");
	else
		seen->len += (size_t)snprintf(at, room, "%c%u ", d[0],
		    (unsigned)d[1] << 24 | (unsigned)d[2] << 16 |
		        (unsigned)d[3] << 8 | d[4]);
	return 0;
}

static int
see_refused(const char *dn, const char *reason, void *arg)
{
	struct seen *seen = arg;

	seen->len += (size_t)snprintf(seen->text + seen->len,
	    sizeof(seen->text) - seen->len, "%.*s: %s; ", (int)strcspn(dn, ","),
	    dn, reason);
	return 0;
}

static void
assert_children(uint32_t parent, const char *want)
{
	struct seen seen = { .len = 0 };

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(
	    state_each_child(f.state, sync_uuid(parent), see_uuid, &seen), 0);
	state_end(f.state);
	assert_string_equal(seen.text, want);
}

static void
assert_warnings(const char *want)
{
	struct seen seen = { .len = 0 };

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_warning(f.state, see_refused, &seen), 0);
	state_end(f.state);
	assert_string_equal(seen.text, want);
}

static void
assert_refused(const char *want)
{
	struct seen seen = { .len = 0 };

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_refused(f.state, see_refused, &seen), 0);
	state_end(f.state);
	assert_string_equal(seen.text, want);
}

/* What was listed since the last call. */
static void
assert_changed(const char *want)
{
	static uint64_t since;
	struct seen seen = { .len = 0 };

	if (want == NULL) {
		since = state_info(f.state)->generation;
		return;
	}
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_changed(f.state, since, see_subject, &seen),
	    0);
	state_end(f.state);
	assert_string_equal(seen.text, want);
	since = state_info(f.state)->generation;
}

/* The UUID of the entry that counts; 0: none. */
static uint32_t
counts(struct record_key subject)
{
	struct entry_rows rows = { 0 };
	struct entry entry;
	uint32_t number = 0;
	int r;

	assert_int_equal(state_begin_read(f.state), 0);
	r = state_find_subject(f.state, &subject, &rows, &entry);
	if (r == 0)
		number = uuid_number(entry.uuid);
	else
		assert_int_equal(r, ENS_E_NOTFOUND);
	state_end(f.state);
	entry_rows_free(&rows);
	return number;
}

static uint32_t
counting_account(uint32_t id)
{
	return counts(record_key_id(RECORD_ACCOUNT, id));
}

static uint32_t
counting_node(uint32_t id)
{
	return counts(record_key_id(RECORD_NODE, id));
}

/* ---- entries ----------------------------------------------------------- */

static void
an_entry_is_kept_over_a_restart(void **state)
{
	struct entry_rows rows = { 0 };
	struct entry entry;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("25880"), ACCOUNT("25880") "cn: Ann\n");
	sync_complete(&f);
	sync_fixture_reopen(&f);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find(f.state, sync_uuid(1), &rows, &entry), 0);
	assert_string_equal(entry.account.name, "Ann");
	assert_string_equal(entry.dn, ACCOUNT_DN("25880"));
	assert_int_equal(entry.id, 25880);
	state_end(f.state);
	entry_rows_free(&rows);
	assert_int_equal(state_info(f.state)->entries[ENTRY_ACCOUNT], 1);
	assert_int_equal(state_entry_count(f.state), 1);
}

static void
an_undone_transaction_changes_nothing(void **state)
{
	struct entry entry;

	(void)state;
	sync_complete(&f);
	assert_changed(NULL);
	entry = sync_entry(&f, 1, ACCOUNT_DN("25880"), ACCOUNT("25880"));
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_put(f.state, &entry, true), 0);
	assert_int_equal(state_set_cookie(f.state, "rid=000", 7), 0);
	state_end(f.state);
	assert_int_equal(state_entry_count(f.state), 0);
	assert_int_equal(state_info(f.state)->cookie_len, 0);
	assert_int_equal(state_info(f.state)->entries[ENTRY_ACCOUNT], 0);
	assert_changed("");
}

static void
cookie_and_generation_come_back_after_a_restart(void **state)
{
	static const char cookie[] =
	    "rid=000,csn=20251122225400.123456Z#000000#001#000000";
	uint64_t generation;

	(void)state;
	sync_complete(&f);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_set_cookie(f.state, cookie, sizeof(cookie) - 1),
	    0);
	assert_int_equal(state_commit(f.state), 0);
	generation = state_info(f.state)->generation;
	sync_fixture_reopen(&f);
	assert_true(state_info(f.state)->complete);
	assert_int_equal(state_info(f.state)->generation, generation);
	assert_int_equal(state_info(f.state)->cookie_len, sizeof(cookie) - 1);
	assert_memory_equal(state_info(f.state)->cookie, cookie,
	    sizeof(cookie) - 1);
	assert_int_equal(state_info(f.state)->seen.count, 1);
}

static void
a_second_process_is_kept_out(void **state)
{
	struct state *other;
	bool replaced;

	(void)state;
	assert_int_equal(state_open(f.folder, &other, &replaced), -EWOULDBLOCK);
}

static void
a_file_that_is_no_state_is_replaced(void **state)
{
	static const char rubbish[8192] = "no database";
	struct state *other;
	char path[128];
	bool replaced;
	int fd;

	(void)state;
	sync_complete(&f);
	state_close(f.state);
	f.state = NULL;
	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, f.folder);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
	close(fd);
	assert_int_equal(state_open(f.folder, &other, &replaced), 0);
	assert_true(replaced);
	assert_int_equal(state_entry_count(other), 0);
	f.state = other;
}

/* ---- parents and children ---------------------------------------------- */

static void
a_child_finds_its_parent_and_loses_it_by_no_rename(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(11, KEY_DN("a", "1"), 11);
	assert_children(1, "11 ");
	sync_put(&f, 1, ACCOUNT_DN("2"), ACCOUNT("2"));
	assert_children(1, "11 ");
	/* A new key comes under the new name. */
	put_key(12, KEY_DN("b", "2"), 12);
	assert_children(1, "11 12 ");
	/* The old one is modified, and now it has the new name as well. */
	put_key(11, KEY_DN("a", "2"), 13);
	assert_children(1, "11 12 ");
	assert_int_equal(state_orphan_count(f.state), 0);
}

static void
names_are_compared_without_case_and_spaces(void **state)
{
	(void)state;
	sync_put(&f, 1, "cn=Cool  Env,ou=environments," SUFFIX,
	    ENVIRONMENT("Cool  Env"));
	sync_put(&f, 2,
	    "enscaleNodeId=7, CN=cool env , OU=Environments,DC=enscale,dc=COM",
	    NODE("7"));
	assert_children(1, "2 ");
}

static void
an_orphan_is_adopted_when_its_parent_comes(void **state)
{
	(void)state;
	put_key(11, KEY_DN("a", "1"), 11);
	put_key(12, KEY_DN("b", "1"), 12);
	put_key(13, KEY_DN("a", "2"), 13);
	assert_int_equal(state_orphan_count(f.state), 3);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_children(1, "11 12 ");
	assert_int_equal(state_orphan_count(f.state), 1);
}

static void
a_child_that_outlives_its_parent_goes_to_the_next_of_that_name(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(11, KEY_DN("a", "1"), 11);
	sync_delete(&f, 1);
	assert_int_equal(state_orphan_count(f.state), 1);
	sync_put(&f, 2, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_children(2, "11 ");
	assert_children(1, "");
	sync_delete(&f, 11);
	assert_children(2, "");
	assert_int_equal(state_orphan_count(f.state), 0);
}

static void
in_a_refresh_new_children_wait_until_all_names_are_there(void **state)
{
	struct entry entry;
	char lines[256];

	(void)state;
	/* 1 is renamed away, and 2 takes its name; the key of 2 comes first. */
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(11));
	assert_int_equal(state_begin_write(f.state), 0);
	entry = sync_entry(&f, 11, KEY_DN("a", "1"), lines);
	assert_int_equal(state_put(f.state, &entry, false), 0);
	entry = sync_entry(&f, 1, ACCOUNT_DN("3"), ACCOUNT("3"));
	assert_int_equal(state_put(f.state, &entry, false), 0);
	entry = sync_entry(&f, 2, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(state_put(f.state, &entry, false), 0);
	assert_int_equal(state_adopt(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_children(1, "");
	assert_children(2, "11 ");
}

/* As after a first refresh of more than eight million accounts. */
static void
what_is_too_much_for_one_transaction_is_said_to_be(void **state)
{
	struct entry entry;
	char dn[64];
	int r = 0;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(mdb_env_set_mapsize(f.state->env, (size_t)1 << 20), 0);
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 2; r == 0 && i < 100000; i++) {
		(void)snprintf(dn, sizeof(dn), "cn=%u,dc=test", i);
		entry = sync_entry(&f, i, dn, ACCOUNT("2"));
		r = state_put(f.state, &entry, true);
	}
	assert_int_equal(r, ENS_E_LIMIT);
	assert_true(state_is_full(f.state));
	assert_false(state_is_damaged(f.state) || state_is_stuck(f.state));
	state_end(f.state);
	sync_put(&f, 2, ACCOUNT_DN("2"), ACCOUNT("2"));
	assert_false(state_is_full(f.state));
	assert_int_equal(state_entry_count(f.state), 2);
}

static void
put_in_refresh(uint32_t uuid, const char *dn, const char *lines)
{
	struct entry entry = sync_entry(&f, uuid, dn, lines);

	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_put(f.state, &entry, false), 0);
	assert_int_equal(state_commit(f.state), 0);
}

static void
adopt(void)
{
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_adopt(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
}

/* 1 has the key; 2 is there. */
static const char *
make_family(void)
{
	static char lines[256];

	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_put(&f, 2, ACCOUNT_DN("2"), ACCOUNT("2"));
	put_key(11, KEY_DN("a", "1"), 11);
	sync_complete(&f);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(11));
	return lines;
}

static void
in_a_refresh_a_child_stays_where_it_is_when_its_parent_is_renamed(void **state)
{
	const char *lines = make_family();

	(void)state;
	put_in_refresh(11, KEY_DN("a", "3"), lines);
	/* The refresh may end here. */
	assert_children(1, "11 ");
	put_in_refresh(1, ACCOUNT_DN("3"), ACCOUNT("1"));
	adopt();
	assert_children(1, "11 ");
	assert_int_equal(state_orphan_count(f.state), 0);
}

static void
in_a_refresh_a_child_goes_when_all_names_are_there(void **state)
{
	const char *lines = make_family();
	char more[300];
	uint64_t generation;

	(void)state;
	put_in_refresh(11, KEY_DN("a", "2"), lines);
	/* And once more, changed. */
	(void)snprintf(more, sizeof(more), "%scn: a\n", lines);
	put_in_refresh(11, KEY_DN("a", "2"), more);
	assert_children(1, "11 ");
	assert_children(2, "");
	generation = state_info(f.state)->generation;
	adopt();
	assert_children(1, "");
	assert_children(2, "11 ");
	assert_int_equal(state_orphan_count(f.state), 0);
	assert_true(state_info(f.state)->generation > generation);
	sync_delete(&f, 11);
	assert_children(2, "");
}

static void
a_child_of_nobody_is_an_orphan_at_the_end_of_a_refresh(void **state)
{
	const char *lines = make_family();

	(void)state;
	put_in_refresh(11, KEY_DN("a", "7"), lines);
	assert_children(1, "11 ");
	adopt();
	assert_children(1, "");
	assert_int_equal(state_orphan_count(f.state), 1);
	adopt();
	assert_int_equal(state_orphan_count(f.state), 1);
	sync_put(&f, 7, ACCOUNT_DN("7"), ACCOUNT("7"));
	assert_children(7, "11 ");
}

static void
a_child_that_is_deleted_before_the_end_of_a_refresh_leaves_nothing(void **state)
{
	const char *lines = make_family();

	(void)state;
	put_in_refresh(11, KEY_DN("a", "2"), lines);
	sync_delete(&f, 11);
	assert_int_equal(state_orphan_count(f.state), 0);
	put_in_refresh(11, KEY_DN("a", "1"), lines);
	adopt();
	put_in_refresh(11, KEY_DN("a", "2"), lines);
	sync_delete(&f, 1);
	assert_int_equal(state_orphan_count(f.state), 1);
	adopt();
	assert_children(2, "11 ");
	assert_int_equal(state_orphan_count(f.state), 0);
}

static void
a_name_that_the_server_told_brings_the_orphans_home(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(11, "cn=a,enscaleAccountId=1,ou=people," SUFFIX, 11);
	assert_int_equal(state_orphan_count(f.state), 1);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_learn_name(f.state, sync_uuid(1),
	                     "enscaleAccountId=1,ou=people," SUFFIX),
	    0);
	assert_int_equal(state_learn_name(f.state, sync_uuid(9), "cn=x"),
	    ENS_E_NOTFOUND);
	assert_int_equal(state_commit(f.state), 0);
	assert_children(1, "11 ");
}

static void
a_refused_parent_keeps_its_children_for_better_times(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(11, KEY_DN("a", "1"), 11);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1") "enscaleStatus: odd\n");
	assert_int_equal(counting_account(1), 0);
	assert_int_equal(state_info(f.state)->entries[ENTRY_ACCOUNT], 0);
	assert_refused("enscaleAccountId=1: enscaleStatus: an unknown word; ");
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(counting_account(1), 1);
	assert_children(1, "11 ");
	assert_refused("");
}

static void
assert_orphans(const char *want)
{
	struct seen seen = { .len = 0 };

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_orphan_line(f.state, see_refused, &seen),
	    0);
	state_end(f.state);
	assert_string_equal(seen.text, want);
}

#define NODE_BELOW(dn) "enscaleNodeId=7," dn
#define NODE_LINES                                     \
	"objectClass: enscaleNode\nenscaleNodeId: 7\n" \
	"ipHostNumber: 10.0.0.1\nenscaleSystemUser: apache\n"

static void
a_child_below_the_wrong_kind_of_parent_is_an_orphan_with_a_name(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_put(&f, 11, NODE_BELOW(ACCOUNT_DN("1")), NODE_LINES);
	assert_orphans(
	    "enscaleNodeId=7: the entry above it is not an environment; ");
	sync_delete(&f, 11);
	sync_put(&f, 2, "cn=e," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: e\n");
	put_key(12, "cn=k,cn=e," SUFFIX, 12);
	assert_orphans("cn=k: the entry above it is not an account; ");
	sync_delete(&f, 12);
	put_key(13, KEY_DN("a", "2"), 13);
	assert_orphans("cn=a: there is no account above it; ");
	assert_int_equal(state_orphan_count(f.state), 1);
	sync_put(&f, 3, ACCOUNT_DN("2"), ACCOUNT("2"));
	assert_orphans("");
	assert_children(3, "13 ");
}

/* Whatever comes first: its children or what is above them. */
static void
a_parent_of_another_kind_has_other_children(void **state)
{
	(void)state;
	put_key(11, "cn=k,cn=e," SUFFIX, 11);
	sync_put(&f, 12, NODE_BELOW("cn=e," SUFFIX), NODE_LINES);
	assert_int_equal(state_orphan_count(f.state), 2);
	sync_put(&f, 1, "cn=e," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: e\n");
	assert_children(1, "12 ");
	sync_put(&f, 1, "cn=e," SUFFIX, ACCOUNT("1") "cn: e\n");
	assert_children(1, "11 ");
	assert_orphans(
	    "enscaleNodeId=7: the entry above it is not an environment; ");
	/* Of no kind at all it keeps what it has. */
	sync_put(&f, 1, "cn=e," SUFFIX, "objectClass: person\ncn: e\n");
	assert_children(1, "11 ");
	sync_put(&f, 1, "cn=e," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: e\n");
	assert_children(1, "12 ");
	assert_orphans("cn=k: the entry above it is not an account; ");
}

/* ---- duplicates -------------------------------------------------------- */

static void
of_two_accounts_with_one_id_the_older_counts(void **state)
{
	(void)state;
	sync_put(&f, 5, ACCOUNT_DN("1"),
	    ACCOUNT("1") CREATED("20250102000000"));
	sync_put(&f, 6, "cn=b," SUFFIX, ACCOUNT("1") CREATED("20250101000000"));
	assert_int_equal(counting_account(1), 6);
	assert_refused("enscaleAccountId=1: enscaleAccountId: an older entry "
	               "has it; ");
	/* Without a creation it comes last, whatever its UUID. */
	sync_put(&f, 1, "cn=c," SUFFIX, ACCOUNT("1"));
	assert_int_equal(counting_account(1), 6);
	sync_delete(&f, 6);
	assert_int_equal(counting_account(1), 5);
	assert_refused("cn=c: enscaleAccountId: an older entry has it; ");
	sync_delete(&f, 5);
	assert_int_equal(counting_account(1), 1);
	assert_refused("");
}

static void
of_two_as_old_the_smaller_uuid_counts(void **state)
{
	(void)state;
	sync_put(&f, 6, "cn=b," SUFFIX, ACCOUNT("1") CREATED("20250101000000"));
	sync_put(&f, 5, "cn=a," SUFFIX, ACCOUNT("1") CREATED("20250101000000"));
	assert_int_equal(counting_account(1), 5);
}

static void
of_environments_that_differ_by_case_alone_the_older_counts(void **state)
{
	struct record_key subject = record_key_environment("GoodEnv");
	struct entry_rows rows = { 0 };
	struct entry entry;

	(void)state;
	sync_put(&f, 1, "cn=GOODENV,ou=b," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: GOODENV\n" CREATED(
	        "20250102000000"));
	sync_put(&f, 2, "cn=goodenv,ou=a," SUFFIX,
	    "objectClass: enscaleEnvironment\ncn: goodenv\n" CREATED(
	        "20250101000000"));
	assert_refused("cn=GOODENV: cn: an older environment has it; ");
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find_subject(f.state, &subject, &rows, &entry),
	    0);
	assert_string_equal(entry.environment.name, "goodenv");
	entry_rows_free(&rows);
	state_end(f.state);
	sync_delete(&f, 2);
	assert_refused("");
}

static uint64_t
key_values(void)
{
	return state_info(f.state)->key_values;
}

static void
keys_that_are_values_are_counted_as_they_come_and_go(void **state)
{
	char lines[512];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    ACCOUNT("1") "sshPublicKey: %s\nsshPublicKey: %s\n", sync_key(1),
	    sync_key(2));
	sync_put(&f, 1, "cn=a," SUFFIX, lines);
	assert_int_equal(key_values(), 2);
	(void)snprintf(lines, sizeof(lines), ACCOUNT("1") "sshPublicKey: %s\n",
	    sync_key(2));
	sync_put(&f, 1, "cn=a," SUFFIX, lines);
	assert_int_equal(key_values(), 1);
	sync_delete(&f, 1);
	assert_int_equal(key_values(), 0);
}

static void
put_account(uint32_t uuid, uint32_t id)
{
	char dn[64], lines[128];

	(void)snprintf(dn, sizeof(dn), "enscaleAccountId=%u,dc=example", id);
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", id);
	sync_put(&f, uuid, dn, lines);
}

static void
warn(uint32_t uuid, enum state_warning about, const char *text)
{
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_warn(f.state, sync_uuid(uuid), about, text), 0);
	assert_int_equal(state_commit(f.state), 0);
}

#define WARNING_OTHER ((enum state_warning)200)

static void
a_warning_lasts_as_long_as_what_it_is_about(void **state)
{
	(void)state;
	put_account(1, 1);
	put_account(2, 2);
	warn(1, WARNING_OTHER, "one of two");
	warn(2, WARNING_ENTRY, "another");
	warn(2, WARNING_OTHER, "and one");
	sync_complete(&f);
	sync_fixture_reopen(&f);
	assert_warnings("enscaleAccountId=1: one of two; "
	                "enscaleAccountId=2: another; "
	                "enscaleAccountId=2: and one; ");
	assert_int_equal(state_warning_count(f.state), 3);
	/* Filed anew, the entry says for itself what is to be said of it. */
	put_account(2, 2);
	warn(1, WARNING_OTHER, "");
	assert_warnings("enscaleAccountId=2: another; "
	                "enscaleAccountId=2: and one; ");
	sync_put(&f, 2, "enscaleAccountId=2,dc=example",
	    "objectClass: enscaleAccount\nenscaleAccountId: 2\n"
	    "enscaleMaxSessions: 3\n");
	assert_warnings("enscaleAccountId=2: and one; ");
	sync_put(&f, 2, "enscaleAccountId=2,dc=example",
	    "objectClass: enscaleAccount\nenscaleAccountId: none\n");
	assert_warnings("");
	warn(1, WARNING_OTHER, "once more");
	sync_delete(&f, 1);
	assert_warnings("");
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_warn(f.state, sync_uuid(1), WARNING_OTHER, "x"),
	    ENS_E_NOTFOUND);
	assert_int_equal(state_warn(f.state, sync_uuid(1), WARNING_OTHER, ""),
	    0);
	state_end(f.state);
	assert_warnings("");
}

static void
every_line_is_visited_with_its_entry(void **state)
{
	struct entry entry;

	(void)state;
	entry = sync_entry(&f, 1, "enscaleAccountId=1,dc=example",
	    "objectClass: enscaleAccount\nenscaleAccountId: 1\n");
	entry.reason = "first\nsecond";
	entry.warning = "third\nfourth";
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_put(f.state, &entry, true), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_refused(
	    "enscaleAccountId=1: first; enscaleAccountId=1: second; ");
	assert_warnings("enscaleAccountId=1: third; "
	                "enscaleAccountId=1: fourth; ");
	assert_int_equal(state_refused_count(f.state), 1);
	assert_int_equal(state_warning_count(f.state), 1);
}

static void
a_partly_refused_entry_says_so_again_after_being_a_duplicate(void **state)
{
	char lines[512];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    ACCOUNT("1") CREATED("20250102000000") "sshPublicKey: bad\n");
	sync_put(&f, 1, ACCOUNT_DN("1"), lines);
	sync_put(&f, 2, "cn=b," SUFFIX, ACCOUNT("1") CREATED("20250101000000"));
	assert_refused("enscaleAccountId=1: enscaleAccountId: an older entry "
	               "has it; ");
	sync_delete(&f, 2);
	assert_int_equal(state_refused_count(f.state), 1);
	assert_int_equal(counting_account(1), 1);
}

static void
a_node_counts_below_an_environment_that_counts(void **state)
{
	(void)state;
	sync_put(&f, 1, ENVIRONMENT_DN("a"),
	    ENVIRONMENT("a") CREATED("20250101000000"));
	sync_put(&f, 2, "cn=a,ou=others," SUFFIX,
	    ENVIRONMENT("a") CREATED("20250102000000"));
	sync_put(&f, 3, ENVIRONMENT_DN("b"),
	    ENVIRONMENT("b") CREATED("20250102000000"));
	/* Below the duplicate, so it does not count though it is the oldest. */
	sync_put(&f, 11, "enscaleNodeId=7,cn=a,ou=others," SUFFIX,
	    NODE("7") CREATED("20240101000000"));
	assert_int_equal(counting_node(7), 0);
	sync_put(&f, 12, NODE_DN("7", "b"),
	    NODE("7") CREATED("20250103000000"));
	assert_int_equal(counting_node(7), 12);
	sync_delete(&f, 1);
	assert_int_equal(counting_node(7), 11);
	/* Below an account it never counts. */
	sync_put(&f, 20, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_put(&f, 13, "enscaleNodeId=8," ACCOUNT_DN("1"), NODE("8"));
	assert_int_equal(counting_node(8), 0);
}

static void
no_environment_name_is_taken_for_another_that_begins_with_it(void **state)
{
	(void)state;
	sync_put(&f, 1, ENVIRONMENT_DN("env-10"), ENVIRONMENT("env-10"));
	assert_int_equal(counts(record_key_environment("env-1")), 0);
	sync_put(&f, 2, ENVIRONMENT_DN("env-1"), ENVIRONMENT("env-1"));
	assert_int_equal(counts(record_key_environment("env-1")), 2);
	assert_int_equal(counts(record_key_environment("env-10")), 1);
	assert_refused("");
}

/* ---- what is listed for publishing ------------------------------------- */

static void
nothing_is_listed_before_the_first_refresh_is_complete(void **state)
{
	(void)state;
	assert_changed(NULL);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(state_info(f.state)->generation, 0);
	assert_changed("");
	sync_complete(&f);
	assert_int_equal(state_info(f.state)->generation, 1);
}

static void
a_change_lists_what_it_touches(void **state)
{
	(void)state;
	sync_complete(&f);
	assert_changed(NULL);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_changed("A1 ");
	put_key(11, KEY_DN("a", "1"), 11);
	assert_changed("A1 ");
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleOwner: 1\nenscaleFullAccess: 3\n");
	assert_changed("A1 A3 Ee ");
	sync_put(&f, 21, NODE_DN("7", "e"), NODE("7"));
	assert_changed("Ee N7 ");
	/* Of its members those whose right is another. */
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleState: stopped\nenscaleOwner: 1\n");
	assert_changed("A3 Ee ");
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleOwner: 1\nenscaleFullAccess: 4\n");
	assert_changed("A4 Ee ");
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleOwner: 1\nenscaleLimitedAccess: 4\n");
	assert_changed("A4 Ee ");
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleState: stopped\nenscaleOwner: 1\n");
	assert_changed("A4 Ee ");
	/* A name touches the nodes, too. */
	sync_put(&f, 2, ENVIRONMENT_DN("f"),
	    ENVIRONMENT("f") "enscaleOwner: 1\n");
	assert_changed("A1 Ee Ef N7 ");
	sync_delete(&f, 21);
	assert_changed("Ef N7 ");
	sync_delete(&f, 11);
	assert_changed("A1 ");
	sync_put(&f, 1, ACCOUNT_DN("2"), ACCOUNT("2"));
	assert_changed("A1 A2 ");
}

/* Whoever is let in by name is listed with the entry that gives the name, and
 * so is what names him. */
static void
a_name_lists_who_has_it_and_who_names_it(void **state)
{
	(void)state;
	memcpy(f.schema.names[SCHEMA_ACCOUNT_ID], "uid", sizeof("uid"));
	memcpy(f.schema.names[SCHEMA_FULL_ACCESS], "member", sizeof("member"));
	sync_complete(&f);
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "member: ann\nmember: uid=5,dc=x\n");
	assert_changed(NULL);
	sync_put(&f, 1, "uid=5,dc=x", "objectClass: enscaleAccount\nuid: 5\n");
	assert_changed("A5 Ee ");
	/* A suspension changes no name. */
	sync_put(&f, 1, "uid=5,dc=x",
	    "objectClass: enscaleAccount\nuid: 5\nenscaleStatus: suspended\n");
	assert_changed("A5 ");
	sync_put(&f, 3, "uid=6,dc=x",
	    "objectClass: enscaleAccount\nuid: 6\nuid: ann\n");
	assert_changed("A6 Ee ");
	sync_put(&f, 4, "uid=7,dc=x",
	    "objectClass: enscaleAccount\nuid: 7\nuid: ann\n");
	assert_changed("A6 A7 Ee ");
	sync_delete(&f, 4);
	assert_changed("A6 A7 Ee ");
	sync_put(&f, 2, ENVIRONMENT_DN("e"), ENVIRONMENT("e"));
	assert_changed("A5 A6 Ee ");
	/* The second entry with a number counts when the first one goes. */
	sync_put(&f, 5, "uid=bob,dc=x",
	    "objectClass: enscaleAccount\nuid: 5\nuid: bob\n");
	sync_put(&f, 2, ENVIRONMENT_DN("e"), ENVIRONMENT("e") "member: bob\n");
	assert_changed("A5 Ee ");
	sync_delete(&f, 1);
	assert_changed("A5 Ee ");
}

static void
the_same_entry_again_changes_nothing(void **state)
{
	uint64_t generation;

	(void)state;
	sync_complete(&f);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	generation = state_info(f.state)->generation;
	assert_changed(NULL);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_changed("");
	assert_int_equal(state_info(f.state)->generation, generation);
	sync_delete(&f, 99);
	assert_int_equal(state_info(f.state)->generation, generation);
}

static void
a_shared_host_key_lists_its_nodes(void **state)
{
	char lines[512];

	(void)state;
	sync_put(&f, 1, ENVIRONMENT_DN("e"), ENVIRONMENT("e"));
	sync_complete(&f);
	assert_changed(NULL);
	(void)snprintf(lines, sizeof(lines), NODE("7") "enscaleHostKey: %s\n",
	    sync_key(1));
	sync_put(&f, 11, NODE_DN("7", "e"), lines);
	assert_changed("Ee H N7 ");
	/* Another key: the old one and the new one are concerned. */
	(void)snprintf(lines, sizeof(lines), NODE("7") "enscaleHostKey: %s\n",
	    sync_key(2));
	sync_put(&f, 11, NODE_DN("7", "e"), lines);
	assert_changed("Ee H H N7 ");
}

static void
what_was_published_is_listed_no_more(void **state)
{
	struct seen seen = { .len = 0 };

	(void)state;
	sync_complete(&f);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_purge(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_int_equal(state_info(f.state)->purged,
	    state_info(f.state)->generation);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_changed(f.state, 0, see_subject, &seen), 0);
	state_end(f.state);
	assert_string_equal(seen.text, "");
}

/* ---- sweeping ---------------------------------------------------------- */

static bool
anything(const struct entry *entry, void *arg)
{
	(void)entry;
	(void)arg;
	return true;
}

static bool
no_accounts(const struct entry *entry, void *arg)
{
	(void)arg;
	return entry->kind != ENTRY_ACCOUNT;
}

static void
what_a_refresh_did_not_name_is_swept(void **state)
{
	char dn[128], lines[128];
	uint64_t deleted;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		(void)snprintf(dn, sizeof(dn), ACCOUNT_DN("%u"), i);
		(void)snprintf(lines, sizeof(lines), ACCOUNT("%u"), i);
		sync_put(&f, i, dn, lines);
	}
	assert_int_equal(state_begin_write(f.state), 0);
	state_clear_marks(f.state);
	for (uint32_t i = 3; i <= 1000; i += 3)
		assert_int_equal(state_mark(f.state, sync_uuid(i)), 0);
	assert_int_equal(state_sweep(f.state, anything, NULL, &deleted), 0);
	state_clear_marks(f.state);
	assert_int_equal(state_commit(f.state), 0);
	assert_int_equal(deleted, 667);
	assert_int_equal(state_entry_count(f.state), 333);
	assert_int_equal(counting_account(3), 3);
	assert_int_equal(counting_account(4), 0);
}

static void
what_may_not_go_stays(void **state)
{
	uint64_t deleted;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_put(&f, 2, ENVIRONMENT_DN("e"), ENVIRONMENT("e"));
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_sweep(f.state, no_accounts, NULL, &deleted), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_int_equal(deleted, 1);
	assert_int_equal(counting_account(1), 1);
	assert_int_equal(counts(record_key_environment("e")), 0);
}

static void
a_good_state_is_found_whole(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(2, KEY_DN("a", "1"), 1);
	put_key(3, KEY_DN("b", "9"), 2); /* an orphan */
	sync_put(&f, 4, ENVIRONMENT_DN("cool"), ENVIRONMENT("cool"));
	sync_put(&f, 5, NODE_DN("7", "cool"), NODE("7"));
	sync_put(&f, 6, ACCOUNT_DN("2"), ACCOUNT("2") "enscaleStatus: odd\n");
	sync_delete(&f, 4);
	sync_complete(&f);
	sync_fixture_reopen(&f);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_check(f.state), 0);
	state_end(f.state);
	assert_false(state_is_damaged(f.state));
}

/* Writes another version over the one in the file, as LMDB does it. */
static void
set_version(uint8_t version)
{
	static uint8_t copy[16384];
	char name[] = "info", path[sizeof(f.folder) + 32];
	MDB_val key = { 4, name }, value;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;

	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, f.folder);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 20), 0);
	assert_int_equal(
	    mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, name, 0, &table), 0);
	assert_int_equal(mdb_get(txn, table, &key, &value), 0);
	assert_in_range(value.mv_size, 4, sizeof(copy));
	memcpy(copy, value.mv_data, value.mv_size);
	copy[3] = version;
	value.mv_data = copy;
	assert_int_equal(mdb_put(txn, table, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void
a_state_of_another_version_is_asked_anew(void **state)
{
	bool replaced;

	(void)state;
	for (uint8_t version = 1; version < 100; version += 90) {
		sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
		sync_complete(&f);
		state_close(f.state);
		set_version(version);
		assert_int_equal(state_open(f.folder, &f.state, &replaced), 0);
		assert_true(replaced);
		assert_true(state_is_new(f.state));
		assert_int_equal(state_entry_count(f.state), 0);
	}
}

static void
an_entry_that_is_too_large_spoils_no_other_one(void **state)
{
	struct entry entry = { .kind = ENTRY_ACCOUNT,
		.dn = ACCOUNT_DN("1"),
		.csn = "",
		.reason = "",
		.warning = "" };
	char *name = malloc(RECORD_SIZE_MAX + 1);

	(void)state;
	assert_non_null(name);
	memset(name, 'a', RECORD_SIZE_MAX);
	name[RECORD_SIZE_MAX] = '\0';
	fields_init(&account_fields, &entry.account.fields);
	entry.reason = name;
	memcpy(entry.uuid, sync_uuid(1), ENTRY_UUID_LEN);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_false(state_has(f.state, &entry));
	assert_int_equal(state_put(f.state, &entry, true), ENS_E_LIMIT);
	assert_int_equal(state_stash(f.state, &entry), ENS_E_LIMIT);
	state_end(f.state);
	free(name);
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(state_begin_read(f.state), 0);
	entry = sync_entry(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_true(state_has(f.state, &entry));
	state_end(f.state);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(an_entry_is_kept_over_a_restart),
		TEST(an_entry_that_is_too_large_spoils_no_other_one),
		TEST(an_undone_transaction_changes_nothing),
		TEST(cookie_and_generation_come_back_after_a_restart),
		TEST(a_second_process_is_kept_out),
		TEST(a_file_that_is_no_state_is_replaced),
		TEST(a_child_finds_its_parent_and_loses_it_by_no_rename),
		TEST(names_are_compared_without_case_and_spaces),
		TEST(an_orphan_is_adopted_when_its_parent_comes),
		TEST(
		    a_child_that_outlives_its_parent_goes_to_the_next_of_that_name),
		TEST(in_a_refresh_new_children_wait_until_all_names_are_there),
		TEST(what_is_too_much_for_one_transaction_is_said_to_be),
		TEST(
		    in_a_refresh_a_child_stays_where_it_is_when_its_parent_is_renamed),
		TEST(in_a_refresh_a_child_goes_when_all_names_are_there),
		TEST(a_child_of_nobody_is_an_orphan_at_the_end_of_a_refresh),
		TEST(
		    a_child_that_is_deleted_before_the_end_of_a_refresh_leaves_nothing),
		TEST(a_name_that_the_server_told_brings_the_orphans_home),
		TEST(a_refused_parent_keeps_its_children_for_better_times),
		TEST(
		    of_environments_that_differ_by_case_alone_the_older_counts),
		TEST(
		    a_child_below_the_wrong_kind_of_parent_is_an_orphan_with_a_name),
		TEST(a_parent_of_another_kind_has_other_children),
		TEST(keys_that_are_values_are_counted_as_they_come_and_go),
		TEST(a_warning_lasts_as_long_as_what_it_is_about),
		TEST(every_line_is_visited_with_its_entry),
		TEST(of_two_accounts_with_one_id_the_older_counts),
		TEST(of_two_as_old_the_smaller_uuid_counts),
		TEST(
		    a_partly_refused_entry_says_so_again_after_being_a_duplicate),
		TEST(a_node_counts_below_an_environment_that_counts),
		TEST(
		    no_environment_name_is_taken_for_another_that_begins_with_it),
		TEST(nothing_is_listed_before_the_first_refresh_is_complete),
		TEST(a_change_lists_what_it_touches),
		TEST(a_name_lists_who_has_it_and_who_names_it),
		TEST(the_same_entry_again_changes_nothing),
		TEST(a_shared_host_key_lists_its_nodes),
		TEST(what_was_published_is_listed_no_more),
		TEST(what_a_refresh_did_not_name_is_swept),
		TEST(what_may_not_go_stays),
		TEST(a_good_state_is_found_whole),
		TEST(a_state_of_another_version_is_asked_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
