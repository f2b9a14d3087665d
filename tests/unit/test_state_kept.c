#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "enscale_sync/derive.h"
#include "tests/unit/sync_fixture.h"

#define SUFFIX      "dc=enscale,dc=com"
#define ACCOUNT_DN  "enscaleAccountId=25880,ou=accounts," SUFFIX
#define ENV_DN      "cn=cool-waterfall-59,ou=environments," SUFFIX
#define OTHER_DN    "cn=crimson-dust-8,ou=environments," SUFFIX
#define NODE_DN     "enscaleNodeId=227028," ENV_DN
#define ACCOUNT     "objectClass: enscaleAccount\nenscaleAccountId: 25880\n"
#define ENVIRONMENT "objectClass: enscaleEnvironment\n"
#define ENV         ENVIRONMENT "cn: cool-waterfall-59\n"
#define OWNER(n)    "enscaleOwner: " n "\n"
#define FULL(n)     "enscaleFullAccess: " n "\n"
#define LIMITED(n)  "enscaleLimitedAccess: " n "\n"
#define NODE                                                \
	"objectClass: enscaleNode\nenscaleNodeId: 227028\n" \
	"ipHostNumber: 10.10.129.154\nenscaleSystemUser: apache\n"

/* The entries of a tree, by what is added to each. */
enum {
	ACCOUNT_UUID = 1,
	ENV_UUID,
	NODE_UUID,
	KEY_UUID,
	SECOND_KEY_UUID
};
#define OLD 0
#define NEW 100

static struct sync_fixture f;
static uint32_t fresh; /* the tree that was loaded last */

/* What was put. */
static struct {
	struct record_key key;
	uint8_t data[4096];
	size_t len;
} records[64];
static uint32_t record_count;
static char left_out[512]; /* what was said of it; "": nothing */

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	return 0;
}

/* ---- looking ----------------------------------------------------------- */

static int
put(void *arg, const struct record_key *key, struct bytes record)
{
	(void)arg;
	assert_true(record_count < 64 && record.len <= 4096);
	records[record_count].key = *key;
	memcpy(records[record_count].data, record.data, record.len);
	records[record_count++].len = record.len;
	return 0;
}

static int
note(void *arg, const struct record_key *subject,
    const struct derive_excess *excess)
{
	(void)arg;
	(void)subject;
	if (excess->left_out > 0)
		(void)snprintf(left_out, sizeof(left_out), "%s", excess->text);
	return 0;
}

static struct bytes
find(struct record_key key)
{
	struct derive *derive;

	record_count = 0;
	left_out[0] = '\0';
	assert_int_equal(derive_new(f.state, NULL, put, note, NULL, &derive),
	    0);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(derive_all(derive), 0);
	state_end(f.state);
	derive_free(derive);
	for (uint32_t i = 0; i < record_count; i++) {
		if (records[i].key.len == key.len &&
		    memcmp(records[i].key.data, key.data, key.len) == 0)
			return (
			    struct bytes){ records[i].data, records[i].len };
	}
	return (struct bytes){ NULL, 0 };
}

static bool
has_account(void)
{
	return find(record_key_id(RECORD_ACCOUNT, 25880)).len > 0;
}

static struct account_record
account(void)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, 25880);
	struct account_record account;

	assert_int_equal(record_decode_account(find(key), &key, &account), 0);
	return account;
}

static struct bytes
find_key(uint32_t number)
{
	struct ssh_key key;
	const char *line = sync_key(number);
	uint8_t fingerprint[SHA256_LEN];

	assert_int_equal(ssh_key_parse(line, strlen(line), &key), 0);
	assert_int_equal(
	    fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
	        fingerprint),
	    0);
	return find(record_key_key(25880, fingerprint));
}

static bool
has_key(uint32_t number)
{
	return find_key(number).len > 0;
}

static struct key_record
key_as_published(uint32_t number)
{
	struct bytes found = find_key(number);
	struct key_record record;

	for (uint32_t i = 0; i < record_count; i++) {
		if (records[i].data != found.data)
			continue;
		assert_int_equal(
		    record_decode_key(found, &records[i].key, &record), 0);
		return record;
	}
	fail();
	return (struct key_record){ 0 };
}

static struct environment_record
environment(void)
{
	struct record_key key = record_key_environment("cool-waterfall-59");
	struct environment_record environment;

	assert_int_equal(
	    record_decode_environment(find(key), &key, &environment), 0);
	return environment;
}

