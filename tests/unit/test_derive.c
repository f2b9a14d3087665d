#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "enscale_sync/derive.h"
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

/* What was put. */
static struct {
	struct record_key key;
	uint8_t data[4096];
	struct bytes record;
} records[64];
static uint32_t record_count;

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

static int
keep(void *arg, const struct record_key *key, struct bytes record)
{
	(void)arg;
	assert_true(record_count < 64 && record.len <= 4096);
	for (uint32_t i = 0; i < record_count; i++)
		assert_false(records[i].key.len == key->len &&
		    memcmp(records[i].key.data, key->data, key->len) == 0);
	records[record_count].key = *key;
	memcpy(records[record_count].data, record.data, record.len);
	records[record_count].record = (struct bytes){
		records[record_count].data, record.len
	};
	record_count++;
	return 0;
}

static int
all_within_limits(void *arg, const struct record_key *subject,
    const struct derive_excess *excess)
{
	(void)arg;
	(void)subject;
	assert_int_equal(excess->left_out, 0);
	return 0;
}

static void
derive_everything(void)
{
	struct derive *derive;

	record_count = 0;
	assert_int_equal(
	    derive_new(f.state, NULL, keep, all_within_limits, NULL, &derive),
	    0);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(derive_all(derive), 0);
	state_end(f.state);
	derive_free(derive);
}

/* Empty when it was not put. */
static struct bytes
find(struct record_key key)
{
	for (uint32_t i = 0; i < record_count; i++) {
		if (records[i].key.len == key.len &&
		    memcmp(records[i].key.data, key.data, key.len) == 0)
			return records[i].record;
	}
	return (struct bytes){ NULL, 0 };
}

static void
fingerprint_of(uint32_t number, uint8_t ret_fingerprint[SHA256_LEN])
{
	struct ssh_key key;
	const char *line = sync_key(number);

	assert_int_equal(ssh_key_parse(line, strlen(line), &key), 0);
	assert_int_equal(
	    fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
	        ret_fingerprint),
	    0);
}

static void
put_key(uint32_t uuid, const char *dn, uint32_t number, const char *more)
{
	char lines[512];

	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n%s", sync_key(number),
	    more);
	sync_put(&f, uuid, dn, lines);
}

static void
an_account_gives_its_records(void **state)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, 25880);
	struct account_record account;
	struct account_keys_record keys;
	uint8_t fingerprint[SHA256_LEN];
	struct key_record found;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("25880"),
	    ACCOUNT("25880") "cn: Ann\nmail: a@b\nenscaleStatus: suspended\n"
	                     "enscaleExpires: 20300101000000Z\n"
	                     "enscaleMaxSessions: 5\n");
	put_key(11, KEY_DN("a", "25880"), 1,
	    "cn: first\n" CREATED("20250101000000"));
	put_key(12, KEY_DN("b", "25880"), 2, "");
	derive_everything();
	assert_int_equal(record_count, 4);
	assert_int_equal(record_decode_account(find(key), &key, &account), 0);
	assert_int_equal(account.status, ACCOUNT_SUSPENDED);
	assert_int_equal(account.expires, 1893456000);
	assert_int_equal(account.max_sessions, 5);
	assert_string_equal(account.name, "Ann");
	assert_string_equal(account.mail, "a@b");
	key = record_key_id(RECORD_ACCOUNT_KEYS, 25880);
	assert_int_equal(record_decode_account_keys(find(key), &key, &keys), 0);
	assert_int_equal(keys.count, 2);
	fingerprint_of(1, fingerprint);
	key = record_key_key(25880, fingerprint);
	assert_int_equal(record_decode_key(find(key), &key, &found), 0);
	assert_string_equal(found.title, "first");
	assert_int_equal(found.added, 1735689600);
}

static void
a_key_that_two_entries_have_is_the_older_ones(void **state)
{
	uint8_t fingerprint[SHA256_LEN];
	struct record_key key;
	struct key_record found;
	struct account_keys_record keys;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(11, KEY_DN("a", "1"), 1,
	    "cn: young\n" CREATED("20250102000000"));
	put_key(12, KEY_DN("b", "1"), 1, "cn: old\n" CREATED("20250101000000"));
	put_key(13, KEY_DN("c", "1"), 1, "cn: unknown\n");
	derive_everything();
	fingerprint_of(1, fingerprint);
	key = record_key_key(1, fingerprint);
	assert_int_equal(record_decode_key(find(key), &key, &found), 0);
	assert_string_equal(found.title, "old");
	key = record_key_id(RECORD_ACCOUNT_KEYS, 1);
	assert_int_equal(record_decode_account_keys(find(key), &key, &keys), 0);
	assert_int_equal(keys.count, 1);
}

