#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "common/keys/ssh_key.h"
#include "ldap/ldap_entry.h"
#include "ldap/ldap_time.h"
#include "tests/unit/sample_keys.h"
#include "tests/unit/sync_fixture.h"

#define ACCOUNT_DN  "enscaleAccountId=25880,ou=accounts,dc=enscale,dc=com"
#define ACCOUNT     "objectClass: enscaleAccount\nenscaleAccountId: 25880\n"
#define ENVIRONMENT "objectClass: enscaleEnvironment\ncn: cool-waterfall-59\n"
#define NODE                                                \
	"objectClass: enscaleNode\nenscaleNodeId: 124718\n" \
	"ipHostNumber: 198.19.0.18\nenscaleSystemUser: apache\n"
#define KEY "objectClass: enscaleKey\n"

static struct sync_fixture fixture;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&fixture);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&fixture);
	return 0;
}

static struct entry
parse(const char *lines)
{
	return sync_entry(&fixture, 1, ACCOUNT_DN, lines);
}

static void
assert_good(const char *lines)
{
	struct entry entry = parse(lines);

	if (entry.refused || *entry.reason != '\0')
		fail_msg("refused: %s", entry.reason);
}

static void
assert_refused(const char *lines, const char *reason)
{
	struct entry entry = parse(lines);

	if (!entry.refused)
		fail_msg("not refused: %s", lines);
	if (strstr(entry.reason, reason) == NULL)
		fail_msg("\"%s\", not \"%s\"", entry.reason, reason);
}

static void
a_whole_account_is_read(void **state)
{
	struct entry entry = parse(
	    "objectClass: top\n"
	    "objectClass: enscaleAccount\n"
	    "enscaleAccountId: 25880\n"
	    "cn: Ann Example\n"
	    "mail: ann@example.com\n"
	    "enscaleStatus: suspended\n"
	    "enscaleExpires: 20260102030405Z\n"
	    "enscaleMaxSessions: 7\n"
	    "entryCSN: 20251122225400.123456Z#000000#001#000000\n"
	    "createTimestamp: 20251122225400Z\n");

	(void)state;
	assert_false(entry.refused);
	assert_string_equal(entry.reason, "");
	assert_int_equal(entry.kind, ENTRY_ACCOUNT);
	assert_int_equal(entry.id, 25880);
	assert_string_equal(entry.account.name, "Ann Example");
	assert_string_equal(entry.account.mail, "ann@example.com");
	assert_int_equal(entry.account.status, ACCOUNT_SUSPENDED);
	assert_int_equal(entry.account.expires, 1767323045);
	assert_int_equal(entry.account.max_sessions, 7);
	assert_string_equal(entry.csn,
	    "20251122225400.123456Z#000000#001#000000");
	assert_int_equal(entry.created, 1763852040);
	assert_string_equal(entry.dn, ACCOUNT_DN);
}

static void
an_account_without_a_status_is_active(void **state)
{
	(void)state;
	assert_int_equal(parse(ACCOUNT).account.status, ACCOUNT_ACTIVE);
}

static void
the_auxiliary_class_makes_an_account_as_well(void **state)
{
	struct entry entry = parse("objectClass: inetOrgPerson\n"
	                           "objectClass: ENSCALEACCOUNTAUX\n"
	                           "enscaleaccountid: 21296\n");

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.kind, ENTRY_ACCOUNT);
	assert_int_equal(entry.id, 21296);
}

static void
an_existing_tree_is_read_by_its_own_names(void **state)
{
	char lines[1024];
	struct entry entry;

	(void)state;
	(void)snprintf(fixture.schema.names[SCHEMA_ACCOUNT],
	    sizeof(fixture.schema.names[0]), "posixAccount");
	(void)snprintf(fixture.schema.names[SCHEMA_ACCOUNT_ID],
	    sizeof(fixture.schema.names[0]), "uid");
	(void)snprintf(fixture.schema.names[SCHEMA_CN],
	    sizeof(fixture.schema.names[0]), "uid");
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: inetOrgPerson\nobjectClass: posixAccount\n"
	    "objectClass: ldapPublicKey\nuid: 25880\nuidNumber: 0\n"
	    "cn: not asked for\nsshPublicKey: %s\nsshPublicKey: %s\n",
	    sync_key(1), sync_key(2));
	entry = parse(lines);
	assert_false(entry.refused);
	assert_int_equal(entry.kind, ENTRY_ACCOUNT);
	assert_int_equal(entry.id, 25880);
	assert_string_equal(entry.account.name, "25880");
	assert_int_equal(entry.account.key_count, 2);
	assert_refused(ACCOUNT, "objectClass: not exactly one of ours");
	schema_init(&fixture.schema);
}

static int
forget_mapping(void **state)
{
	(void)state;
	schema_init(&fixture.schema);
	return 0;
}

static void
map(enum schema_name which, const char *name)
{
	(void)snprintf(fixture.schema.names[which],
	    sizeof(fixture.schema.names[0]), "%s", name);
}

static void
a_number_may_stand_beside_names(void **state)
{
	struct ldap_dn_hash ann;
	struct entry entry;

	(void)state;
	map(SCHEMA_ACCOUNT, "posixAccount");
	map(SCHEMA_ACCOUNT_ID, "uid");
	entry = parse("objectClass: posixAccount\nuid: Ann\nuid: 25880\n"
	              "uid: a.nn\n");
	assert_false(entry.refused);
	assert_int_equal(entry.id, 25880);
	assert_int_equal(entry.account.name_count, 2);
	assert_int_equal(ldap_dn_hash_word("ann", 3, &ann), 0);
	assert_true(memcmp(&ann, &entry.account.names[0], sizeof(ann)) == 0 ||
	    memcmp(&ann, &entry.account.names[1], sizeof(ann)) == 0);
	assert_refused("objectClass: posixAccount\nuid: 1\nuid: 2\n",
	    "uid: more than one number");
	assert_refused("objectClass: posixAccount\nuid: ann\nuid: 0\n",
	    "uid: ");
	assert_refused("objectClass: posixAccount\nuid: ann\nuid: 007\n",
	    "uid: ");
}