static enum environment_role
role_of(uint32_t account)
{
	struct environment_record record = environment();

	return environment_record_role(&record, account);
}

static bool
has_node(void)
{
	return find(record_key_id(RECORD_NODE, 227028)).len > 0;
}

static struct node_record
node(void)
{
	struct record_key key = record_key_id(RECORD_NODE, 227028);
	struct node_record node;

	assert_int_equal(record_decode_node(find(key), &key, &node), 0);
	return node;
}

static int
count_one(const struct record_key *subject, void *arg)
{
	uint32_t *count = arg;

	(void)subject;
	(*count)++;
	return 0;
}

/* Is something listed for publishing because of what the last commit did? */
static bool
is_listed(void)
{
	uint32_t count = 0;

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_changed(f.state,
	                     state_info(f.state)->generation - 1, count_one,
	                     &count),
	    0);
	state_end(f.state);
	return count > 0;
}

/* ---- two trees --------------------------------------------------------- */

static const char *
key_lines(uint32_t number, const char *options)
{
	static char lines[512];

	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s%s\n", options,
	    sync_key(number));
	return lines;
}

static void
put_key(uint32_t uuid, uint32_t number, const char *options)
{
	char dn[128];

	(void)snprintf(dn, sizeof(dn), "cn=k%u," ACCOUNT_DN, number);
	sync_put(&f, uuid, dn, key_lines(number, options));
}

static void
put_account(uint32_t tree, const char *more)
{
	char lines[1024];

	(void)snprintf(lines, sizeof(lines), ACCOUNT "%s", more);
	sync_put(&f, tree + ACCOUNT_UUID, ACCOUNT_DN, lines);
}

static void
put_environment(uint32_t tree, const char *more)
{
	char lines[1024];

	(void)snprintf(lines, sizeof(lines), ENV "%s", more);
	sync_put(&f, tree + ENV_UUID, ENV_DN, lines);
}

static void
put_node(uint32_t tree, const char *dn, const char *more)
{
	char lines[1024];

	(void)snprintf(lines, sizeof(lines), NODE "%s", more);
	sync_put(&f, tree + NODE_UUID, dn, lines);
}

static void
load_tree(uint32_t tree)
{
	put_account(tree, "");
	put_key(tree + KEY_UUID, 1, "");
	put_key(tree + SECOND_KEY_UUID, 2, "");
	put_environment(tree, OWNER("25880") FULL("21296") LIMITED("21297"));
	put_node(tree, NODE_DN, "");
}

static void
keep_tree(uint32_t tree)
{
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = ACCOUNT_UUID; i <= SECOND_KEY_UUID; i++)
		assert_int_equal(state_keep(f.state, sync_uuid(tree + i)), 0);
	assert_int_equal(state_commit(f.state), 0);
}

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	load_tree(OLD);
	sync_complete(&f);
	load_tree(NEW);
	keep_tree(OLD);
	fresh = NEW;
	return 0;
}

/* The other way round: the old copies have the greater UUIDs, and count only
 * because they are kept. */
static int
make_later(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	load_tree(NEW);
	sync_complete(&f);
	load_tree(OLD);
	keep_tree(NEW);
	fresh = OLD;
	return 0;
}

/* ---- tests ------------------------------------------------------------- */

static void
what_is_kept_grants_what_it_did(void **state)
{
	(void)state;
	assert_int_equal(account().status, ACCOUNT_ACTIVE);
	assert_true(has_key(1) && has_key(2));
	assert_int_equal(role_of(25880), ROLE_OWNER);
	assert_int_equal(role_of(21296), ROLE_FULL);
	assert_int_equal(role_of(21297), ROLE_LIMITED);
	assert_int_equal(environment().node_count, 1);
	assert_int_equal(node().state, ENVIRONMENT_RUNNING);
}

