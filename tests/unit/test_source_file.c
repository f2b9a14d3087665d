#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_sync/source.h"
#include "tests/unit/sample_keys.h"
#include "tests/unit/sync_fixture.h"

#define SUFFIX "dc=enscale,dc=com"
#define ACCOUNT(n)                           \
	"dn: enscaleAccountId=" n "," SUFFIX \
	"\nobjectClass: enscaleAccount\nenscaleAccountId: " n "\n"
#define KEY(k, n)                                     \
	"dn: cn=" k ",enscaleAccountId=" n "," SUFFIX \
	"\nobjectClass: enscaleKey\ncn: " k "\nsshPublicKey: "
#define ENVIRONMENT(e)                                                     \
	"dn: cn=" e "," SUFFIX "\nobjectClass: enscaleEnvironment\ncn: " e \
	"\nenscaleOwner: 1\n"
#define NODE(n, e)                                      \
	"dn: enscaleNodeId=" n ",cn=" e "," SUFFIX      \
	"\nobjectClass: enscaleNode\nenscaleNodeId: " n \
	"\nipHostNumber: 198.19.0.18\nenscaleSystemUser: apache\n"
/* Not ours, and passed over. */
#define ROOT "dn: " SUFFIX "\nobjectClass: dcObject\ndc: enscale\n\n"
#define GOOD                                            \
	"version: 1\n\n# of all sorts\n" ROOT ACCOUNT(  \
	    "1") "\n" KEY("laptop", "1") SAMPLE_ED25519 \
	    "\n\n" ENVIRONMENT("env") "\n" NODE("7", "env") "\n"

static struct sync_fixture f;
static struct config config;
static struct publisher *publisher;
static struct status status;
static struct follow *follow;
static struct source *source;
static sd_event *event;
static char path[128];

static void
shell(const char *what)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cd %s && %s", f.root, what);
	assert_int_equal(system(command), 0);
}

static void
start(void)
{
	assert_int_equal(
	    follow_new(&config, f.state, publisher, &status, &follow), 0);
	assert_int_equal(source_start(event, &config, follow, &status, &source),
	    0);
}

static void
stop(void)
{
	source_stop(source);
	follow_free(follow);
}

static int
make(void **state)
{
	const char *what;

	(void)state;
	if (geteuid() != 0)
		return 0;
	sync_fixture_make(&f);
	config_init(&config);
	memset(&status, 0, sizeof(status));
	memcpy(config.state_dir, f.root, sizeof(f.root));
	memcpy(config.run_dir, f.root, sizeof(f.root));
	shell("mkdir view map guard data");
	(void)snprintf(path, sizeof(path), "%s/data/all.ldif", f.root);
	(void)snprintf(config.uri, sizeof(config.uri), "file://%s", path);
	(void)snprintf(config.base, sizeof(config.base), SUFFIX);
	assert_int_equal(publisher_open(&config, f.state, &publisher, &what),
	    0);
	assert_true(sd_event_new(&event) >= 0);
	start();
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	stop();
	sd_event_unref(event);
	publisher_close(publisher);
	sync_fixture_free(&f);
	return 0;
}

/* The file has to be root's, so only root can try. */
#define NEEDS_ROOT()                \
	do {                        \
		if (geteuid() != 0) \
			skip();     \
	} while (0)