static void
a_person_without_an_account_is_refused_in_silence(void **state)
{
	struct entry entry;

	(void)state;
	assert_refused("objectClass: enscaleAccount\n", "missing");
	map(SCHEMA_ACCOUNT, "posixAccount");
	entry = parse("objectClass: posixAccount\nenscaleExpires: never\n");
	assert_true(entry_is_nobody(&entry));
	assert_refused("objectClass: posixAccount\nenscaleAccountId: ann\n",
	    "enscaleAccountId: ");
	map(SCHEMA_ACCOUNT_ID, "uid");
	entry = parse("objectClass: posixAccount\nuid: ann\nuid: b\n"
	              "entryCSN: 20251122225400.123456Z#000000#001#000000\n");
	assert_true(entry_is_nobody(&entry));
	/* It is known again when it comes again. */
	assert_string_equal(entry.csn,
	    "20251122225400.123456Z#000000#001#000000");
	entry = parse("objectClass: posixAccount\ncn: no uid at all\n");
	assert_true(entry_is_nobody(&entry));
}

/* Whoever may give himself names must not become another. */
static void
a_name_that_looks_like_a_dn_is_none(void **state)
{
	struct ldap_dn_hash word;
	struct entry entry;

	(void)state;
	map(SCHEMA_ACCOUNT_ID, "uid");
	map(SCHEMA_FULL_ACCESS, "member");
	entry = parse(ACCOUNT "uid: 5\nuid: uid=old,ou=people,dc=x\n");
	assert_int_equal(entry.account.name_count, 1);
	assert_int_equal(ldap_dn_hash_word("uid=old,ou=people,dc=x", 22, &word),
	    0);
	assert_memory_equal(&entry.account.names[0], &word, sizeof(word));
	entry = parse(ENVIRONMENT "member: uid=old,ou=people,dc=x\n");
	assert_int_equal(entry.environment.member_count, 1);
	assert_memory_not_equal(&entry.environment.members[0].name, &word,
	    sizeof(word));
}

static void
a_name_of_spaces_is_none(void **state)
{
	struct entry entry;

	(void)state;
	map(SCHEMA_ACCOUNT_ID, "uid");
	map(SCHEMA_FULL_ACCESS, "member");
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "uid: 5");
	sync_add_bytes(&fixture, "uid", "  ", 2);
	entry = sync_parse(&fixture, 1, "cn=e");
	assert_false(entry.refused);
	assert_int_equal(entry.account.name_count, 0);
	entry = parse(ENVIRONMENT "member: \n");
	assert_false(entry.refused);
	assert_int_equal(entry.environment.member_count, 0);
}

/* It may be refused today, and count tomorrow. */
static void
names_are_kept_of_what_is_refused(void **state)
{
	struct entry entry;

	(void)state;
	map(SCHEMA_ACCOUNT_ID, "uid");
	entry = parse(ACCOUNT "uid: ann\n");
	assert_true(entry_is_nobody(&entry));
	assert_int_equal(entry.account.name_count, 1);
	entry = parse(ACCOUNT "uid: ann\nuid: 5\nuid: 6\n");
	assert_true(entry.refused && *entry.reason != '\0');
	assert_int_equal(entry.account.name_count, 1);
}

static void
a_group_lists_accounts_by_their_names(void **state)
{
	const struct entry_member *members;
	struct ldap_dn_hash ann, dn;
	struct entry entry;

	(void)state;
	assert_refused(ENVIRONMENT "enscaleFullAccess: ann\n",
	    "enscaleFullAccess: ");
	map(SCHEMA_ENVIRONMENT, "groupOfNames");
	map(SCHEMA_FULL_ACCESS, "member");
	entry = parse("objectClass: groupOfNames\ncn: e\n"
	              "member: UID=Ann, ou=people,dc=enscale,dc=com\n"
	              "member: 21296\nmember: ann\n"
	              "member: uid=ann,ou=People,dc=enscale,dc=com\n"
	              "member: \nenscaleLimitedAccess: 21296\n");
	assert_false(entry.refused);
	assert_int_equal(entry.environment.member_count, 3);
	members = entry.environment.members;
	assert_int_equal(members[0].account, 21296);
	assert_int_equal(members[0].role, ROLE_LIMITED);
	assert_int_equal(
	    ldap_dn_hash("uid=ann,ou=people,dc=enscale,dc=com", &dn, NULL), 0);
	assert_int_equal(ldap_dn_hash_word("ann", 3, &ann), 0);
	assert_memory_not_equal(&ann, &dn, sizeof(ann));
	for (uint32_t i = 1, found = 0; i < 3; i++) {
		assert_int_equal(members[i].account, 0);
		assert_int_equal(members[i].role, ROLE_FULL);
		found += memcmp(&members[i].name, &dn, sizeof(dn)) == 0 ||
		    memcmp(&members[i].name, &ann, sizeof(ann)) == 0;
		assert_true(i < 2 || found == 2);
	}
}

static int
check_member(const char *value, const struct entry *account)
{
	struct berval text = { strlen(value), NULL };

	memcpy(&text.bv_val, &value, sizeof(value)); /* only read */
	return entry_check_member(&fixture.schema, SCHEMA_FULL_ACCESS, &text,
	    account);
}

static void
a_value_of_a_group_is_an_accounts_by_number_dn_and_name(void **state)
{
	struct entry ann;

	(void)state;
	map(SCHEMA_ACCOUNT_ID, "uid");
	ann = parse(ACCOUNT "uid: 5\nuid: ann\n");
	ann.dn = "uid=ann,dc=x";
	assert_int_equal(check_member("5", &ann), 0);
	assert_int_equal(check_member("ann", &ann), ENS_E_NOTFOUND);
	map(SCHEMA_FULL_ACCESS, "member");
	assert_int_equal(check_member("5", &ann), 0);
	assert_int_equal(check_member("Ann", &ann), 0);
	assert_int_equal(check_member("UID=ann, dc=X", &ann), 0);
	assert_int_equal(check_member("05", &ann), ENS_E_NOTFOUND);
	assert_int_equal(check_member("6", &ann), ENS_E_NOTFOUND);
	assert_int_equal(check_member("", &ann), ENS_E_NOTFOUND);
	assert_int_equal(check_member("anna", &ann), ENS_E_NOTFOUND);
	assert_int_equal(check_member("uid=ann,dc=y", &ann), ENS_E_NOTFOUND);
}