static void
the_stricter_of_two_copies_counts(void **state)
{
	(void)state;
	put_account(NEW, "enscaleStatus: suspended\nenscaleMaxSessions: 5\n");
	assert_true(is_listed());
	assert_int_equal(account().status, ACCOUNT_SUSPENDED);
	assert_int_equal(account().max_sessions, 5);
	put_account(NEW, "enscaleExpires: 20300101000000Z\n");
	assert_int_equal(account().status, ACCOUNT_ACTIVE);
	assert_int_equal(account().expires, 1893456000);
	put_environment(NEW, OWNER("25880") "enscaleState: stopped\n");
	assert_true(is_listed());
	assert_int_equal(environment().state, ENVIRONMENT_STOPPED);
	put_node(NEW, NODE_DN, "enscaleState: stopped\n");
	assert_true(is_listed());
	assert_int_equal(node().state, ENVIRONMENT_STOPPED);
}

/* As a tree that was changed while it was loaded anew; kept afterwards. */
static void
so_it_does_when_the_new_copy_came_like_that(void **state)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, 21296);
	struct account_environments_record environments;
	struct account_environment row;
	char lines[512];

	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	load_tree(OLD);
	(void)snprintf(lines, sizeof(lines),
	    "sshPublicKey: %s\nsshPublicKey: %s\n", sync_key(5), sync_key(6));
	put_account(OLD, lines);
	sync_complete(&f);
	load_tree(NEW);
	/* One key is a value in one copy and an entry in the other. */
	(void)snprintf(lines, sizeof(lines),
	    "sshPublicKey: no-pty %s\nsshPublicKey: from=\"10.0.0.1\" %s\n",
	    sync_key(5), sync_key(2));
	put_account(NEW, lines);
	put_key(NEW + KEY_UUID, 1, "from=\"192.0.2.0/24\" ");
	put_key(NEW + SECOND_KEY_UUID, 6, "no-agent-forwarding ");
	put_environment(NEW, FULL("25880") LIMITED("21296"));
	keep_tree(OLD);
	assert_string_equal(key_as_published(1).from, "192.0.2.0/24");
	assert_string_equal(key_as_published(2).from, "10.0.0.1");
	assert_int_equal(key_as_published(5).options, KEY_NO_PTY);
	assert_int_equal(key_as_published(6).options, KEY_NO_AGENT);
	assert_int_equal(role_of(25880), ROLE_FULL);
	assert_int_equal(environment().owner, 0);
	assert_int_equal(role_of(21296), ROLE_LIMITED);
	/* Who is not in the new copy has what he had. */
	assert_int_equal(role_of(21297), ROLE_LIMITED);
	sync_put(&f, 300, "enscaleAccountId=21296,ou=accounts," SUFFIX,
	    "objectClass: enscaleAccount\nenscaleAccountId: 21296\n");
	assert_int_equal(
	    record_decode_environments(find(key), &key, &environments), 0);
	assert_int_equal(account_environments_next(&environments.rows, &row),
	    0);
	assert_int_equal(row.role, ROLE_LIMITED);
}

/* The account stays who it is, and its key is another entry now. */
static void
a_key_that_is_kept_beside_another_entry_of_it_is_no_more(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	load_tree(OLD);
	sync_complete(&f);
	put_key(NEW + KEY_UUID, 1, "from=\"192.0.2.0/24\" ");
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + KEY_UUID)), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_string_equal(key_as_published(1).from, "192.0.2.0/24");
}

static void
what_is_given_to_the_new_copy_waits(void **state)
{
	(void)state;
	put_account(fresh, "enscaleMaxSessions: 99\ncn: Ann\n");
	put_key(fresh + 50, 9, "");
	put_environment(fresh,
	    OWNER("25880") FULL("21297") FULL("21296") FULL("124"));
	assert_string_equal(account().name, "");
	assert_false(has_key(9));
	assert_int_equal(role_of(21297), ROLE_LIMITED);
	assert_int_equal(role_of(124), ROLE_NONE);
	assert_int_equal(role_of(21296), ROLE_FULL);
}

static void
a_suspended_account_stays_so_though_the_other_copy_is_active(void **state)
{
	(void)state;
	sync_delete(&f, OLD + ACCOUNT_UUID);
	put_account(OLD, "enscaleStatus: suspended\n");
	keep_tree(OLD);
	put_account(NEW, "cn: Ann\n");
	assert_int_equal(account().status, ACCOUNT_SUSPENDED);
}

static void
a_key_that_is_taken_from_the_new_copy_is_gone(void **state)
{
	(void)state;
	sync_delete(&f, NEW + KEY_UUID);
	assert_true(is_listed());
	assert_false(has_key(1));
	assert_true(has_key(2));
	put_key(NEW + SECOND_KEY_UUID, 3, "");
	assert_false(has_key(2));
	/* What is new waits. */
	assert_false(has_key(3));
	put_key(NEW + KEY_UUID, 1, "");
	assert_false(has_key(1));
}