static void
write_to(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* As a careful administrator does: another file, renamed. */
static void
replace(const char *text)
{
	char next[160];

	(void)snprintf(next, sizeof(next), "%s.new", path);
	write_to(next, text);
	assert_int_equal(rename(next, path), 0);
}

/* Runs the loop until the file was taken or turned down once more. */
static void
wait_for_it(void)
{
	uint64_t refreshes = status.refreshes;

	status.last_error[0] = '\0';
	for (int i = 0; i < 20000 && status.refreshes == refreshes &&
	     status.last_error[0] == '\0';
	     i++)
		assert_true(sd_event_run(event, 5 * 1000000) >= 0);
}

static void
take(const char *text)
{
	replace(text);
	wait_for_it();
	if (status.last_error[0] != '\0')
		fail_msg("%s", status.last_error);
}

static void
assert_turned_down(const char *words)
{
	wait_for_it();
	if (strstr(status.last_error, words) == NULL)
		fail_msg("\"%s\", not \"%s\"", status.last_error, words);
	assert_false(status.in_step);
}

static uint64_t
count(enum entry_kind kind)
{
	return state_info(f.state)->entries[kind];
}

static void
assert_all_there(void)
{
	assert_int_equal(count(ENTRY_ACCOUNT), 1);
	assert_int_equal(count(ENTRY_KEY), 1);
	assert_int_equal(count(ENTRY_ENVIRONMENT), 1);
	assert_int_equal(count(ENTRY_NODE), 1);
	assert_int_equal(state_orphan_count(f.state), 0);
}

static int
keep_refused(const char *dn, const char *reason, void *arg)
{
	char *line = arg;
	size_t len = strlen(line);

	(void)snprintf(line + len, 2048 - len, "%.300s: %s; ", dn, reason);
	return 0;
}

static const char *
refused(void)
{
	static char line[2048];

	line[0] = '\0';
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_each_refused(f.state, keep_refused, line), 0);
	state_end(f.state);
	return line;
}

static void
a_file_is_taken_and_followed(void **state)
{
	(void)state;
	NEEDS_ROOT();
	take(GOOD);
	assert_true(status.in_step);
	assert_true(status.ready);
	assert_all_there();
	assert_string_equal(refused(), "");
	take(GOOD ACCOUNT("2"));
	assert_int_equal(count(ENTRY_ACCOUNT), 2);
	take(GOOD);
	assert_all_there();
}

static void
writing_in_place_is_followed_too(void **state)
{
	(void)state;
	NEEDS_ROOT();
	take(GOOD);
	write_to(path, GOOD ACCOUNT("2"));
	wait_for_it();
	assert_int_equal(count(ENTRY_ACCOUNT), 2);
}

static void
the_same_entries_again_are_no_change(void **state)
{
	uint64_t generation;

	(void)state;
	NEEDS_ROOT();
	take(GOOD);
	generation = state_info(f.state)->generation;
	take("# written anew\n" GOOD);
	assert_int_equal(state_info(f.state)->generation, generation);
}

static void
a_file_that_is_wrong_anywhere_changes_nothing(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ GOOD ACCOUNT("2") "mail\n",
		    "line 27, \"enscaleAccountId=2," },
		{ GOOD "dn: =2\nobjectClass: enscaleAccount\n",
		    "not a distinguished name" },
		{ GOOD "cn: no name\n", "does not begin with its dn" },
		{ GOOD ACCOUNT("2") "mail:: a?b=\n", "not base64" },
		{ GOOD ACCOUNT("2") "mail:< file:///etc/passwd\n", "by a URL" },
		{ GOOD "include: file:///etc/passwd\n", "another file" },
		{ GOOD "dn: cn=x\nchangetype: delete\n", "a change" },
		{ GOOD ACCOUNT("2") ACCOUNT("3"), "a second dn" },
		{ GOOD ACCOUNT("2") "\n" ACCOUNT("2"), "occurs twice" },
		{ "version: 2\n" GOOD, "a version of LDIF other than 1" },
	};

	(void)state;
	NEEDS_ROOT();
	take(GOOD);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		replace(bad[i].text);
		assert_turned_down(i == 0 ? "line " : bad[i].words);
		if (i == 0)
			assert_non_null(
			    strstr(status.last_error, "\"enscaleAccountId=2,"));
		assert_all_there();
	}
	take(GOOD ACCOUNT("2"));
	assert_true(status.in_step);
	assert_int_equal(count(ENTRY_ACCOUNT), 2);
}