/* The key with this number of account 1; its title, or "" without it. */
static struct key_record
key_as_published(uint32_t number)
{
	uint8_t fingerprint[SHA256_LEN];
	struct record_key key;
	struct key_record found = { .title = "" };

	fingerprint_of(number, fingerprint);
	key = record_key_key(1, fingerprint);
	if (find(key).len > 0)
		assert_int_equal(record_decode_key(find(key), &key, &found), 0);
	return found;
}

static void
a_key_that_two_entries_have_is_as_little_as_both(void **state)
{
	char lines[512];

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    ACCOUNT("1")
	        CREATED("20240101000000") "sshPublicKey: no-pty %s oldest\n",
	    sync_key(1));
	sync_put(&f, 1, ACCOUNT_DN("1"), lines);
	put_key(11, KEY_DN("a", "1"), 1, "enscaleExpires: 20300101000000Z\n");
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: from=\"10.0.0.1\" %s\n",
	    sync_key(1));
	sync_put(&f, 12, KEY_DN("b", "1"), lines);
	derive_everything();
	assert_string_equal(key_as_published(1).title, "oldest");
	assert_int_equal(key_as_published(1).options, KEY_NO_PTY);
	assert_int_equal(key_as_published(1).expires, 1893456000);
	assert_string_equal(key_as_published(1).from, "10.0.0.1");
}

static void
of_from_lists_the_one_within_all_others_counts_whichever_is_oldest(void **state)
{
	static const char *const lists[] = { "192.0.2.1,192.0.2.2",
		"192.0.2.2,192.0.2.3", "192.0.2.2" };
	const char *dns[] = { KEY_DN("a", "1"), KEY_DN("b", "1"),
		KEY_DN("c", "1") };
	char lines[512];

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	for (uint32_t last = 0; last < 3; last++) {
		for (uint32_t i = 0; i < 3; i++) {
			(void)snprintf(lines, sizeof(lines),
			    "objectClass: enscaleKey\n"
			    "sshPublicKey: from=\"%s\" %s\n",
			    lists[(i + last) % 3], sync_key(1));
			sync_put(&f, 10 + i, dns[i], lines);
		}
		derive_everything();
		assert_string_equal(key_as_published(1).from, "192.0.2.2");
	}
}

static void
a_key_on_the_account_itself_counts_as_well(void **state)
{
	char lines[512];
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, 1);
	struct account_keys_record keys;

	(void)state;
	(void)snprintf(lines, sizeof(lines),
	    ACCOUNT("1") "sshPublicKey: %s\nsshPublicKey: %s\n", sync_key(1),
	    sync_key(2));
	sync_put(&f, 1, ACCOUNT_DN("1"), lines);
	put_key(11, KEY_DN("a", "1"), 2, "");
	put_key(12, KEY_DN("b", "1"), 3, "");
	derive_everything();
	assert_int_equal(record_decode_account_keys(find(key), &key, &keys), 0);
	assert_int_equal(keys.count, 3);
}