static void
a_key_that_is_refused_now_is_gone(void **state)
{
	(void)state;
	sync_put(&f, NEW + KEY_UUID, "cn=k1," ACCOUNT_DN,
	    "objectClass: enscaleKey\nsshPublicKey: none\n");
	assert_false(has_key(1));
}

static void
a_key_that_moves_in_the_new_copy_opens_its_account_no_more(void **state)
{
	(void)state;
	sync_put(&f, 200, "enscaleAccountId=21296,ou=accounts," SUFFIX,
	    "objectClass: enscaleAccount\nenscaleAccountId: 21296\n");
	sync_put(&f, NEW + KEY_UUID,
	    "cn=k1,enscaleAccountId=21296,ou=accounts," SUFFIX,
	    key_lines(1, ""));
	assert_true(is_listed());
	assert_false(has_key(1));
	assert_true(has_key(2));
}

static void
so_it_does_when_a_refresh_tells_and_nobody_has_it_then(void **state)
{
	(void)state;
	assert_int_equal(state_begin_write(f.state), 0);
	sync_put_unsure(&f, NEW + KEY_UUID, "cn=k1,ou=revoked," SUFFIX,
	    key_lines(1, ""));
	sync_put_unsure(&f, NEW + NODE_UUID,
	    "enscaleNodeId=227028,ou=revoked," SUFFIX, NODE);
	assert_int_equal(state_adopt(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_true(is_listed());
	assert_false(has_key(1));
	assert_true(has_key(2));
	assert_false(has_node());
}

static void
a_key_value_that_is_taken_from_the_new_copy_is_gone(void **state)
{
	char lines[512];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    "sshPublicKey: %s\nsshPublicKey: %s\n", sync_key(5), sync_key(6));
	put_account(OLD, lines);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + ACCOUNT_UUID)), 0);
	assert_int_equal(state_commit(f.state), 0);
	put_account(NEW, lines);
	assert_true(has_key(5) && has_key(6));
	(void)snprintf(lines, sizeof(lines), "sshPublicKey: %s\n", sync_key(6));
	put_account(NEW, lines);
	assert_false(has_key(5));
	assert_true(has_key(6) && has_key(1));
}

static void
an_option_that_is_put_on_the_new_key_counts(void **state)
{
	(void)state;
	put_key(NEW + KEY_UUID, 1,
	    "no-agent-forwarding,verify-required,from=\"192.0.2.0/24\" ");
	assert_string_equal(key_as_published(1).from, "192.0.2.0/24");
	assert_int_equal(key_as_published(1).options,
	    KEY_NO_AGENT | KEY_VERIFY);
	put_key(NEW + KEY_UUID, 1, "no-pty,from=\"192.0.2.0/24\" ");
	assert_int_equal(key_as_published(1).options,
	    KEY_NO_AGENT | KEY_VERIFY | KEY_NO_PTY);
	/* Of two lists nobody knows which is the shorter one. */
	put_key(NEW + KEY_UUID, 1, "from=\"198.51.100.0/24\" ");
	assert_false(has_key(1));
}

/* The key value with this number of the old copy, as the state has it. */
static struct entry_key
kept_value(uint32_t number, struct entry_rows *rows)
{
	struct bytes blob;
	struct ssh_key key;
	struct entry entry;

	assert_int_equal(
	    ssh_key_parse(sync_key(number), strlen(sync_key(number)), &key), 0);
	assert_int_equal(
	    state_find(f.state, sync_uuid(OLD + ACCOUNT_UUID), rows, &entry),
	    0);
	for (uint32_t i = 0; i < entry.account.key_count; i++) {
		blob = entry.account.keys[i].blob;
		if (bytes_equal(blob, (struct bytes){ key.blob, key.blob_len }))
			return entry.account.keys[i];
	}
	fail_msg("no key %u", number);
	return (struct entry_key){ .from = "" };
}