/* Other programs have their own names in it. */
static void
a_number_in_a_group_that_is_no_accounts_lets_nobody_in(void **state)
{
	struct entry entry;

	(void)state;
	map(SCHEMA_FULL_ACCESS, "memberUid");
	entry = parse(ENVIRONMENT "memberUid: 007\nmemberUid: 0\n"
	                          "memberUid: 268435456\nmemberUid: 7\n"
	                          "memberUid: 99999999999\n");
	assert_false(entry.refused);
	assert_int_equal(entry.environment.member_count, 1);
	assert_int_equal(entry.environment.members[0].account, 7);
}

static void
the_last_change_stands_in_for_an_entry_csn(void **state)
{
	struct entry entry = parse(
	    ACCOUNT "modifyTimestamp: 20251122225400Z\n");

	(void)state;
	assert_string_equal(entry.csn,
	    "20251122225400.000000Z#000000#000#000000");
	entry = parse(
	    ACCOUNT "modifyTimestamp: 20251122225401Z\n"
	            "entryCSN: 20251122225400.123456Z#000000#001#000000\n");
	assert_string_equal(entry.csn,
	    "20251122225400.123456Z#000000#001#000000");
	assert_refused(ACCOUNT "modifyTimestamp: yesterday\n",
	    "modifyTimestamp: ");
}

static void
an_account_id_is_a_canonical_number_in_range(void **state)
{
	static const char *const bad[] = { "0", "00025880", "-1", "+1", "1 ",
		" 1", "", "0x10", "268435456", "4294967296", "99999999999999",
		"1\t" };
	char lines[128];

	(void)state;
	assert_good(
	    "objectClass: enscaleAccount\nenscaleAccountId: 268435455\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %s\n",
		    bad[i]);
		assert_refused(lines, "enscaleAccountId: ");
	}
	assert_refused("objectClass: enscaleAccount\n", "missing");
	assert_refused("objectClass: enscaleAccount\n"
	               "enscaleAccountId: 1\nenscaleAccountId: 2\n",
	    "more than one value");
}

static void
an_unknown_word_refuses_the_whole_entry(void **state)
{
	(void)state;
	assert_refused(ACCOUNT "enscaleStatus: Active\n",
	    "enscaleStatus: an unknown word");
	assert_refused(ACCOUNT "enscaleStatus: \n", "enscaleStatus");
	assert_refused(ENVIRONMENT "enscaleState: paused\n",
	    "enscaleState: an unknown word");
	assert_refused(NODE "enscaleState: run\n", "enscaleState");
}

static void
an_entry_of_two_kinds_or_none_is_refused(void **state)
{
	(void)state;
	assert_refused("objectClass: enscaleAccount\nobjectClass: enscaleKey\n"
	               "enscaleAccountId: 1\n",
	    "objectClass");
	assert_refused("objectClass: person\n", "objectClass");
	assert_refused("cn: nothing\n", "objectClass");
}

/* The entry counts, and this is said of it. */
static struct entry
assert_warned(const char *lines, const char *warning)
{
	struct entry entry = parse(lines);

	if (entry.refused || *entry.reason != '\0')
		fail_msg("refused: %s", entry.reason);
	assert_string_equal(entry.warning, warning);
	return entry;
}

#define LEFT_OUT "characters that cannot be shown are left out"

static void
what_is_for_people_costs_a_warning_and_no_entry(void **state)
{
	static const char *const odd[] = { "a\tb", "a\x1b b", "a\xff b",
		"a\xe2\x80\xae b", "a\x7f b", "a b\xc3", "a\xe2\x80\x8b b",
		"a\xf3\xa0\x81\x81 b" };
	struct entry entry;
	char lines[256];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(lines, sizeof(lines), ACCOUNT "cn: %s\n",
		    odd[i]);
		entry = assert_warned(lines, "cn: " LEFT_OUT);
		assert_string_equal(entry.account.name, "a b");
		(void)snprintf(lines, sizeof(lines), ACCOUNT "mail: %s\n",
		    odd[i]);
		entry = assert_warned(lines, "mail: " LEFT_OUT);
		assert_string_equal(entry.account.mail, "a b");
		(void)snprintf(lines, sizeof(lines),
		    KEY "cn: %s\nsshPublicKey: " SAMPLE_ED25519 "\n", odd[i]);
		entry = assert_warned(lines, "cn: " LEFT_OUT);
		assert_string_equal(entry.key.title, "a b");
		(void)snprintf(lines, sizeof(lines),
		    NODE "enscaleServiceType: %s\n", odd[i]);
		entry = assert_warned(lines, "enscaleServiceType: " LEFT_OUT);
		assert_string_equal(entry.node.service_type, "a b");
		/* An environment is known by its name. */
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleEnvironment\ncn: %s\n", odd[i]);
		assert_refused(lines, "cn: not printable text");
		assert_string_equal(parse(lines).warning, "");
	}
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
	sync_add_bytes(&fixture, "cn", "a\n\0b", 4);
	assert_string_equal(sync_parse(&fixture, 1, ACCOUNT_DN).account.name,
	    "a b");
	assert_warned(ACCOUNT "cn: ab\n", "");
	assert_warned(ACCOUNT "cn: \x01\nmail: \x02\n",
	    "cn: " LEFT_OUT "\nmail: " LEFT_OUT);
}

