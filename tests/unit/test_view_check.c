/* Unit tests of enscalectl/view_check: a view that is right, and the same
 * with one bit turned anywhere, one record missing, one reference wrong. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
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

#include "common/base/errors.h"
#include "common/view/view_walk.h"
#include "enscale_sync/publish.h"
#include "enscale_sync/view_writer.h"
#include "enscalectl/view_check.h"
#include "tests/unit/sync_fixture.h"

#define NOW       1763850000
#define SUFFIX    "dc=enscale,dc=com"
#define ACCOUNT   "enscaleAccountId=25880,ou=accounts," SUFFIX
#define WATERFALL "cn=cool-waterfall-59,ou=environments," SUFFIX

static struct sync_fixture f;
static struct config config;
static struct publisher *publisher;
static char view_dir[128];

static void
publish(int64_t as_of)
{
	struct published published;

	assert_int_equal(publisher_publish(publisher, as_of, &published), 0);
	assert_true(published.records > 0);
}

/* Every kind of record. */
static void
fill(void)
{
	char lines[512];

	sync_put(&f, 1, ACCOUNT,
	    "objectClass: enscaleAccount\nenscaleAccountId: 25880\n");
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleKey\nsshPublicKey: %s\n", sync_key(1));
	sync_put(&f, 2, "cn=a," ACCOUNT, lines);
	sync_put(&f, 3, WATERFALL,
	    "objectClass: enscaleEnvironment\ncn: cool-waterfall-59\n"
	    "enscaleOwner: 25880\n");
	(void)snprintf(lines, sizeof(lines),
	    "objectClass: enscaleNode\nenscaleNodeId: 124718\n"
	    "ipHostNumber: 198.19.0.18\nenscaleSystemUser: apache\n"
	    "enscaleHostKey: %s\n",
	    sync_key(7));
	sync_put(&f, 4, "enscaleNodeId=124718," WATERFALL, lines);
	sync_complete(&f);
	publish(NOW);
}