static void
a_key_that_the_new_copy_has_for_other_addresses_is_named_and_kept(void **state)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	char lines[768];
	uint32_t len;

	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	(void)snprintf(lines, sizeof(lines),
	    "sshPublicKey: from=\"192.0.2.1\" %s\nsshPublicKey: %s\n",
	    sync_key(5), sync_key(6));
	put_account(OLD, lines);
	sync_complete(&f);
	len = (uint32_t)snprintf(lines, sizeof(lines),
	    "sshPublicKey: from=\"192.0.2.2\" %s\n"
	    "sshPublicKey: from=\"192.0.2.6\" %s\n",
	    sync_key(5), sync_key(6));
	put_account(NEW, lines);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + ACCOUNT_UUID)), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_false(has_key(5));
	assert_non_null(strstr(left_out, "from="));
	assert_string_equal(key_as_published(6).from, "192.0.2.6");
	/* No key is changed: nor are those of the old copy. */
	(void)snprintf(lines + len, sizeof(lines) - len, "cn: Ann\n");
	put_account(NEW, lines);
	put_key(NEW + KEY_UUID, 5, "from=\"192.0.2.3\" ");
	assert_false(has_key(5));
	assert_non_null(strstr(left_out, "from="));
	assert_int_equal(state_begin_read(f.state), 0);
	assert_string_equal(kept_value(5, &rows).from, "192.0.2.1");
	assert_string_equal(kept_value(6, &rows).from, "");
	state_end(f.state);
}

static void
keys_that_the_new_copy_came_without_stay(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	load_tree(OLD);
	sync_complete(&f);
	keep_tree(OLD);
	put_account(NEW, "");
	put_environment(NEW, "");
	assert_true(has_key(1) && has_key(2) && has_node());
	assert_int_equal(role_of(21296), ROLE_FULL);
}

static void
an_account_that_is_deleted_in_the_new_copy_is_gone_with_its_keys(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	load_tree(OLD);
	put_key(OLD + 50, 9, "");
	sync_complete(&f);
	load_tree(NEW);
	keep_tree(OLD);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + 50)), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_true(has_key(9));
	sync_delete(&f, NEW + KEY_UUID);
	sync_delete(&f, NEW + ACCOUNT_UUID);
	assert_true(is_listed());
	assert_false(has_account());
	/* A later one with its name finds no key of it. */
	put_account(NEW + 100, "");
	assert_true(has_account());
	assert_false(has_key(1) || has_key(9));
	sync_delete(&f, NEW + SECOND_KEY_UUID);
	assert_false(has_key(2));
}

static void
an_account_that_is_refused_now_is_gone(void **state)
{
	(void)state;
	put_account(NEW, "enscaleStatus: perhaps\n");
	assert_false(has_account());
}

static void
a_right_that_is_taken_from_the_new_copy_is_gone(void **state)
{
	(void)state;
	put_environment(NEW, OWNER("25880") LIMITED("21297"));
	assert_true(is_listed());
	assert_int_equal(role_of(21296), ROLE_NONE);
	assert_int_equal(role_of(21297), ROLE_LIMITED);
	put_environment(NEW, OWNER("21296") LIMITED("25880"));
	assert_int_equal(role_of(25880), ROLE_LIMITED);
	assert_int_equal(environment().owner, 0);
	assert_int_equal(role_of(21297), ROLE_NONE);
	/* What is given waits. */
	assert_int_equal(role_of(21296), ROLE_NONE);
}

static bool
is_let_in_by_name(uint32_t account)
{
	struct record_key key = record_key_environment("words");
	struct environment_record words;

	assert_int_equal(record_decode_environment(find(key), &key, &words), 0);
	return environment_record_role(&words, account) != ROLE_NONE;
}

static void
a_name_that_is_taken_from_the_new_copy_is_gone(void **state)
{
	static const char person[] = "objectClass: enscaleAccount\nuid: 7\n"
	                             "uid: ann\nuid: a.nn\n";

	(void)state;
	memcpy(f.schema.names[SCHEMA_ACCOUNT_ID], "uid", sizeof("uid"));
	memcpy(f.schema.names[SCHEMA_FULL_ACCESS], "member", sizeof("member"));
	sync_put(&f, 60, "cn=words," SUFFIX,
	    ENVIRONMENT "cn: words\nmember: ann\n");
	sync_put(&f, OLD + 61, "uid=7," SUFFIX, person);
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + 61)), 0);
	assert_int_equal(state_commit(f.state), 0);
	sync_put(&f, NEW + 61, "uid=7," SUFFIX, person);
	assert_true(is_let_in_by_name(7));
	sync_put(&f, NEW + 61, "uid=7," SUFFIX,
	    "objectClass: enscaleAccount\nuid: 7\nuid: a.nn\n");
	assert_false(is_let_in_by_name(7));
	/* And for good. */
	sync_put(&f, NEW + 61, "uid=7," SUFFIX, person);
	assert_false(is_let_in_by_name(7));
}