static void
a_file_that_is_gone_or_anybodys_is_turned_down(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_turned_down("No such file");
	replace(GOOD);
	shell("chmod g+w data/all.ldif");
	assert_turned_down("nobody else may write to it");
	shell(
	    "chmod g-w data/all.ldif; chown 1 data/all.ldif; "
	    "cp data/all.ldif data/x; chown 1 data/x; mv data/x data/all.ldif");
	assert_turned_down("must belong to root");
	shell("mv data/all.ldif data/y && ln -s y data/all.ldif");
	assert_turned_down("symbolic link");
	shell("rm data/all.ldif; chmod o+w data");
	replace(GOOD);
	assert_turned_down("its folder");
	shell("chmod o-w data");
	take(GOOD);
	assert_all_there();
}

static void
entries_outside_of_the_base_do_not_count(void **state)
{
	(void)state;
	NEEDS_ROOT();
	take(GOOD "dn: enscaleAccountId=9,dc=other,dc=com\n"
	          "objectClass: enscaleAccount\nenscaleAccountId: 9\n");
	assert_all_there();
	stop();
	config.scope = CONFIG_SCOPE_ONE;
	start();
	take(GOOD);
	assert_int_equal(count(ENTRY_ACCOUNT), 1);
	assert_int_equal(count(ENTRY_NODE), 0);
	config.scope = CONFIG_SCOPE_SUBTREE;
}

/* Beside the good ones; all of it is refused for this reason. */
static const struct {
	const char *text, *reason;
} rules[] = {
	{ ACCOUNT("0"), "enscaleAccountId: " },
	{ ACCOUNT("4294967296"), "enscaleAccountId: " },
	{ ACCOUNT("268435456"), "enscaleAccountId: " },
	{ ACCOUNT("007"), "enscaleAccountId: " },
	{ ACCOUNT("2") "enscaleStatus: paused\n", "an unknown word" },
	{ ACCOUNT("2") "enscaleExpires: soon\n", "enscaleExpires: " },
	{ ACCOUNT("2") "enscaleMaxSessions: -1\n", "enscaleMaxSessions: " },
	{ ACCOUNT("2") "objectClass: enscaleNode\n", "not exactly one" },
	{ KEY("k", "1") SAMPLE_DSA "\n", "sshPublicKey: " },
	{ KEY("k", "1") SAMPLE_RSA1024 "\n", "sshPublicKey: " },
	{ KEY("k", "1") SAMPLE_CERTIFICATE "\n", "sshPublicKey: " },
	{ KEY("k", "1") "no key\n", "sshPublicKey: " },
	{ ENVIRONMENT("e") "enscaleState: odd\n", "an unknown word" },
	{ ENVIRONMENT("e") "enscaleFullAccess: 0\n", "enscaleFullAccess: " },
	{ ENVIRONMENT("e") "cn: f\n", "cn: more than one" },
	{ NODE("8", "env") "enscaleState: odd\n", "an unknown word" },
	{ NODE("8", "env") "ipHostNumber: host\n", "more than one" },
	{ NODE("8", "env") "enscalePort: 65536\n", "enscalePort: " },
	{ NODE("8", "env") "enscaleHostKey: no key\n", "enscaleHostKey: " },
	{ "dn: cn=a,cn=env," SUFFIX
	  "\nobjectClass: enscaleNode\nenscaleNodeId: 8\n"
	  "ipHostNumber: example.com\nenscaleSystemUser: apache\n",
	    "not an address" },
	{ "dn: cn=a,cn=env," SUFFIX
	  "\nobjectClass: enscaleNode\nenscaleNodeId: 8\n"
	  "ipHostNumber: 198.19.0.18\nenscaleSystemUser:: YQpi\n",
	    "not a user name" },
};