static void
an_environment_lists_its_members_and_nodes(void **state)
{
	struct record_key key = record_key_environment("cool");
	struct environment_record environment;
	struct node_record node;

	(void)state;
	sync_put(&f, 1, ENVIRONMENT_DN("cool"),
	    ENVIRONMENT("cool") "enscaleState: stopped\nenscaleOwner: 5\n"
	                        "enscaleFullAccess: 3\n"
	                        "enscaleLimitedAccess: 9\n");
	sync_put(&f, 12, NODE_DN("8", "cool"), NODE("8"));
	sync_put(&f, 11, NODE_DN("7", "cool"),
	    NODE("7") "enscaleServiceType: mysql\n");
	sync_put(&f, 13, NODE_DN("9", "cool"), NODE("0"));
	derive_everything();
	assert_int_equal(
	    record_decode_environment(find(key), &key, &environment), 0);
	assert_int_equal(environment.state, ENVIRONMENT_STOPPED);
	assert_int_equal(environment.owner, 5);
	assert_int_equal(environment.member_count, 3);
	assert_int_equal(environment_record_role(&environment, 3), ROLE_FULL);
	assert_int_equal(environment_record_role(&environment, 9),
	    ROLE_LIMITED);
	assert_int_equal(environment_record_role(&environment, 5), ROLE_OWNER);
	assert_int_equal(environment.node_count, 2);
	assert_int_equal(environment_record_node(&environment, 0), 7);
	assert_int_equal(environment_record_node(&environment, 1), 8);
	key = record_key_id(RECORD_NODE, 7);
	assert_int_equal(record_decode_node(find(key), &key, &node), 0);
	assert_string_equal(node.environment, "cool");
	assert_string_equal(node.service_type, "mysql");
	assert_string_equal(node.address, "10.0.0.1");
}

static void
the_environments_of_an_account_are_those_that_count(void **state)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, 5);
	struct account_environments_record environments;
	struct account_environment row;
	struct bytes cursor;

	(void)state;
	sync_put(&f, 9, ACCOUNT_DN("5"), ACCOUNT("5"));
	sync_put(&f, 1, ENVIRONMENT_DN("b"),
	    ENVIRONMENT("b") "enscaleOwner: 5\n" CREATED("20250101000000"));
	sync_put(&f, 2, ENVIRONMENT_DN("a"),
	    ENVIRONMENT("a") "enscaleLimitedAccess: 5\n");
	sync_put(&f, 3, "cn=b,ou=others," SUFFIX,
	    ENVIRONMENT("b") "enscaleFullAccess: 5\n" CREATED(
	        "20250102000000"));
	derive_everything();
	assert_int_equal(
	    record_decode_environments(find(key), &key, &environments), 0);
	assert_int_equal(environments.count, 2);
	cursor = environments.rows;
	assert_int_equal(account_environments_next(&cursor, &row), 0);
	assert_string_equal(row.name, "a");
	assert_int_equal(row.role, ROLE_LIMITED);
	assert_int_equal(account_environments_next(&cursor, &row), 0);
	assert_string_equal(row.name, "b");
	assert_int_equal(row.role, ROLE_OWNER);
}

/* Environments that list the account. */
static uint32_t
count_listing(uint32_t id)
{
	struct environment_record environment;
	uint32_t count = 0;

	for (uint32_t i = 0; i < record_count; i++) {
		if (records[i].key.data[0] != RECORD_ENVIRONMENT)
			continue;
		assert_int_equal(record_decode_environment(records[i].record,
		                     &records[i].key, &environment),
		    0);
		count += environment_record_role(&environment, id) != ROLE_NONE;
	}
	return count;
}

/* The environments of an account: "a:full b:limited ". */
static void
assert_may_enter(uint32_t id, const char *want)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, id);
	struct account_environments_record environments = { 0 };
	struct account_environment row;
	struct bytes cursor;
	char text[256] = "";

	derive_everything();
	if (find(key).len > 0)
		assert_int_equal(
		    record_decode_environments(find(key), &key, &environments),
		    0);
	cursor = environments.rows;
	while (account_environments_next(&cursor, &row) == 0) {
		struct record_key name = record_key_environment(row.name);
		struct environment_record environment;

		assert_int_equal(
		    record_decode_environment(find(name), &name, &environment),
		    0);
		assert_int_equal(environment_record_role(&environment, id),
		    row.role);
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s:%s ", row.name, environment_role_text(row.role));
	}
	assert_string_equal(text, want);
	assert_int_equal(count_listing(id), environments.count);
}

static void
map_groups(void)
{
	memcpy(f.schema.names[SCHEMA_ACCOUNT_ID], "uid", sizeof("uid"));
	memcpy(f.schema.names[SCHEMA_FULL_ACCESS], "member", sizeof("member"));
}

#define PERSON_DN(name) "uid=" name ",ou=people," SUFFIX
#define PERSON(id, name) \
	"objectClass: enscaleAccount\nuid: " id "\nuid: " name "\n"