static void
a_text_for_people_is_cut_at_its_limit_and_a_name_is_not(void **state)
{
	size_t len = 1024 * 1024;
	char *text = malloc(len), lines[512];
	struct entry entry;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	(void)snprintf(lines, sizeof(lines), ACCOUNT "cn: %.*s\n",
	    NAME_TEXT_MAX, text);
	assert_warned(lines, "");
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
	sync_add_bytes(&fixture, "cn", text, NAME_TEXT_MAX + 1);
	sync_add_bytes(&fixture, "mail", text, len);
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_false(entry.refused);
	assert_int_equal(strlen(entry.account.name), NAME_TEXT_MAX);
	assert_int_equal(strlen(entry.account.mail), MAIL_TEXT_MAX);
	assert_string_equal(entry.warning,
	    "cn: a text of 256 bytes, of which 255 are shown\n"
	    "mail: a text of 1048576 bytes, of which 320 are shown");
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleEnvironment");
	sync_add_bytes(&fixture, "cn", text, NAME_TEXT_MAX + 1);
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_true(entry.refused);
	assert_string_equal(entry.reason, "cn: larger than allowed");
	free(text);
}

static void
a_value_of_a_mebibyte_is_refused(void **state)
{
	size_t len = 1024 * 1024;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, '1', len);
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add_bytes(&fixture, "enscaleAccountId", text, len);
	assert_true(sync_parse(&fixture, 1, ACCOUNT_DN).refused);
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleKey");
	sync_add_bytes(&fixture, "sshPublicKey", text, len);
	assert_true(sync_parse(&fixture, 1, ACCOUNT_DN).refused);
	/* And a good one after it is as good as ever. */
	assert_good(ACCOUNT);
	free(text);
}

static void
of_several_names_the_smallest_is_shown(void **state)
{
	(void)state;
	assert_string_equal(
	    parse(ACCOUNT "cn: bb\ncn: ab\ncn: abc\n").account.name, "ab");
	assert_refused("objectClass: enscaleEnvironment\ncn: a\ncn: b\n",
	    "more than one");
}

static void
a_key_entry_is_parsed_and_keeps_its_title(void **state)
{
	struct entry entry = parse(KEY
	    "sshPublicKey: " SAMPLE_ED25519
	    " somebody@host\ncn: My key\nenscaleExpires: 20300101000000Z\n");
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];

	(void)state;
	assert_false(entry.refused);
	fingerprint_format_sha256(entry.key.fingerprint, text);
	assert_string_equal(text, SAMPLE_ED25519_SHA256);
	assert_string_equal(entry.key.title, "My key");
	assert_string_equal(entry.key.from, "");
	assert_int_equal(entry.key.expires, 1893456000);
	assert_int_equal(entry.key.blob.len, 51);
	assert_string_equal(
	    parse(KEY "sshPublicKey: " SAMPLE_ED25519 " me@host\n").key.title,
	    "me@host");
}

static void
the_earlier_end_of_a_key_counts(void **state)
{
	struct entry entry = parse(KEY
	    "sshPublicKey: expiry-time=\"20290101Z\",from=\"10.0.0.0/8\" " SAMPLE_ED25519
	    "\nenscaleExpires: 20300101000000Z\n");

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.key.expires, 1861920000);
	assert_string_equal(entry.key.from, "10.0.0.0/8");
	entry = parse(
	    KEY "sshPublicKey: expiry-time=\"20290101Z\" " SAMPLE_ED25519
	        "\nenscaleExpires: 20280101000000Z\n");
	assert_int_equal(entry.key.expires, 1830297600);
}

static void
a_bad_key_is_refused_with_its_reason(void **state)
{
	(void)state;
	assert_refused(KEY, "sshPublicKey: missing");
	assert_refused(KEY "sshPublicKey: rubbish\n",
	    error_text(ENS_E_KEY_FORMAT));
	assert_refused(KEY "sshPublicKey: " SAMPLE_RSA1024 "\n",
	    error_text(ENS_E_KEY_WEAK));
	assert_refused(KEY "sshPublicKey: command=\"x\" " SAMPLE_ED25519 "\n",
	    "sshPublicKey: option not accepted: command");
	assert_refused(KEY "sshPublicKey: no-touch-required " SAMPLE_ED25519
	                   "\n",
	    "no-touch-required (see no_touch in enscale.conf)");
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleKey");
	sync_add_bytes(&fixture, "sshPublicKey",
	    SAMPLE_ED25519 "\n" SAMPLE_ECDSA256,
	    strlen(SAMPLE_ED25519 "\n" SAMPLE_ECDSA256));
	assert_string_equal(sync_parse(&fixture, 1, ACCOUNT_DN).reason,
	    "sshPublicKey: more than one public key");
	assert_refused(KEY "sshPublicKey: " SAMPLE_ED25519
	                   "\nsshPublicKey: " SAMPLE_ECDSA256 "\n",
	    "more than one value");
	assert_refused(KEY "sshPublicKey: " SAMPLE_ED25519
	                   "\nenscaleExpires: soon\n",
	    "enscaleExpires");
}

static void
a_bad_key_on_an_account_leaves_the_account_and_the_others(void **state)
{
	struct entry entry = parse(ACCOUNT
	    "sshPublicKey: " SAMPLE_ED25519 "\nsshPublicKey: " SAMPLE_RSA1024
	    "\nsshPublicKey: " SAMPLE_ECDSA256 " two\n");

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.account.key_count, 2);
	assert_string_equal(entry.account.keys[1].title, "two");
	assert_non_null(strstr(entry.reason, "value 2 of 3"));
	assert_non_null(strstr(entry.reason, error_text(ENS_E_KEY_WEAK)));
}