static void
an_entry_that_breaks_a_rule_is_refused_alone(void **state)
{
	char text[8192];
	const char *said;

	(void)state;
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", GOOD, rules[i].text);
		take(text);
		said = refused();
		if (strstr(said, rules[i].reason) == NULL ||
		    strchr(said, ';') != strrchr(said, ';'))
			fail_msg("%s: \"%s\"", rules[i].text, said);
		assert_all_there();
		assert_true(status.in_step);
	}
	take(GOOD);
	assert_string_equal(refused(), "");
}

static void
what_is_for_people_is_taken_with_a_warning(void **state)
{
	static const char *const odd[] = {
		ACCOUNT("2") "cn:: SQpK\n",
		ACCOUNT("2") "mail:: SQpK\n",
		ACCOUNT("2") "cn:: /w==\n",
		KEY("k", "1") SAMPLE_ED25519 "\ncn:: SQpK\n",
		NODE("8", "env") "enscaleServiceType:: SQpK\n",
	};
	char text[4096];

	(void)state;
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", GOOD, odd[i]);
		take(text);
		assert_string_equal(refused(), "");
		assert_int_equal(state_warning_count(f.state), 1);
	}
	take(GOOD);
	assert_int_equal(state_warning_count(f.state), 0);
	/* Of what is refused nothing more is said. */
	take(GOOD "dn: cn=b," SUFFIX "\nobjectClass: enscaleAccount\n"
	          "enscaleAccountId: 1\nmail:: SQpK\n");
	assert_string_not_equal(refused(), "");
	assert_int_equal(state_warning_count(f.state), 0);
}

static void
of_two_with_one_id_the_older_counts(void **state)
{
	static const char *const others[] = {
		"dn: cn=b," SUFFIX "\nobjectClass: enscaleAccount\n"
		"enscaleAccountId: 1\n",
		"dn: cn=c," SUFFIX "\nobjectClass: enscaleEnvironment\n"
		"cn: env\n",
		"dn: cn=d,cn=env," SUFFIX "\nobjectClass: enscaleNode\n"
		"enscaleNodeId: 7\nipHostNumber: 198.19.0.99\n"
		"enscaleSystemUser: apache\n",
	};
	static const char *const first[] = { "dn: cn=b,", "dn: cn=c,",
		"dn: cn=d," };
	char text[4096];

	(void)state;
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "%s%screateTimestamp: 20200101000000Z\n", GOOD, others[i]);
		take(text);
		assert_non_null(strstr(refused(), "older e"));
		/* The good ones have no age: the one with an age is older. */
		assert_null(strstr(refused(), first[i] + strlen("dn: ")));
	}
}

static void
a_large_value_is_refused_where_it_is_not_for_people(void **state)
{
	size_t size = 1 << 20;
	char *value = malloc(size + 1), *text;

	(void)state;
	NEEDS_ROOT();
	assert_non_null(value);
	memset(value, 'a', size);
	value[size] = '\0';
	assert_true(asprintf(&text, "%s%senscaleStatus: %s\n", GOOD,
	                ACCOUNT("2"), value) > 0);
	take(text);
	assert_non_null(strstr(refused(), "enscaleStatus: "));
	assert_all_there();
	free(text);
	assert_true(
	    asprintf(&text, "%s%smail: %s\n", GOOD, ACCOUNT("2"), value) > 0);
	take(text);
	assert_string_equal(refused(), "");
	assert_int_equal(state_warning_count(f.state), 1);
	free(value);
	free(text);
}

static void
take_keys(uint32_t key_count)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	(void)fprintf(file, "%s%s", GOOD, ACCOUNT("2"));
	for (uint32_t i = 0; i < key_count; i++)
		(void)fprintf(file, "sshPublicKey: %s\n", sync_key(i));
	assert_int_equal(fclose(file), 0);
	wait_for_it();
	assert_string_equal(status.last_error, "");
}