static void
a_group_lets_in_the_accounts_that_it_names(void **state)
{
	(void)state;
	map_groups();
	sync_put(&f, 9, PERSON_DN("ann"), PERSON("5", "ann"));
	sync_put(&f, 8, PERSON_DN("bob"), PERSON("6", "bob"));
	sync_put(&f, 1, ENVIRONMENT_DN("a"),
	    ENVIRONMENT("a") "member: uid=Ann,ou=People," SUFFIX "\n"
	                     "member: cn=nobody\nmember: \n");
	sync_put(&f, 2, ENVIRONMENT_DN("b"),
	    ENVIRONMENT("b") "member: ann\nmember: 6\n"
	                     "enscaleLimitedAccess: 5\n");
	sync_put(&f, 3, ENVIRONMENT_DN("c"),
	    ENVIRONMENT("c") "member: ann\nmember: 5\nmember: " PERSON_DN(
	        "ann") "\nenscaleOwner: 5\n");
	assert_may_enter(5, "a:full b:limited c:owner ");
	assert_may_enter(6, "b:full ");
	/* Another DN is another name. */
	sync_put(&f, 9, PERSON_DN("anne"), PERSON("5", "ann"));
	assert_may_enter(5, "b:limited c:owner ");
	sync_delete(&f, 9);
	assert_may_enter(6, "b:full ");
}

static void
a_name_that_two_accounts_have_lets_in_nobody(void **state)
{
	(void)state;
	map_groups();
	sync_put(&f, 9, PERSON_DN("ann"), PERSON("5", "ann"));
	sync_put(&f, 8, "uid=ann,ou=customers," SUFFIX, PERSON("6", "ann"));
	sync_put(&f, 1, ENVIRONMENT_DN("a"), ENVIRONMENT("a") "member: ann\n");
	assert_may_enter(5, "");
	assert_may_enter(6, "");
	sync_delete(&f, 9);
	assert_may_enter(6, "a:full ");
}

/* So it stays if one of them is refused, or has no account. */
static void
a_name_that_any_second_entry_has_lets_in_nobody(void **state)
{
	(void)state;
	map_groups();
	sync_put(&f, 9, PERSON_DN("ann"), PERSON("5", "ann"));
	sync_put(&f, 1, ENVIRONMENT_DN("a"), ENVIRONMENT("a") "member: ann\n");
	assert_may_enter(5, "a:full ");
	sync_put(&f, 8, "uid=ann,ou=customers," SUFFIX,
	    PERSON("6", "ann") "enscaleStatus: none\n");
	assert_may_enter(5, "");
	sync_put(&f, 8, "uid=ann,ou=customers," SUFFIX,
	    "objectClass: enscaleAccount\nuid: ann\n");
	assert_may_enter(5, "");
	sync_put(&f, 8, "uid=ann,ou=customers," SUFFIX,
	    "objectClass: enscaleAccount\nuid: anna\n");
	assert_may_enter(5, "a:full ");
}

/* Its number is another's, who is not in the group. */
static void
the_name_of_a_second_entry_with_a_number_lets_in_nobody(void **state)
{
	(void)state;
	map_groups();
	sync_put(&f, 8, PERSON_DN("bob"),
	    PERSON("5", "bob") CREATED("20250102000000"));
	sync_put(&f, 1, ENVIRONMENT_DN("a"), ENVIRONMENT("a") "member: bob\n");
	sync_put(&f, 2, ENVIRONMENT_DN("b"),
	    ENVIRONMENT("b") "member: " PERSON_DN("bob") "\n");
	assert_may_enter(5, "a:full b:full ");
	sync_put(&f, 9, PERSON_DN("ann"),
	    PERSON("5", "ann") CREATED("20250101000000"));
	assert_may_enter(5, "");
}