static void
every_bad_value_of_an_account_is_named_and_every_good_key_taken(void **state)
{
	struct entry entry;

	(void)state;
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
#define VALUE(text) sync_add_bytes(&fixture, "sshPublicKey", text, strlen(text))
	VALUE(
	    "  # mine\n\t" SAMPLE_ED25519 " one\r\n\n" SAMPLE_ECDSA256 " two");
	VALUE("command=\"x\" " SAMPLE_ED25519);
	VALUE("# nothing\n");
	VALUE("\n" SAMPLE_RSA1024 "\n" SAMPLE_ECDSA384 " a\tc\n");
	VALUE("restrict,verify-required " SAMPLE_RSA2048);
	VALUE("no-touch-required " SAMPLE_ECDSA521);
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_false(entry.refused);
	assert_string_equal(entry.reason,
	    "sshPublicKey: value 2 of 6: option not accepted: command\n"
	    "sshPublicKey: value 3 of 6: not a public key: it is empty\n"
	    "sshPublicKey: value 4 of 6, line 2: key too weak (DSA, or RSA "
	    "under 2048 bits)\n"
	    "sshPublicKey: value 6 of 6: option not accepted: "
	    "no-touch-required (see no_touch in enscale.conf)");
	assert_string_equal(entry.warning,
	    "sshPublicKey: value 4 of 6, line 3: not all of the comment is shown");
	assert_int_equal(entry.account.key_count, 4);
	assert_string_equal(entry.account.keys[0].title, "one");
	assert_string_equal(entry.account.keys[1].title, "two");
	assert_string_equal(entry.account.keys[2].title, "a c");
	assert_int_equal(entry.account.keys[2].options, 0);
	assert_int_equal(entry.account.keys[3].options,
	    KEY_NARROWED | KEY_VERIFY);
	fixture.schema.no_touch = true;
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_int_equal(entry.account.key_count, 5);
	assert_int_equal(entry.account.keys[4].options, KEY_NO_TOUCH);
	fixture.schema.no_touch = false;
}

static void
a_key_that_is_there_twice_is_as_little_as_both(void **state)
{
	struct entry entry;

	(void)state;
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
	VALUE(SAMPLE_ED25519 " one");
	VALUE(SAMPLE_ECDSA256 " two");
	VALUE("from=\"192.0.2.7\",expiry-time=\"20300101Z\" " SAMPLE_ED25519
	      "\nno-pty,expiry-time=\"20290101Z\" " SAMPLE_ED25519);
	VALUE(SAMPLE_ECDSA256 " two again");
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_false(entry.refused);
	assert_int_equal(entry.account.key_count, 2);
	assert_string_equal(entry.account.keys[0].title, "one");
	assert_string_equal(entry.account.keys[0].from, "192.0.2.7");
	assert_int_equal(entry.account.keys[0].options, KEY_NO_PTY);
	assert_int_equal(entry.account.keys[0].expires, 1861920000);
	assert_string_equal(entry.account.keys[1].title, "two");
	/* What is the same twice is not worth a word. */
	assert_string_equal(entry.reason, "");
	assert_non_null(strstr(entry.warning,
	    " occurs more than once: what any of them forbids is forbidden"));
	assert_null(strstr(entry.warning, "two"));
	/* Of two lists the one within the other; else nothing is in both. */
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
	VALUE("from=\"192.0.2.7,192.0.2.8\" " SAMPLE_ED25519);
	VALUE("from=\"192.0.2.8\" " SAMPLE_ED25519);
	VALUE("from=\"192.0.2.7\" " SAMPLE_ECDSA256);
	VALUE("from=\"192.0.2.8\" " SAMPLE_ECDSA256);
	VALUE(SAMPLE_ECDSA256);
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_int_equal(entry.account.key_count, 1);
	assert_string_equal(entry.account.keys[0].from, "192.0.2.8");
	assert_non_null(strstr(entry.reason,
	    " occurs more than once: none of its from= lists is contained in all the others"));
}

static void
keys_that_are_there_twice_are_the_same_in_any_order(void **state)
{
	static const char *const values[] = {
		"from=\"192.0.2.1,192.0.2.2\" " SAMPLE_ED25519,
		"from=\"192.0.2.2,192.0.2.3\" " SAMPLE_ED25519,
		"from=\"192.0.2.2\" " SAMPLE_ED25519,
	};
	struct entry entry;

	(void)state;
	for (uint32_t last = 0; last < 3; last++) {
		sync_begin(&fixture);
		sync_add(&fixture, "objectClass: enscaleAccount");
		sync_add(&fixture, "enscaleAccountId: 1");
		for (uint32_t i = 0; i < 3; i++)
			VALUE(values[(i + last) % 3]);
		entry = sync_parse(&fixture, 1, ACCOUNT_DN);
		assert_int_equal(entry.account.key_count, 1);
		assert_string_equal(entry.account.keys[0].from, "192.0.2.2");
		assert_string_equal(entry.reason, "");
		/* One line, however often it is there. */
		assert_non_null(strstr(entry.warning, " occurs "));
		assert_ptr_equal(strchr(entry.warning, '\n'),
		    strrchr(entry.warning, '\n'));
	}
}

static void
what_is_said_of_an_entry_ends_somewhere(void **state)
{
	size_t len = ATTRIBUTE_VALUE_MAX;
	char *text = malloc(len + 1);
	struct entry entry;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, "x\n", 2);
	sync_begin(&fixture);
	sync_add(&fixture, "objectClass: enscaleAccount");
	sync_add(&fixture, "enscaleAccountId: 1");
	sync_add_bytes(&fixture, "sshPublicKey", text, len + 1);
	sync_add_bytes(&fixture, "sshPublicKey", text, len);
	VALUE(SAMPLE_ED25519);
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	free(text);
	assert_false(entry.refused);
	assert_int_equal(entry.account.key_count, 1);
	assert_true(strlen(entry.reason) > ENTRY_REASON_MAX / 2 &&
	    strlen(entry.reason) <= ENTRY_REASON_MAX);
	assert_int_equal(strncmp(entry.reason,
	                     "sshPublicKey: value 1 of 3: larger than allowed\n"
	                     "sshPublicKey: value 2 of 3: not a public key\n",
	                     strlen("sshPublicKey: value 1 of 3: larger than "
	                            "allowed\n")),
	    0);
	assert_string_equal(entry.reason + strlen(entry.reason) - 9,
	    "\nand more");
}

static void
an_end_at_the_epoch_is_not_never(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(ACCOUNT "enscaleExpires: 19700101000000Z\n").account.expires,
	    1);
	assert_int_equal(
	    parse(ACCOUNT "enscaleExpires: 19690101000000Z\n").account.expires,
	    1);
}