static void
ten_thousand_keys_are_an_accounts_most(void **state)
{
	(void)state;
	NEEDS_ROOT();
	/* The other way round so many keys at once would be held: shrink.h. */
	take_keys(ACCOUNT_KEYS_MAX + 1);
	assert_non_null(strstr(refused(),
	    "sshPublicKey: 10001 keys, 10000 is the limit: 1 left out"));
	assert_int_equal(count(ENTRY_ACCOUNT), 2);
	assert_int_equal(state_info(f.state)->key_values, ACCOUNT_KEYS_MAX);
	take_keys(ACCOUNT_KEYS_MAX);
	assert_string_equal(refused(), "");
	assert_int_equal(count(ENTRY_ACCOUNT), 2);
}

/* The entry that counts for account 1, by its name. */
static const char *
counting(void)
{
	static char dn[256];
	struct entry_rows rows = { 0 };
	struct record_key subject = record_key_id(RECORD_ACCOUNT, 1);
	struct entry entry;

	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find_subject(f.state, &subject, &rows, &entry),
	    0);
	(void)snprintf(dn, sizeof(dn), "%.*s", (int)strcspn(entry.dn, ","),
	    entry.dn);
	state_end(f.state);
	entry_rows_free(&rows);
	return dn;
}

/* What would win by its UUID, a digest of its name: some do, some do not. */
static void
of_two_entries_with_one_number_the_first_in_the_file_counts(void **state)
{
	char text[1024], want[512];

	(void)state;
	NEEDS_ROOT();
	for (char other = 'a'; other <= 'p'; other++) {
		(void)snprintf(text, sizeof(text),
		    GOOD "dn: cn=%c," SUFFIX "\nobjectClass: enscaleAccount\n"
		         "enscaleAccountId: 1\n",
		    other);
		take(text);
		assert_string_equal(counting(), "enscaleAccountId=1");
		(void)snprintf(want, sizeof(want),
		    "cn=%c," SUFFIX
		    ": enscaleAccountId: \"enscaleAccountId=1," SUFFIX
		    "\" further up in the file has it; ",
		    other);
		assert_string_equal(refused(), want);
		assert_all_there();
	}
	take(GOOD);
	assert_string_equal(refused(), "");
}

static void
an_entry_that_is_put_before_another_counts_from_then_on(void **state)
{
	static const char other[] = "dn: cn=b," SUFFIX
	                            "\nobjectClass: enscaleAccount\n"
	                            "enscaleAccountId: 1\n\n";
	char text[1024];

	(void)state;
	NEEDS_ROOT();
	take(GOOD);
	(void)snprintf(text, sizeof(text), "%s%s", other, strstr(GOOD, "dn: "));
	take(text);
	assert_string_equal(counting(), "cn=b");
	assert_string_equal(refused(),
	    "enscaleAccountId=1," SUFFIX ": enscaleAccountId: \"cn=b," SUFFIX
	    "\" further up in the file has it; ");
	take(GOOD);
	assert_string_equal(counting(), "enscaleAccountId=1");
	assert_string_equal(refused(), "");
}

static void
of_two_nodes_or_environments_the_first_in_the_file_counts(void **state)
{
	(void)state;
	NEEDS_ROOT();
	take(GOOD ENVIRONMENT("ENV2") "\n" NODE("7", "ENV2") "\n");
	assert_non_null(strstr(refused(),
	    "enscaleNodeId: \"enscaleNodeId=7,cn=env," SUFFIX
	    "\" further up in the file has it; "));
	take(GOOD "dn: cn=x," SUFFIX
	          "\nobjectClass: enscaleEnvironment\ncn: env\n");
	assert_string_equal(refused(),
	    "cn=x," SUFFIX ": cn: \"cn=env," SUFFIX
	    "\" further up in the file has it; ");
}