static void
clones_share_a_host_key(void **state)
{
	char lines[512];
	uint8_t fingerprint[SHA256_LEN];
	struct record_key key;
	struct host_key_record found;

	(void)state;
	sync_put(&f, 1, ENVIRONMENT_DN("e"), ENVIRONMENT("e"));
	(void)snprintf(lines, sizeof(lines), NODE("8") "enscaleHostKey: %s\n",
	    sync_key(1));
	sync_put(&f, 12, NODE_DN("8", "e"), lines);
	(void)snprintf(lines, sizeof(lines), NODE("7") "enscaleHostKey: %s\n",
	    sync_key(1));
	sync_put(&f, 11, NODE_DN("7", "e"), lines);
	/* One without an environment is not there. */
	(void)snprintf(lines, sizeof(lines), NODE("9") "enscaleHostKey: %s\n",
	    sync_key(1));
	sync_put(&f, 13, NODE_DN("9", "none"), lines);
	derive_everything();
	fingerprint_of(1, fingerprint);
	key = record_key_host(fingerprint);
	assert_int_equal(record_decode_host_key(find(key), &key, &found), 0);
	assert_int_equal(found.count, 2);
	assert_int_equal(host_key_record_node(&found, 0), 7);
	assert_int_equal(host_key_record_node(&found, 1), 8);
	assert_int_equal(find(record_key_id(RECORD_NODE, 9)).len, 0);
}

static void
what_is_refused_gives_no_record(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1") "enscaleStatus: odd\n");
	put_key(11, KEY_DN("a", "1"), 1, "");
	sync_put(&f, 2, ENVIRONMENT_DN("e"),
	    ENVIRONMENT("e") "enscaleState: x\n");
	sync_put(&f, 12, NODE_DN("7", "e"), NODE("7"));
	put_key(13, KEY_DN("orphan", "99"), 2, "");
	derive_everything();
	assert_int_equal(record_count, 0);
}

/* ---- limits ------------------------------------------------------------ */

/* One record that is looked at, how many of a kind there are, and what is
 * said of one subject. */
static struct {
	struct record_key key;
	struct wire_writer record;
	enum record_kind kind;
	uint32_t count;
	char name[256], text[256];
	uint64_t left_out;
} seen;

static int
see(void *arg, const struct record_key *key, struct bytes record)
{
	(void)arg;
	seen.count += key->data[0] == seen.kind;
	if (key->len == seen.key.len &&
	    memcmp(key->data, seen.key.data, key->len) == 0) {
		seen.record.len = 0;
		wire_write_bytes(&seen.record, record.data, record.len);
	}
	return 0;
}

static int
see_excess(void *arg, const struct record_key *subject,
    const struct derive_excess *excess)
{
	(void)arg;
	(void)subject;
	if (excess->left_out == 0)
		return 0;
	assert_int_equal(seen.left_out, 0);
	seen.left_out = excess->left_out;
	(void)snprintf(seen.name, sizeof(seen.name), "%s", excess->name);
	(void)snprintf(seen.text, sizeof(seen.text), "%s", excess->text);
	return 0;
}

/* Derives everything; the record is borrowed until the next time. */
static struct bytes
look_at(struct record_key key, enum record_kind kind)
{
	struct derive *derive;

	wire_write_free(&seen.record);
	memset(&seen, 0, sizeof(seen));
	wire_write_init_growing(&seen.record, RECORD_SIZE_MAX);
	seen.key = key;
	seen.kind = kind;
	assert_int_equal(
	    derive_new(f.state, NULL, see, see_excess, NULL, &derive), 0);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(derive_all(derive), 0);
	state_end(f.state);
	derive_free(derive);
	assert_int_equal(seen.record.error, 0);
	return (struct bytes){ seen.record.data, seen.record.len };
}

/* In a transaction that is under way. */
static void
add(uint32_t uuid, const char *dn, const char *lines)
{
	struct entry entry = sync_entry(&f, uuid, dn, lines);

	assert_int_equal(entry.refused, false);
	assert_int_equal(state_put(f.state, &entry, true), 0);
}

#define YOUNGEST 5U
static const char *
created(uint32_t number)
{
	return number == YOUNGEST ? CREATED("20260101000000")
	                          : CREATED("20250101000000");
}

/* One more node than there may be; they share a host key. */
static void
add_nodes(uint32_t count)
{
	char dn[256], lines[512];

	assert_int_equal(state_begin_write(f.state), 0);
	add(1, ENVIRONMENT_DN("cool"), ENVIRONMENT("cool"));
	for (uint32_t i = 1; i <= count; i++) {
		(void)snprintf(dn, sizeof(dn), NODE_DN("%u", "cool"), i);
		(void)snprintf(lines, sizeof(lines),
		    NODE("%u") "%senscaleHostKey: %s\n", i, created(i),
		    sync_key(1));
		add(100 + i, dn, lines);
	}
	assert_int_equal(state_commit(f.state), 0);
}