static void
of_several_roles_owner_wins_and_else_the_lower(void **state)
{
	struct entry entry = parse(ENVIRONMENT "enscaleOwner: 30\n"
	                                       "enscaleFullAccess: 20\n"
	                                       "enscaleFullAccess: 10\n"
	                                       "enscaleFullAccess: 30\n"
	                                       "enscaleLimitedAccess: 20\n"
	                                       "enscaleLimitedAccess: 30\n");
	const struct entry_member *members = entry.environment.members;

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.environment.owner, 30);
	assert_int_equal(entry.environment.member_count, 3);
	assert_int_equal(members[0].account, 10);
	assert_int_equal(members[0].role, ROLE_FULL);
	assert_int_equal(members[1].account, 20);
	assert_int_equal(members[1].role, ROLE_LIMITED);
	assert_int_equal(members[2].account, 30);
	assert_int_equal(members[2].role, ROLE_OWNER);
}

static void
an_environment_may_have_no_owner(void **state)
{
	struct entry entry = parse(ENVIRONMENT);

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.environment.owner, 0);
	assert_int_equal(entry.environment.member_count, 0);
	assert_int_equal(entry.environment.state, ENVIRONMENT_RUNNING);
	assert_refused("objectClass: enscaleEnvironment\ncn: \n", "cn: empty");
	assert_refused(ENVIRONMENT "enscaleOwner: 0\n", "enscaleOwner");
	assert_refused(ENVIRONMENT "enscaleFullAccess: x\n",
	    "enscaleFullAccess");
}

static void
a_whole_node_is_read(void **state)
{
	struct entry entry = parse(NODE
	    "enscaleServiceType: apache\nenscalePort: 2222\n"
	    "enscaleState: sleeping\nenscaleHostKey: " SAMPLE_ED25519 " host\n"
	    "enscaleHostKey: " SAMPLE_RSA2048 "\n");
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];

	(void)state;
	assert_false(entry.refused);
	assert_int_equal(entry.id, 124718);
	assert_string_equal(entry.node.address, "198.19.0.18");
	assert_string_equal(entry.node.system_user, "apache");
	assert_string_equal(entry.node.service_type, "apache");
	assert_int_equal(entry.node.port, 2222);
	assert_int_equal(entry.node.state, ENVIRONMENT_SLEEPING);
	assert_int_equal(entry.node.host_key_count, 2);
	fingerprint_format_sha256(entry.node.host_keys[1].fingerprint, text);
	assert_string_equal(text, SAMPLE_RSA2048_SHA256);
	assert_int_equal(parse(NODE).node.port, 22);
}

#define ADDRESS_LINES                                  \
	"objectClass: enscaleNode\nenscaleNodeId: 1\n" \
	"enscaleSystemUser: a\nipHostNumber: %s\n"

static void
a_node_needs_one_numeric_address(void **state)
{
	static const char *const bad[] = { "node.example.com", "198.19.0",
		"198.19.0.256", "198.19.0.18/32", "", "::g", "198.19.0.18 ",
		"fe80::1%eth0", "-oProxyCommand=x" };
	char lines[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(lines, sizeof(lines), ADDRESS_LINES, bad[i]);
		assert_refused(lines, "ipHostNumber: not an address");
	}
	assert_refused("objectClass: enscaleNode\nenscaleNodeId: 1\n"
	               "ipHostNumber: 198.19.0.18\nipHostNumber: 198.19.0.19\n",
	    "ipHostNumber: more than one value");
	assert_string_equal(parse("objectClass: enscaleNode\n"
	                          "enscaleNodeId: 1\nenscaleSystemUser: a\n"
	                          "ipHostNumber: 2001:DB8:0:0::1\n")
	                        .node.address,
	    "2001:db8::1");
}

static void
a_node_has_an_address_of_its_own(void **state)
{
	static const char *const bad[] = { "127.0.0.1", "127.255.255.254",
		"0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1",
		"255.255.255.255", "240.0.0.1", "::", "::1", "::198.19.0.1",
		"::ffff:127.0.0.1", "fe80::1", "febf::1", "ff02::1" };
	static const char *const good[] = { "126.0.0.1", "169.253.0.1",
		"223.255.255.254", "fec0::1", "fd00::1", "1::" };
	char lines[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(lines, sizeof(lines), ADDRESS_LINES, bad[i]);
		assert_refused(lines,
		    "ipHostNumber: a loopback, link-local, multicast or "
		    "reserved address");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(lines, sizeof(lines), ADDRESS_LINES, good[i]);
		assert_string_equal(parse(lines).node.address, good[i]);
	}
}

static void
the_system_user_is_a_user_name_and_not_root(void **state)
{
	static const char *const bad[] = { "root", "", "-l", "a b", "Apache",
		"0day", "a;b", "../x", "abcdefghijklmnopqrstuvwxyzabcdefghi" };
	char lines[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleNode\nenscaleNodeId: 1\n"
		    "ipHostNumber: 10.0.0.1\nenscaleSystemUser: %s\n",
		    bad[i]);
		assert_refused(lines, "enscaleSystemUser: ");
	}
	assert_refused("objectClass: enscaleNode\nenscaleNodeId: 1\n"
	               "ipHostNumber: 10.0.0.1\n",
	    "enscaleSystemUser: missing");
}

static void
a_host_key_has_no_options_and_is_a_key(void **state)
{
	(void)state;
	assert_refused(NODE "enscaleHostKey: x\n", "enscaleHostKey");
	assert_refused(NODE "enscaleHostKey: from=\"10.0.0.1\" " SAMPLE_ED25519
	                    "\n",
	    "options on a host key");
}