/* Its name is the same one. */
static void
a_right_is_taken_though_the_name_has_other_letters(void **state)
{
	(void)state;
	sync_put(&f, NEW + ENV_UUID, ENV_DN,
	    ENVIRONMENT "cn: Cool-Waterfall-59\n" OWNER("25880"));
	assert_int_equal(role_of(21296), ROLE_NONE);
	assert_int_equal(role_of(25880), ROLE_OWNER);
}

/* A refresh that broke off told a new name of it, the next one no more. */
static void
what_is_kept_may_have_moved_before(void **state)
{
	(void)state;
	sync_put(&f, 200, OTHER_DN,
	    ENVIRONMENT "cn: crimson-dust-8\n" OWNER("21297"));
	assert_int_equal(state_begin_write(f.state), 0);
	sync_put_unsure(&f, OLD + NODE_UUID, "enscaleNodeId=227028," OTHER_DN,
	    NODE);
	assert_int_equal(state_keep(f.state, sync_uuid(OLD + NODE_UUID)), 0);
	assert_int_equal(state_adopt(f.state), 0);
	assert_int_equal(state_commit(f.state), 0);
	assert_string_equal(node().environment, "crimson-dust-8");
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_check(f.state), 0);
	state_end(f.state);
}

static void
an_environment_that_is_deleted_in_the_new_copy_is_gone(void **state)
{
	struct record_key key = record_key_environment("cool-waterfall-59");

	(void)state;
	sync_delete(&f, NEW + NODE_UUID);
	assert_true(is_listed());
	assert_false(has_node());
	sync_delete(&f, NEW + ENV_UUID);
	assert_int_equal(find(key).len, 0);
}

static void
a_node_that_moves_in_the_new_copy_is_where_it_was_no_more(void **state)
{
	(void)state;
	sync_put(&f, 200, OTHER_DN,
	    ENVIRONMENT "cn: crimson-dust-8\n" OWNER("21297"));
	put_node(NEW, "enscaleNodeId=227028," OTHER_DN, "");
	assert_string_equal(node().environment, "crimson-dust-8");
	assert_int_equal(environment().node_count, 0);
}

static void
a_host_key_that_is_taken_from_the_new_copy_is_gone(void **state)
{
	char lines[512];

	(void)state;
	sync_fixture_free(&f);
	sync_fixture_make(&f);
	load_tree(OLD);
	(void)snprintf(lines, sizeof(lines),
	    "enscaleHostKey: %s\nenscaleHostKey: %s\n", sync_key(7),
	    sync_key(8));
	put_node(OLD, NODE_DN, lines);
	sync_complete(&f);
	load_tree(NEW);
	put_node(NEW, NODE_DN, lines);
	keep_tree(OLD);
	assert_int_equal(node().host_key_count, 2);
	(void)snprintf(lines, sizeof(lines), "enscaleHostKey: %s\n",
	    sync_key(8));
	put_node(NEW, NODE_DN, lines);
	assert_true(is_listed());
	assert_int_equal(node().host_key_count, 1);
}

static void
children_that_come_later_find_the_new_copy(void **state)
{
	struct record_key key = record_key_id(RECORD_NODE, 124718);

	(void)state;
	/* The kept environment is filed again, and has not taken the name. */
	put_environment(NEW, OWNER("25880"));
	assert_int_equal(role_of(21296), ROLE_NONE);
	sync_put(&f, NEW + 50, "enscaleNodeId=124718," ENV_DN,
	    "objectClass: enscaleNode\nenscaleNodeId: 124718\n"
	    "ipHostNumber: 10.10.129.155\nenscaleSystemUser: nginx\n");
	assert_int_equal(find(key).len, 0);
	sync_delete(&f, OLD + NODE_UUID);
	sync_delete(&f, OLD + ENV_UUID);
	assert_true(find(key).len > 0);
}