static void
assert_lists_all_nodes_but(const struct environment_record *environment,
    uint32_t missing)
{
	uint32_t next = 1;

	assert_int_equal(environment->node_count, ENVIRONMENT_NODES_MAX);
	for (uint32_t i = 0; i < environment->node_count; i++) {
		next += next == missing;
		assert_int_equal(environment_record_node(environment, i),
		    next++);
	}
}

static void
a_node_over_the_limit_is_left_out_alone(void **state)
{
	struct record_key key = record_key_environment("cool");
	struct environment_record environment;

	(void)state;
	add_nodes(ENVIRONMENT_NODES_MAX);
	assert_int_equal(record_decode_environment(look_at(key, RECORD_NODE),
	                     &key, &environment),
	    0);
	assert_int_equal(environment.node_count, ENVIRONMENT_NODES_MAX);
	assert_int_equal(seen.left_out, 0);
	sync_put(&f, 99, NODE_DN("10001", "cool"),
	    NODE("10001") CREATED("20250101000000"));
	assert_int_equal(record_decode_environment(look_at(key, RECORD_NODE),
	                     &key, &environment),
	    0);
	assert_lists_all_nodes_but(&environment, YOUNGEST);
	assert_int_equal(seen.left_out, 1);
	assert_string_equal(seen.name, ENVIRONMENT_DN("cool"));
	assert_string_equal(seen.text,
	    "10001 nodes, 10000 is the limit: 1 left out");
	/* It can be asked for by its number. */
	assert_int_equal(seen.count, ENVIRONMENT_NODES_MAX + 1);
}

static void
a_node_that_goes_at_the_limit_makes_room_for_the_next(void **state)
{
	struct record_key key = record_key_environment("cool");
	struct environment_record environment;

	(void)state;
	add_nodes(ENVIRONMENT_NODES_MAX);
	sync_put(&f, 99, NODE_DN("10001", "cool"), NODE("10001"));
	sync_delete(&f, 100 + 7);
	assert_int_equal(record_decode_environment(look_at(key, RECORD_NODE),
	                     &key, &environment),
	    0);
	assert_lists_all_nodes_but(&environment, 7);
	assert_int_equal(seen.left_out, 0);
}

static void
a_clone_over_the_limit_is_left_out_alone(void **state)
{
	uint8_t fingerprint[SHA256_LEN];
	struct host_key_record found;
	struct record_key key;

	(void)state;
	add_nodes(HOST_KEY_NODES_MAX);
	(void)snprintf(seen.text, sizeof(seen.text),
	    NODE("10001") "enscaleHostKey: %s\n", sync_key(1));
	sync_put(&f, 2, ENVIRONMENT_DN("other"), ENVIRONMENT("other"));
	sync_put(&f, 99, NODE_DN("10001", "other"), seen.text);
	fingerprint_of(1, fingerprint);
	key = record_key_host(fingerprint);
	assert_int_equal(
	    record_decode_host_key(look_at(key, RECORD_NODE), &key, &found), 0);
	assert_int_equal(found.count, HOST_KEY_NODES_MAX);
	/* Who has no createTimestamp comes last. */
	assert_int_equal(host_key_record_node(&found, found.count - 1), 10000);
	assert_int_equal(seen.left_out, 1);
	assert_true(strncmp(seen.name, "host key SHA256:", 16) == 0);
	assert_string_equal(seen.text,
	    "10001 nodes with it, 10000 is the limit: 1 left out");
}