static void
of_too_many_host_keys_the_first_count(void **state)
{
	char lines[NODE_HOST_KEYS_MAX * 128 + 512];
	struct entry entry;
	size_t len = (size_t)snprintf(lines, sizeof(lines), NODE);

	(void)state;
	for (uint32_t i = 0; i <= NODE_HOST_KEYS_MAX; i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len,
		    "enscaleHostKey: %s\n", sync_key(i));
	entry = parse(lines);
	assert_int_equal(entry.node.host_key_count, NODE_HOST_KEYS_MAX);
	assert_string_equal(entry.reason,
	    "enscaleHostKey: 17 values, 16 is the limit: 1 left out");
}

/* Parses an entry of which one attribute has so many values. */
static struct entry
parse_many(const char *lines, const char *name, struct berval *values,
    uint32_t count)
{
	struct entry entry;
	struct entry_attribute *attribute;

	(void)sync_entry(&fixture, 1, ACCOUNT_DN, lines);
	attribute = &fixture.attributes[fixture.count++];
	*attribute = (struct entry_attribute){ { strlen(name), NULL }, values,
		count };
	memcpy(&attribute->name.bv_val, &name, sizeof(name));
	entry = sync_parse(&fixture, 1, ACCOUNT_DN);
	assert_false(entry.refused);
	return entry;
}

static void
of_too_many_accounts_the_lowest_and_the_owner_have_access(void **state)
{
	enum {
		COUNT = ENVIRONMENT_MEMBERS_MAX + 5
	};
	static char texts[COUNT][16];
	static struct berval values[COUNT];
	const struct entry_member *members;
	struct entry entry;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		values[i].bv_len = (size_t)snprintf(texts[i], sizeof(texts[i]),
		    "%u", COUNT - i);
		values[i].bv_val = texts[i];
	}
	entry = parse_many("objectClass: enscaleEnvironment\ncn: e\n"
	                   "enscaleOwner: 70000\n",
	    "enscaleFullAccess", values, COUNT);
	members = entry.environment.members;
	assert_int_equal(entry.environment.member_count,
	    ENVIRONMENT_MEMBERS_MAX);
	for (uint32_t i = 0; i < ENVIRONMENT_MEMBERS_MAX - 1; i++) {
		assert_int_equal(members[i].account, i + 1);
		assert_int_equal(members[i].role, ROLE_FULL);
	}
	assert_int_equal(members[ENVIRONMENT_MEMBERS_MAX - 1].account, 70000);
	assert_int_equal(members[ENVIRONMENT_MEMBERS_MAX - 1].role, ROLE_OWNER);
	assert_string_equal(entry.reason,
	    "enscaleFullAccess: 10006 accounts with access, 10000 is the "
	    "limit: 6 left out");
}

/* None is the owner's, though he has no number either. */
static void
of_too_many_names_the_first_stay_without_an_owner(void **state)
{
	enum {
		COUNT = ENVIRONMENT_LISTED_MAX + 5
	};
	static char texts[COUNT][16];
	static struct berval values[COUNT];
	struct entry_member last, other = { .account = 0 };
	struct entry entry;
	uint32_t behind = 0;

	(void)state;
	map(SCHEMA_FULL_ACCESS, "member");
	for (uint32_t i = 0; i < COUNT; i++) {
		values[i].bv_len = (size_t)snprintf(texts[i], sizeof(texts[i]),
		    "n%u", i);
		values[i].bv_val = texts[i];
	}
	entry = parse_many("objectClass: enscaleEnvironment\ncn: e\n", "member",
	    values, COUNT);
	assert_int_equal(entry.environment.member_count,
	    ENVIRONMENT_LISTED_MAX);
	last = entry.environment.members[ENVIRONMENT_LISTED_MAX - 1];
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(
		    ldap_dn_hash_word(texts[i], strlen(texts[i]), &other.name),
		    0);
		behind += entry_member_compare(&other, &last) > 0;
	}
	assert_int_equal(behind, 5);
}

/* What the state cannot keep would end every connection. */
static void
of_keys_that_are_too_long_together_the_first_count(void **state)
{
	enum {
		COUNT = ACCOUNT_KEYS_MAX
	};
	static struct berval values[COUNT];
	static char rsa[] = SAMPLE_RSA2048;
	char from[FROM_TEXT_MAX + 1], digits[5];
	struct wire_writer writer;
	struct entry entry;

	(void)state;
	memset(from, '1', FROM_TEXT_MAX);
	from[FROM_TEXT_MAX] = '\0';
	for (uint32_t i = 0; i < COUNT; i++) {
		/* Each another key. */
		(void)snprintf(digits, sizeof(digits), "%04u", i);
		memcpy(rsa + sizeof(rsa) - 21, digits, 4);
		values[i].bv_len = (size_t)asprintf(&values[i].bv_val,
		    "from=\"%s\" %s %0250d", from, rsa, 1);
		assert_in_range(values[i].bv_len, 1, ATTRIBUTE_VALUE_MAX);
	}
	entry = parse_many("objectClass: enscaleAccount\nenscaleAccountId: 1\n",
	    "sshPublicKey", values, COUNT);
	assert_in_range(entry.account.key_count, 8000, COUNT - 1);
	assert_non_null(
	    strstr(entry.reason, "sshPublicKey: 10000 keys of this size, "));
	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	entry_encode(&writer, &entry);
	assert_int_equal(writer.error, 0);
	wire_write_free(&writer);
	for (uint32_t i = 0; i < COUNT; i++)
		free(values[i].bv_val);
}

static void
ports_and_ids_of_nodes_are_in_range(void **state)
{
	(void)state;
	assert_refused(NODE "enscalePort: 0\n", "enscalePort");
	assert_refused(NODE "enscalePort: 65536\n", "enscalePort");
	assert_refused("objectClass: enscaleNode\nenscaleNodeId: 1000000000\n",
	    "enscaleNodeId");
	assert_refused("objectClass: enscaleNode\nenscaleNodeId: 0\n",
	    "enscaleNodeId");
	assert_refused("objectClass: enscaleNode\n", "enscaleNodeId: missing");
}