static void
what_a_refresh_names_again_is_kept_no_longer(void **state)
{
	(void)state;
	sync_delete(&f, NEW + ACCOUNT_UUID + 1000); /* nobody */
	assert_int_equal(state_begin_write(f.state), 0);
	assert_int_equal(state_kept_count(f.state), 5);
	assert_int_equal(state_mark(f.state, sync_uuid(OLD + ACCOUNT_UUID)), 0);
	assert_int_equal(state_mark(f.state, sync_uuid(OLD + NODE_UUID)), 0);
	assert_int_equal(state_release_marked(f.state), 0);
	assert_int_equal(state_kept_count(f.state), 3);
	assert_false(state_is_kept(f.state, sync_uuid(OLD + NODE_UUID)));
	assert_true(state_is_kept(f.state, sync_uuid(OLD + ENV_UUID)));
	assert_int_equal(state_commit(f.state), 0);
	state_clear_marks(f.state);
	/* And so is what is sent again, though it has not changed. */
	put_key(OLD + KEY_UUID, 1, "");
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_kept_count(f.state), 2);
	state_end(f.state);
}

static void
what_is_here_twice_is_found_to_be(void **state)
{
	struct entry_rows rows = { 0 };
	struct entry entry;
	bool has;

	(void)state;
	sync_put(&f, 60, "enscaleAccountId=21296,ou=accounts," SUFFIX,
	    "objectClass: enscaleAccount\nenscaleAccountId: 21296\n");
	sync_put(&f, 61, "cn=k9,enscaleAccountId=21296,ou=accounts," SUFFIX,
	    key_lines(9, ""));
	assert_int_equal(state_begin_read(f.state), 0);
	for (uint32_t i = ACCOUNT_UUID; i <= SECOND_KEY_UUID; i++) {
		assert_int_equal(
		    state_find(f.state, sync_uuid(OLD + i), &rows, &entry), 0);
		assert_int_equal(state_has_copy(f.state, &entry, &has), 0);
		assert_true(has);
	}
	for (uint32_t i = 60; i <= 61; i++) {
		assert_int_equal(
		    state_find(f.state, sync_uuid(i), &rows, &entry), 0);
		assert_int_equal(state_has_copy(f.state, &entry, &has), 0);
		assert_false(has);
	}
	state_end(f.state);
	entry_rows_free(&rows);
}

int
main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, make, unmake)
#define LATER(name) cmocka_unit_test_setup_teardown(name, make_later, unmake)
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_grants_what_it_did),
		LATER(what_is_kept_grants_what_it_did),
		TEST(the_stricter_of_two_copies_counts),
		TEST(so_it_does_when_the_new_copy_came_like_that),
		TEST(a_key_that_is_kept_beside_another_entry_of_it_is_no_more),
		TEST(
		    a_key_that_the_new_copy_has_for_other_addresses_is_named_and_kept),
		TEST(what_is_given_to_the_new_copy_waits),
		LATER(what_is_given_to_the_new_copy_waits),
		TEST(
		    a_suspended_account_stays_so_though_the_other_copy_is_active),
		TEST(a_key_that_is_taken_from_the_new_copy_is_gone),
		TEST(a_key_that_is_refused_now_is_gone),
		TEST(
		    a_key_that_moves_in_the_new_copy_opens_its_account_no_more),
		TEST(so_it_does_when_a_refresh_tells_and_nobody_has_it_then),
		TEST(a_key_value_that_is_taken_from_the_new_copy_is_gone),
		TEST(an_option_that_is_put_on_the_new_key_counts),
		TEST(keys_that_the_new_copy_came_without_stay),
		TEST(
		    an_account_that_is_deleted_in_the_new_copy_is_gone_with_its_keys),
		TEST(an_account_that_is_refused_now_is_gone),
		TEST(a_right_that_is_taken_from_the_new_copy_is_gone),
		TEST(a_name_that_is_taken_from_the_new_copy_is_gone),
		TEST(a_right_is_taken_though_the_name_has_other_letters),
		TEST(what_is_kept_may_have_moved_before),
		TEST(an_environment_that_is_deleted_in_the_new_copy_is_gone),
		TEST(a_node_that_moves_in_the_new_copy_is_where_it_was_no_more),
		TEST(a_host_key_that_is_taken_from_the_new_copy_is_gone),
		TEST(children_that_come_later_find_the_new_copy),
		TEST(what_a_refresh_names_again_is_kept_no_longer),
		TEST(what_is_here_twice_is_found_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