static void
what_is_held_back_is_named(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	NEEDS_ROOT();
	assert_non_null(file);
	(void)fputs(GOOD, file);
	for (uint32_t i = 2; i <= 200; i++)
		(void)fprintf(file,
		    "dn: enscaleAccountId=%u," SUFFIX
		    "\nobjectClass: enscaleAccount\nenscaleAccountId: %u\n\n",
		    i, i);
	assert_int_equal(fclose(file), 0);
	take(text);
	replace(GOOD);
	wait_for_it();
	assert_int_equal(count(ENTRY_ACCOUNT), 200);
	assert_int_equal(status.held, 199);
	assert_int_equal(status.held_line_count, STATUS_LINES_MAX);
	for (uint32_t i = 0; i < status.held_line_count; i++) {
		assert_non_null(
		    strstr(status.held_lines[i].dn, "enscaleAccountId="));
		assert_string_equal(status.held_lines[i].reason,
		    "the directory would take it away");
	}
	/* It is there again: nothing is held. */
	take(text);
	assert_int_equal(status.held, 0);
	assert_int_equal(status.held_line_count, 0);
	free(text);
}

static void
an_environment_may_be_there_before_its_owner(void **state)
{
	(void)state;
	NEEDS_ROOT();
	take(
	    GOOD "dn: cn=e," SUFFIX
	         "\nobjectClass: enscaleEnvironment\ncn: e\nenscaleOwner: 5\n");
	assert_string_equal(refused(), "");
	assert_int_equal(count(ENTRY_ENVIRONMENT), 2);
	assert_int_equal(count(ENTRY_ACCOUNT), 1);
}

static void
what_moves_with_its_entry_uuid_stays_itself(void **state)
{
#define UUID(n) "entryUUID: 6ba7b810-9dad-11d1-80b4-00c04fd430c" n "\n"
	struct entry_rows rows = { 0 };
	struct entry entry;
	static const uint8_t uuid[ENTRY_UUID_LEN] = { 0x6b, 0xa7, 0xb8, 0x10,
		0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4,
		0x30, 0xc9 };

	(void)state;
	NEEDS_ROOT();
	take(ACCOUNT("1") UUID("8") "\n" KEY("a", "1") SAMPLE_ED25519
	    "\n" UUID("9"));
	take("dn: cn=moved,ou=x," SUFFIX "\nobjectClass: enscaleAccount\n"
	     "enscaleAccountId: 1\n" UUID("8") "\n"
	                                       "dn: cn=b,cn=moved,ou=x," SUFFIX
	                                       "\nobjectClass: enscaleKey\n"
	                                       "sshPublicKey: " SAMPLE_ED25519
	                                       "\n" UUID("9"));
	assert_int_equal(count(ENTRY_KEY), 1);
	assert_int_equal(state_orphan_count(f.state), 0);
	assert_int_equal(state_begin_read(f.state), 0);
	assert_int_equal(state_find_parent(f.state, uuid, &rows, &entry), 0);
	assert_string_equal(entry.dn, "cn=moved,ou=x," SUFFIX);
	state_end(f.state);
	entry_rows_free(&rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_taken_and_followed),
		TEST(writing_in_place_is_followed_too),
		TEST(the_same_entries_again_are_no_change),
		TEST(a_file_that_is_wrong_anywhere_changes_nothing),
		TEST(a_file_that_is_gone_or_anybodys_is_turned_down),
		TEST(entries_outside_of_the_base_do_not_count),
		TEST(an_entry_that_breaks_a_rule_is_refused_alone),
		TEST(what_is_for_people_is_taken_with_a_warning),
		TEST(of_two_with_one_id_the_older_counts),
		TEST(a_large_value_is_refused_where_it_is_not_for_people),
		TEST(ten_thousand_keys_are_an_accounts_most),
		TEST(
		    of_two_entries_with_one_number_the_first_in_the_file_counts),
		TEST(an_entry_that_is_put_before_another_counts_from_then_on),
		TEST(of_two_nodes_or_environments_the_first_in_the_file_counts),
		TEST(what_is_held_back_is_named),
		TEST(an_environment_may_be_there_before_its_owner),
		TEST(what_moves_with_its_entry_uuid_stays_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