static void
a_key_over_the_limit_is_as_if_absent_and_the_others_stay(void **state)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, 1);
	struct account_keys_record keys;
	uint8_t fingerprint[SHA256_LEN];
	char dn[256], lines[512];

	(void)state;
	assert_int_equal(state_begin_write(f.state), 0);
	add(1, ACCOUNT_DN("1"), ACCOUNT("1"));
	for (uint32_t i = 0; i <= ACCOUNT_KEYS_MAX; i++) {
		(void)snprintf(dn, sizeof(dn), KEY_DN("%u", "1"), i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleKey\nsshPublicKey: %s\n%s",
		    sync_key(i), created(i));
		add(100 + i, dn, lines);
	}
	assert_int_equal(state_commit(f.state), 0);
	assert_int_equal(
	    record_decode_account_keys(look_at(key, RECORD_KEY), &key, &keys),
	    0);
	assert_int_equal(keys.count, ACCOUNT_KEYS_MAX);
	assert_int_equal(seen.count, ACCOUNT_KEYS_MAX);
	fingerprint_of(YOUNGEST, fingerprint);
	for (uint32_t i = 0; i < keys.count; i++)
		assert_memory_not_equal(fingerprint,
		    keys.fingerprints + (size_t)i * SHA256_LEN, SHA256_LEN);
	assert_string_equal(seen.name, ACCOUNT_DN("1"));
	assert_string_equal(seen.text,
	    "10001 keys, 10000 is the limit: 1 left out");
	fingerprint_of(YOUNGEST, fingerprint);
	(void)look_at(record_key_key(1, fingerprint), RECORD_KEY);
	assert_int_equal(seen.record.len, 0);
}

static void
a_key_with_two_from_lists_is_left_out_and_named(void **state)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, 1);
	struct account_keys_record keys;
	char lines[512];

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	put_key(10, KEY_DN("other", "1"), 2, "");
	for (uint32_t i = 1; i <= 2; i++) {
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleKey\n"
		    "sshPublicKey: from=\"10.0.0.%u\" %s\n",
		    i, sync_key(1));
		sync_put(&f, 10 + i,
		    i == 1 ? KEY_DN("a", "1") : KEY_DN("b", "1"), lines);
	}
	assert_int_equal(record_decode_account_keys(
	                     look_at(key, RECORD_ACCOUNT_KEYS), &key, &keys),
	    0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(seen.left_out, 1);
	assert_string_equal(seen.name, ACCOUNT_DN("1"));
	assert_non_null(strstr(seen.text,
	    " occurs more than once: none of its from= lists is contained in all the others"));
}

/* Their names make the record too long before their number does. */
static void
environments_that_one_record_cannot_hold_are_left_out_alone(void **state)
{
	enum {
		COUNT = 66000
	};
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, 5);
	struct account_environments_record environments;
	char name[256], dn[512], lines[512];

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("5"), ACCOUNT("5"));
	assert_int_equal(state_begin_write(f.state), 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		(void)snprintf(name, sizeof(name), "%0255u", i);
		(void)snprintf(dn, sizeof(dn), ENVIRONMENT_DN("%s"), name);
		(void)snprintf(lines, sizeof(lines),
		    ENVIRONMENT("%s") "enscaleOwner: 5\n", name);
		add(100 + i, dn, lines);
	}
	assert_int_equal(state_commit(f.state), 0);
	assert_int_equal(
	    record_decode_environments(look_at(key, RECORD_ENVIRONMENT), &key,
	        &environments),
	    0);
	assert_true(seen.left_out > 0);
	assert_int_equal(environments.count + seen.left_out, COUNT);
	assert_true(environments.count > 64000);
	assert_string_equal(seen.name, ACCOUNT_DN("5"));
	assert_int_equal(seen.count, COUNT);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(an_account_gives_its_records),
		TEST(a_key_that_two_entries_have_is_the_older_ones),
		TEST(a_key_that_two_entries_have_is_as_little_as_both),
		TEST(
		    of_from_lists_the_one_within_all_others_counts_whichever_is_oldest),
		TEST(a_key_with_two_from_lists_is_left_out_and_named),
		TEST(a_key_on_the_account_itself_counts_as_well),
		TEST(an_environment_lists_its_members_and_nodes),
		TEST(the_environments_of_an_account_are_those_that_count),
		TEST(a_group_lets_in_the_accounts_that_it_names),
		TEST(a_name_that_two_accounts_have_lets_in_nobody),
		TEST(a_name_that_any_second_entry_has_lets_in_nobody),
		TEST(the_name_of_a_second_entry_with_a_number_lets_in_nobody),
		TEST(clones_share_a_host_key),
		TEST(what_is_refused_gives_no_record),
		TEST(a_node_over_the_limit_is_left_out_alone),
		TEST(a_node_that_goes_at_the_limit_makes_room_for_the_next),
		TEST(a_clone_over_the_limit_is_left_out_alone),
		TEST(a_key_over_the_limit_is_as_if_absent_and_the_others_stay),
		TEST(
		    environments_that_one_record_cannot_hold_are_left_out_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