static void
generalized_time_is_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} good[] = {
		{ "19700101000000Z", 0 },
		{ "20251122225400Z", 1763852040 },
		{ "202511222254Z", 1763852040 },
		{ "2025112222Z", 1763848800 },
		{ "20251122225400.999Z", 1763852040 },
		{ "20251122225400,9Z", 1763852040 },
		{ "20251123005400+0200", 1763852040 },
		{ "20251122195400-03", 1763852040 },
		{ "20240229000000Z", 1709164800 },
		{ "20251231235960Z", 1767225599 },
	};
	static const char *const bad[] = { "", "Z", "20251122",
		"20251122225400", "20251322225400Z", "20250229000000Z",
		"20250431000000Z", "20251122245400Z", "20251122225460.Z",
		"20251122225400.Z", "20251122225400Zx", "20251122225400+2",
		"20251122225400+2500", "2025112222540Z", " 20251122225400Z",
		"-0251122225400Z" };
	int64_t time;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    ldap_time_parse(good[i].text, strlen(good[i].text), &time),
		    0);
		assert_int_equal(time, good[i].time);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ldap_time_parse(bad[i], strlen(bad[i]), &time),
		    ENS_E_SYNTAX);
	for (size_t len = 0; len < 15; len++) {
		if (len != 11 && len != 13)
			assert_int_equal(
			    ldap_time_parse("20251122225400Z", len, &time),
			    ENS_E_SYNTAX);
	}
}

static void
every_flipped_bit_of_an_entry_is_survived(void **state)
{
	static const char good[] = ACCOUNT
	    "cn: Ann\nmail: a@b\nenscaleStatus: active\n"
	    "enscaleExpires: 20300101000000Z\nenscaleMaxSessions: 3\n"
	    "sshPublicKey: " SAMPLE_ED25519 "\n";
	char lines[sizeof(good)];
	struct entry entry;

	(void)state;
	for (size_t bit = 0; bit < (sizeof(good) - 1) * 8; bit++) {
		memcpy(lines, good, sizeof(good));
		lines[bit / 8] = (char)(lines[bit / 8] ^ (1 << bit % 8));
		/* The lines are ours, not the directory's. */
		if (good[bit / 8] == '\n' || good[bit / 8] == ':' ||
		    lines[bit / 8] == '\n' || lines[bit / 8] == ':' ||
		    lines[bit / 8] == '\0')
			continue;
		entry = parse(lines);
		assert_int_equal(entry.refused && *entry.reason == '\0', 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_account_is_read),
		cmocka_unit_test(an_account_without_a_status_is_active),
		cmocka_unit_test(the_auxiliary_class_makes_an_account_as_well),
		cmocka_unit_test(an_existing_tree_is_read_by_its_own_names),
		cmocka_unit_test_teardown(a_number_may_stand_beside_names,
		    forget_mapping),
		cmocka_unit_test_teardown(
		    a_person_without_an_account_is_refused_in_silence,
		    forget_mapping),
		cmocka_unit_test_teardown(a_name_that_looks_like_a_dn_is_none,
		    forget_mapping),
		cmocka_unit_test_teardown(a_name_of_spaces_is_none,
		    forget_mapping),
		cmocka_unit_test_teardown(names_are_kept_of_what_is_refused,
		    forget_mapping),
		cmocka_unit_test_teardown(a_group_lists_accounts_by_their_names,
		    forget_mapping),
		cmocka_unit_test_teardown(
		    a_value_of_a_group_is_an_accounts_by_number_dn_and_name,
		    forget_mapping),
		cmocka_unit_test_teardown(
		    of_too_many_names_the_first_stay_without_an_owner,
		    forget_mapping),
		cmocka_unit_test_teardown(
		    a_number_in_a_group_that_is_no_accounts_lets_nobody_in,
		    forget_mapping),
		cmocka_unit_test(the_last_change_stands_in_for_an_entry_csn),
		cmocka_unit_test(an_account_id_is_a_canonical_number_in_range),
		cmocka_unit_test(an_unknown_word_refuses_the_whole_entry),
		cmocka_unit_test(an_entry_of_two_kinds_or_none_is_refused),
		cmocka_unit_test(
		    what_is_for_people_costs_a_warning_and_no_entry),
		cmocka_unit_test(
		    a_text_for_people_is_cut_at_its_limit_and_a_name_is_not),
		cmocka_unit_test(a_value_of_a_mebibyte_is_refused),
		cmocka_unit_test(of_several_names_the_smallest_is_shown),
		cmocka_unit_test(a_key_entry_is_parsed_and_keeps_its_title),
		cmocka_unit_test(the_earlier_end_of_a_key_counts),
		cmocka_unit_test(a_bad_key_is_refused_with_its_reason),
		cmocka_unit_test(
		    a_bad_key_on_an_account_leaves_the_account_and_the_others),
		cmocka_unit_test(
		    every_bad_value_of_an_account_is_named_and_every_good_key_taken),
		cmocka_unit_test(
		    a_key_that_is_there_twice_is_as_little_as_both),
		cmocka_unit_test(
		    keys_that_are_there_twice_are_the_same_in_any_order),
		cmocka_unit_test(what_is_said_of_an_entry_ends_somewhere),
		cmocka_unit_test(an_end_at_the_epoch_is_not_never),
		cmocka_unit_test(
		    of_several_roles_owner_wins_and_else_the_lower),
		cmocka_unit_test(an_environment_may_have_no_owner),
		cmocka_unit_test(a_whole_node_is_read),
		cmocka_unit_test(a_node_needs_one_numeric_address),
		cmocka_unit_test(a_node_has_an_address_of_its_own),
		cmocka_unit_test(the_system_user_is_a_user_name_and_not_root),
		cmocka_unit_test(a_host_key_has_no_options_and_is_a_key),
		cmocka_unit_test(of_too_many_host_keys_the_first_count),
		cmocka_unit_test(
		    of_too_many_accounts_the_lowest_and_the_owner_have_access),
		cmocka_unit_test(
		    of_keys_that_are_too_long_together_the_first_count),
		cmocka_unit_test(ports_and_ids_of_nodes_are_in_range),
		cmocka_unit_test(generalized_time_is_read_strictly),
		cmocka_unit_test(every_flipped_bit_of_an_entry_is_survived),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