static int
make(void **state)
{
	const char *what;
	char path[128];

	(void)state;
	sync_fixture_make(&f);
	config_init(&config);
	memcpy(config.state_dir, f.root, sizeof(f.root));
	memcpy(config.run_dir, f.root, sizeof(f.root));
	(void)snprintf(view_dir, sizeof(view_dir), "%s/view", f.root);
	(void)snprintf(path, sizeof(path), "%s/map", f.root);
	assert_int_equal(mkdir(view_dir, 0700), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(publisher_open(&config, f.state, &publisher, &what),
	    0);
	fill();
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	publisher_close(publisher);
	publisher = NULL;
	sync_fixture_free(&f);
	return 0;
}

static char last[1024];

static void
remember(const char *text, void *arg)
{
	(void)arg;
	(void)snprintf(last, sizeof(last), "%s", text);
}

/* How much is wrong; at least one thing when it cannot even be opened. */
static uint64_t
count_wrong(struct view_check *check)
{
	struct view *view;

	*check = (struct view_check){ .report = remember };
	last[0] = '\0';
	if (view_open(view_dir, &view) != 0)
		return 1;
	view_check_all(check, view);
	view_close(view);
	return check->wrong;
}

static void
what_enscale_sync_publishes_is_right(void **state)
{
	struct view_check check;

	(void)state;
	assert_int_equal(count_wrong(&check), 0);
	assert_string_equal(last, "");
	for (size_t i = 0; i < VIEW_KINDS; i++)
		assert_int_equal(check.records[i], 1);
	assert_int_equal(check.rows, VIEW_KINDS);
}

static void
a_change_over_a_large_base_is_right(void **state)
{
	struct view_check check;
	char dn[128], lines[128];

	(void)state;
	for (uint32_t i = 100; i < 600; i++) {
		(void)snprintf(dn, sizeof(dn),
		    "enscaleAccountId=%u,ou=accounts," SUFFIX, i);
		(void)snprintf(lines, sizeof(lines),
		    "objectClass: enscaleAccount\nenscaleAccountId: %u\n", i);
		sync_put(&f, i, dn, lines);
	}
	publish(NOW);
	sync_delete(&f, 2);
	publish(NOW);
	assert_int_equal(count_wrong(&check), 0);
	assert_int_equal(check.records[0], 501);
	assert_int_equal(check.records[1], 0);
	/* Two tombstones, and what they hide. */
	assert_int_equal(check.rows, 500 + VIEW_KINDS + 2);
}

static void
turn_each_bit(int fd, off_t size)
{
	struct view_check check;
	uint8_t byte, turned;

	for (off_t at = 0; at < size; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		for (int bit = 0; bit < 8; bit++) {
			turned = (uint8_t)(byte ^ 1U << bit);
			assert_int_equal(pwrite(fd, &turned, 1, at), 1);
			if (count_wrong(&check) == 0)
				fail_msg("bit %d at %lld is not noticed", bit,
				    (long long)at);
		}
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
}

static void
one_turned_bit_is_found_wherever_it_is(void **state)
{
	DIR *folder = opendir(view_dir);
	struct view_check check;
	struct dirent *entry;
	int files = 0;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		struct stat st;
		int fd;

		if (strstr(entry->d_name, ".cdb") == NULL &&
		    manifest_name_version(entry->d_name) == 0)
			continue;
		fd = openat(dirfd(folder), entry->d_name, O_RDWR);
		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		turn_each_bit(fd, st.st_size);
		close(fd);
		files++;
	}
	closedir(folder);
	assert_int_equal(files, 2);
	assert_int_equal(count_wrong(&check), 0);
}

/* Publishes without the record, or with another one in its place. */
static void
replace(const struct record_key *key, struct bytes record)
{
	struct wire_writer tombstone;
	struct view_writer *writer;

	wire_write_init_growing(&tombstone, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_tombstone(&tombstone, key), 0);
	if (record.data == NULL)
		record = (struct bytes){ tombstone.data, tombstone.len };
	publisher_close(publisher);
	publisher = NULL;
	assert_int_equal(view_writer_open(view_dir, &writer), 0);
	assert_int_equal(view_writer_begin(writer, false), 0);
	assert_int_equal(view_writer_put(writer, key, record), 0);
	assert_int_equal(view_writer_commit(writer,
	                     view_writer_manifest(writer)->generation + 1, NOW),
	    0);
	view_writer_close(writer);
	wire_write_free(&tombstone);
}

/* The key of the first record of a kind that counts. */
struct wanted {
	uint8_t kind;
	struct record_key key;
};

static int
take(const struct view_row *row, void *arg)
{
	struct wanted *wanted = arg;

	if (row->hidden || row->key.data[0] != wanted->kind ||
	    record_is_tombstone(row->record, &row->key))
		return 0;
	wanted->key = row->key;
	return 0;
}

static void
lose(enum record_kind kind)
{
	struct wanted wanted = { .kind = (uint8_t)kind };
	struct view_check check;
	struct view *view;

	assert_int_equal(view_open(view_dir, &view), 0);
	for (uint32_t i = 0; i < view_segment_count(view); i++)
		assert_int_equal(view_each_row(view, i, take, &wanted), 0);
	view_close(view);
	assert_true(wanted.key.len > 0);
	replace(&wanted.key, (struct bytes){ NULL, 0 });
	assert_true(count_wrong(&check) > 0);
}

#define A_LOST(name, kind)                                  \
	static void a_lost_##name##_is_missed(void **state) \
	{                                                   \
		(void)state;                                \
		lose(kind);                                 \
	}
A_LOST(account, RECORD_ACCOUNT)
A_LOST(key, RECORD_KEY)
A_LOST(list_of_keys, RECORD_ACCOUNT_KEYS)
A_LOST(environment, RECORD_ENVIRONMENT)
A_LOST(list_of_environments, RECORD_ENVIRONMENTS)
A_LOST(node, RECORD_NODE)
A_LOST(host_key, RECORD_HOST_KEY)

static void
a_role_that_is_another_on_the_other_side_is_found(void **state)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, 25880);
	const struct account_environment row = { "cool-waterfall-59",
		ROLE_LIMITED };
	struct wire_writer record;
	struct view_check check;

	(void)state;
	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_environments(&record, 25880, &row, 1),
	    0);
	replace(&key, (struct bytes){ record.data, record.len });
	wire_write_free(&record);
	assert_int_equal(count_wrong(&check), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(what_enscale_sync_publishes_is_right),
		TEST(a_change_over_a_large_base_is_right),
		TEST(one_turned_bit_is_found_wherever_it_is),
		TEST(a_lost_account_is_missed),
		TEST(a_lost_key_is_missed),
		TEST(a_lost_list_of_keys_is_missed),
		TEST(a_lost_environment_is_missed),
		TEST(a_lost_list_of_environments_is_missed),
		TEST(a_lost_node_is_missed),
		TEST(a_lost_host_key_is_missed),
		TEST(a_role_that_is_another_on_the_other_side_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
