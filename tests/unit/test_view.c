/*
 * The view, written and read: publications that lie over each other, merge,
 * break and go missing.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/view/view.h"
#include "enscale_sync/view_writer.h"
#include "tests/unit/older_view.h"
#include "tests/unit/surroundings.h"

#define FIRST 1000 /* the account ids of these tests begin here */

static char dir[] = "/tmp/enscale-view-XXXXXX";

/* ---- the folder -------------------------------------------------------- */

static void
path_of(const char *name, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
}

static void
manifest_path(uint32_t version, char path[PATH_MAX])
{
	char name[MANIFEST_NAME_SIZE];

	manifest_name(version, name);
	path_of(name, path);
}

/* Calls a function for each file of the folder; returns how many. */
static int
each_file(void (*call)(const char *path), const char *suffix)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		size_t len = strlen(entry->d_name), end = strlen(suffix);
		char path[PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 || len < end ||
		    strcmp(entry->d_name + len - end, suffix) != 0)
			continue;
		path_of(entry->d_name, path);
		if (call != NULL)
			call(path);
		count++;
	}
	closedir(folder);
	return count;
}

static void
remove_file(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static int
make_folder(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	each_file(remove_file, "");
	return rmdir(dir);
}

/* ---- writing ----------------------------------------------------------- */

static struct view_writer *
writer_open(void)
{
	struct view_writer *writer = NULL;

	assert_int_equal(view_writer_open(dir, &writer), 0);
	return writer;
}

/* Accounts are told apart by max_sessions. */
static void
put_account(struct view_writer *writer, uint32_t account, uint32_t value)
{
	const struct account_record record = {
		.account = account,
		.status = ACCOUNT_ACTIVE,
		.max_sessions = value,
		.name = "Somebody",
		.mail = "",
	};
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	struct wire_writer bytes;

	wire_write_init_growing(&bytes, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_account(&bytes, &record), 0);
	assert_int_equal(view_writer_put(writer, &key,
	                     (struct bytes){ bytes.data, bytes.len }),
	    0);
	wire_write_free(&bytes);
}

static void
put_tombstone(struct view_writer *writer, uint32_t account)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	struct wire_writer bytes;

	wire_write_init_growing(&bytes, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_tombstone(&bytes, &key), 0);
	assert_int_equal(view_writer_put(writer, &key,
	                     (struct bytes){ bytes.data, bytes.len }),
	    0);
	wire_write_free(&bytes);
}

/* A base of count accounts, all with this value. */
static void
publish_base(struct view_writer *writer, uint32_t count, uint32_t value,
    uint64_t generation)
{
	assert_int_equal(view_writer_begin(writer, true), 0);
	for (uint32_t i = 0; i < count; i++)
		put_account(writer, FIRST + i, value);
	assert_int_equal(
	    view_writer_commit(writer, generation, (int64_t)generation), 0);
}

static void
publish_one(struct view_writer *writer, uint32_t account, uint32_t value,
    uint64_t generation)
{
	assert_int_equal(view_writer_begin(writer, false), 0);
	put_account(writer, account, value);
	assert_int_equal(
	    view_writer_commit(writer, generation, (int64_t)generation), 0);
}

/* ---- reading ----------------------------------------------------------- */

static struct view *
open_view(void)
{
	struct view *view = NULL;

	assert_int_equal(view_open(dir, &view), 0);
	return view;
}

static int
view_open_fails(void)
{
	struct view *view = NULL;
	int r = view_open(dir, &view);

	assert_null(view);
	view_close(view);
	return r;
}

/* The account's value, or the error. */
static int
value_of(const struct view *view, uint32_t account)
{
	struct account_record record;
	int r = view_find_account(view, account, &record);

	if (r != 0)
		return r;
	assert_int_equal(record.account, account);
	assert_string_equal(record.name, "Somebody");
	return (int)record.max_sessions;
}

static void
a_folder_without_a_view_cannot_tell(void **state)
{
	struct view *view = NULL;

	(void)state;
	assert_int_equal(view_open_fails(), ENS_E_VIEW);
	assert_int_equal(view_open("/nonexistent", &view), ENS_E_VIEW);
	assert_null(view);
}

static void
a_base_answers_yes_and_no(void **state)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct view_writer *writer = writer_open();

	(void)state;
	assert_int_equal(view_writer_manifest(writer)->generation, 0);
	publish_base(writer, 100, 7, 42);
	view_writer_close(writer);
	view = open_view();
	assert_int_equal(view_generation(view), 42);
	assert_int_equal(view_as_of(view), 42);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(value_of(view, FIRST + i), 7);
	assert_int_equal(value_of(view, FIRST + 100), ENS_E_NOTFOUND);
	assert_int_equal(value_of(view, 0), ENS_E_NOTFOUND);
}

static void
every_kind_is_found_under_its_key(void **state)
{
	const uint8_t fp[1][SHA256_LEN] = { { 9 } };
	const struct key_record key = { .account = FIRST,
		.fingerprint = fp[0],
		.blob = { (const uint8_t *)"b", 1 },
		.title = "t",
		.from = "" };
	const struct environment_member members[] = { { FIRST, ROLE_OWNER } };
	const struct account_environment rows[] = { { "env", ROLE_OWNER } };
	const struct node_record node = { .node = 5,
		.environment = "env",
		.address = "10.0.0.1",
		.port = 22,
		.state = ENVIRONMENT_RUNNING,
		.service_type = "",
		.system_user = "apache" };
	const uint32_t nodes[] = { 5 };
	AUTO(cleanup_view) struct view *view = NULL;
	struct view_writer *writer = writer_open();
	struct account_environments_record environments;
	struct environment_record environment;
	struct account_keys_record keys;
	struct host_key_record host_key;
	struct key_record found_key;
	struct node_record found_node;
	struct record_key at;
	struct bytes raw;
	struct wire_writer w;

#define PUT(place, ...)                                                \
	do {                                                           \
		at = place;                                            \
		wire_write_init_growing(&w, RECORD_SIZE_MAX);          \
		assert_int_equal(__VA_ARGS__, 0);                      \
		assert_int_equal(view_writer_put(writer, &at,          \
		                     (struct bytes){ w.data, w.len }), \
		    0);                                                \
		wire_write_free(&w);                                   \
	} while (0)

	(void)state;
	assert_int_equal(view_writer_begin(writer, true), 0);
	PUT(record_key_key(FIRST, fp[0]), record_encode_key(&w, &key));
	PUT(record_key_id(RECORD_ACCOUNT_KEYS, FIRST),
	    record_encode_account_keys(&w, FIRST, fp, 1));
	PUT(record_key_environment("env"),
	    record_encode_environment(&w,
	        &(struct environment_fields){ "env", ENVIRONMENT_RUNNING,
	            FIRST },
	        members, 1, nodes, 1));
	PUT(record_key_id(RECORD_ENVIRONMENTS, FIRST),
	    record_encode_environments(&w, FIRST, rows, 1));
	PUT(record_key_id(RECORD_NODE, 5), record_encode_node(&w, &node, NULL));
	PUT(record_key_host(fp[0]),
	    record_encode_host_key(&w, fp[0], nodes, 1));
	assert_int_equal(view_writer_commit(writer, 1, 1), 0);
	view_writer_close(writer);

	view = open_view();
	assert_int_equal(view_find_key(view, FIRST, fp[0], &found_key), 0);
	assert_string_equal(found_key.title, "t");
	assert_int_equal(view_find_account_keys(view, FIRST, &keys), 0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(view_find_environment(view, "env", &environment), 0);
	assert_int_equal(environment.owner, FIRST);
	assert_int_equal(
	    view_find_account_environments(view, FIRST, &environments), 0);
	assert_int_equal(environments.count, 1);
	assert_int_equal(view_find_node(view, 5, &found_node), 0);
	assert_string_equal(found_node.address, "10.0.0.1");
	assert_int_equal(view_find_host_key(view, fp[0], &host_key), 0);
	assert_int_equal(host_key_record_node(&host_key, 0), 5);
	assert_int_equal(view_find_raw(view, &at, &raw), 0);
	assert_true(raw.len > 0);

	assert_int_equal(view_find_key(view, FIRST + 1, fp[0], &found_key),
	    ENS_E_NOTFOUND);
	assert_int_equal(view_find_environment(view, "", &environment),
	    ENS_E_NOTFOUND);
	assert_int_equal(view_find_node(view, 6, &found_node), ENS_E_NOTFOUND);
}

static void
a_delta_hides_what_lies_below(void **state)
{
	AUTO(cleanup_view) struct view *before = NULL;
	AUTO(cleanup_view) struct view *after = NULL;
	struct view_writer *writer = writer_open();
	struct record_key gone = record_key_id(RECORD_ACCOUNT, FIRST + 1);
	struct bytes raw;

	(void)state;
	publish_base(writer, 1000, 1, 1);
	before = open_view();
	assert_true(view_is_current(before));
	assert_int_equal(view_writer_begin(writer, false), 0);
	put_account(writer, FIRST, 2);
	put_tombstone(writer, FIRST + 1);
	put_account(writer, FIRST + 5000, 2);
	assert_int_equal(view_writer_commit(writer, 2, 2), 0);
	after = open_view();

	assert_false(view_is_current(before));
	assert_true(view_is_current(after));
	assert_int_equal(view_writer_manifest(writer)->segment_count, 2);
	assert_int_equal(value_of(after, FIRST), 2);
	assert_int_equal(value_of(after, FIRST + 1), ENS_E_NOTFOUND);
	assert_int_equal(view_find_raw(after, &gone, &raw), ENS_E_NOTFOUND);
	assert_int_equal(value_of(after, FIRST + 2), 1);
	assert_int_equal(value_of(after, FIRST + 5000), 2);
	/* A view is one moment's truth. */
	assert_int_equal(value_of(before, FIRST), 1);
	assert_int_equal(value_of(before, FIRST + 1), 1);
	assert_int_equal(value_of(before, FIRST + 5000), ENS_E_NOTFOUND);
	view_writer_close(writer);
}

/* Random changes against an array that knows what must be there. */
static void
merges_lose_and_invent_nothing(void **state)
{
	enum {
		ACCOUNTS = 200,
		ROUNDS = 150
	};
	struct view_writer *writer = writer_open();
	int model[ACCOUNTS];
	unsigned seed = 12345;

	(void)state;
	publish_base(writer, ACCOUNTS, 1, 1);
	for (int i = 0; i < ACCOUNTS; i++)
		model[i] = 1;
	for (uint32_t round = 2; round < ROUNDS; round++) {
		AUTO(cleanup_view) struct view *view = NULL;
		bool touched[ACCOUNTS] = { false };
		int changes = rand_r(&seed) % 3 == 0 ? 40 : 2;

		assert_int_equal(view_writer_begin(writer, false), 0);
		while (changes-- > 0) {
			uint32_t i = (uint32_t)rand_r(&seed) % ACCOUNTS;

			if (touched[i])
				continue;
			touched[i] = true;
			if (rand_r(&seed) % 3 == 0) {
				put_tombstone(writer, FIRST + i);
				model[i] = ENS_E_NOTFOUND;
			} else {
				put_account(writer, FIRST + i, round);
				model[i] = (int)round;
			}
		}
		assert_int_equal(view_writer_commit(writer, round, 1), 0);
		assert_true(view_writer_manifest(writer)->segment_count <=
		    VIEW_SEGMENTS_MAX / 2);
		/* What no manifest names is gone. */
		assert_int_equal(each_file(NULL, ".cdb"),
		    view_writer_manifest(writer)->segment_count);
		view = open_view();
		assert_int_equal(view_generation(view), round);
		for (uint32_t i = 0; i < ACCOUNTS; i++)
			assert_int_equal(value_of(view, FIRST + i), model[i]);
	}
	view_writer_close(writer);
}

static void
small_deltas_over_a_large_base_stay_few(void **state)
{
	struct view_writer *writer = writer_open();
	AUTO(cleanup_view) struct view *view = NULL;
	uint64_t base;

	(void)state;
	publish_base(writer, 20000, 1, 1);
	base = view_writer_manifest(writer)->segments[0].size;
	for (uint32_t i = 0; i < 60; i++) {
		const struct manifest *manifest = view_writer_manifest(writer);

		publish_one(writer, FIRST + i, 2, 2 + i);
		assert_in_range(manifest->segment_count, 2,
		    VIEW_SEGMENTS_MAX / 2);
		assert_int_equal(
		    manifest->segments[manifest->segment_count - 1].size, base);
	}
	view = open_view();
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(value_of(view, FIRST + i), i < 60 ? 2 : 1);
	view_writer_close(writer);
}

static void
flip(int fd, off_t at, int bit)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t)(1U << bit);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void
break_first_record(const char *path)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	/* Behind the table of contents: the key of the first record. */
	flip(fd, 2048 + 8 + 2, 0);
	close(fd);
}

/* A base that is too large to be merged at once, and a delta of an eighth of
 * it, of the accounts from FIRST on. */
#define MANY 20000

static struct view_writer *
begin_a_large_merge(void)
{
	struct view_writer *writer = writer_open();

	publish_base(writer, MANY, 1, 1);
	assert_int_equal(view_writer_begin(writer, false), 0);
	for (uint32_t i = 0; i < MANY / 2; i++) {
		if (i % 2 == 0)
			put_tombstone(writer, FIRST + i);
		else
			put_account(writer, FIRST + i, 2);
	}
	assert_int_equal(view_writer_commit(writer, 2, 2), 0);
	assert_true(view_writer_is_merging(writer));
	return writer;
}

static void
wait_for_the_merge(struct view_writer *writer)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (view_writer_is_merging(writer)) {
		assert_int_equal(view_writer_settle(writer), 0);
		(void)nanosleep(&pause, NULL);
	}
}

static void
a_large_merge_stops_no_change(void **state)
{
	struct view_writer *writer = begin_a_large_merge();
	const struct manifest *manifest = view_writer_manifest(writer);
	AUTO(cleanup_view) struct view *view = NULL;

	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		AUTO(cleanup_view) struct view *now = NULL;

		publish_one(writer, FIRST + i, 3, 3 + i);
		now = open_view();
		assert_int_equal(value_of(now, FIRST + i), 3);
	}
	wait_for_the_merge(writer);
	assert_int_equal(manifest->generation, 32);
	assert_in_range(manifest->segment_count, 2, VIEW_SEGMENTS_MAX / 2);
	/* The base holds what the delta said, and not its tombstones. */
	assert_int_equal(each_file(NULL, ".cdb"), manifest->segment_count);
	assert_int_equal(each_file(NULL, "base"), 0);
	view = open_view();
	for (uint32_t i = 0; i < MANY; i++) {
		int value = i < 30 ? 3 : i >= MANY / 2 ? 1 : 2;

		if (i >= 30 && i < MANY / 2 && i % 2 == 0)
			value = ENS_E_NOTFOUND;
		assert_int_equal(value_of(view, FIRST + i), value);
	}
	view_writer_close(writer);
}

static void
a_new_base_ends_the_merge_of_an_old_one(void **state)
{
	struct view_writer *writer = begin_a_large_merge();
	AUTO(cleanup_view) struct view *view = NULL;

	(void)state;
	publish_base(writer, 10, 5, 3);
	assert_false(view_writer_is_merging(writer));
	assert_int_equal(each_file(NULL, ".cdb"), 1);
	assert_int_equal(each_file(NULL, "base"), 0);
	view = open_view();
	assert_int_equal(value_of(view, FIRST), 5);
	assert_int_equal(value_of(view, FIRST + 11), ENS_E_NOTFOUND);
	view_writer_close(writer);
}

static void
a_large_merge_that_fails_changes_nothing(void **state)
{
	struct view_writer *writer = writer_open();
	AUTO(cleanup_view) struct view *view = NULL;

	(void)state;
	publish_base(writer, MANY, 1, 1);
	each_file(break_first_record, ".cdb");
	assert_int_equal(view_writer_begin(writer, false), 0);
	for (uint32_t i = 0; i < MANY / 4; i++)
		put_tombstone(writer, FIRST + MANY / 2 + i);
	assert_int_equal(view_writer_commit(writer, 2, 2), 0);
	assert_true(view_writer_is_merging(writer));
	wait_for_the_merge(writer);
	assert_int_equal(view_writer_manifest(writer)->segment_count, 2);
	/* And is not tried with every change. */
	publish_one(writer, FIRST + 1, 2, 3);
	assert_false(view_writer_is_merging(writer));
	view = open_view();
	assert_int_equal(value_of(view, FIRST + 1), 2);
	assert_int_equal(value_of(view, FIRST + MANY / 2), ENS_E_NOTFOUND);
	view_writer_close(writer);
}

static void
a_merge_without_room_changes_nothing_and_comes_later(void **state)
{
	struct view_writer *writer = writer_open();
	const struct manifest *manifest = view_writer_manifest(writer);
	AUTO(cleanup_view) struct view *view = NULL;
	uint64_t merges;
	uint32_t i;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	publish_base(writer, 1000, 1, 1);
	/* Room for one change, not for several in one segment. */
	publish_one(writer, FIRST, 2, 2);
	limit_files(manifest->segments[0].size + 64);
	merges = view_writer_merges(writer);
	for (i = 1; i < VIEW_SEGMENTS_MAX - 2; i++)
		publish_one(writer, FIRST + i, 2, 2 + i);
	assert_int_equal(view_writer_merges(writer), merges);
	assert_int_equal(manifest->segment_count, VIEW_SEGMENTS_MAX - 1);
	assert_int_equal(each_file(NULL, "merged"), 0);
	view = open_view();
	for (uint32_t k = 0; k < i; k++)
		assert_int_equal(value_of(view, FIRST + k), 2);
	limit_files(RLIM_INFINITY);
	publish_one(writer, FIRST + i, 2, 2 + i);
	assert_true(view_writer_merges(writer) > merges);
	assert_in_range(manifest->segment_count, 1, VIEW_SEGMENTS_MAX / 2);
	view_close(view);
	view = open_view();
	for (uint32_t k = 0; k <= i; k++)
		assert_int_equal(value_of(view, FIRST + k), 2);
	assert_int_equal(value_of(view, FIRST + i + 1), 1);
	view_writer_close(writer);
}

/* The last segment that a reader may open, and then one more. */
static void
a_change_after_the_last_segment_waits_for_room_to_merge(void **state)
{
	struct view_writer *writer = writer_open();
	const struct manifest *manifest = view_writer_manifest(writer);
	AUTO(cleanup_view) struct view *view = NULL;
	uint32_t i;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	publish_base(writer, 1000, 1, 1);
	publish_one(writer, FIRST, 2, 2);
	limit_files(manifest->segments[0].size + 64);
	for (i = 1; manifest->segment_count < VIEW_SEGMENTS_MAX; i++)
		publish_one(writer, FIRST + i, 2, 2 + i);
	assert_int_equal(view_writer_begin(writer, false), 0);
	put_account(writer, FIRST + i, 2);
	assert_int_equal(view_writer_commit(writer, 2 + i, 2 + i), -EFBIG);
	assert_int_equal(manifest->segment_count, VIEW_SEGMENTS_MAX);
	assert_int_equal(each_file(NULL, "segment"), 0);
	limit_files(RLIM_INFINITY);
	publish_one(writer, FIRST + i, 2, 2 + i);
	assert_in_range(manifest->segment_count, 1, VIEW_SEGMENTS_MAX / 2);
	assert_int_equal(each_file(NULL, "merged"), 0);
	view = open_view();
	for (uint32_t k = 0; k <= i; k++)
		assert_int_equal(value_of(view, FIRST + k), 2);
	view_writer_close(writer);
}

static void
a_merge_into_the_base_drops_the_tombstones(void **state)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct view_writer *writer = writer_open();
	uint64_t full, empty;

	(void)state;
	publish_base(writer, 0, 1, 1);
	empty = view_writer_manifest(writer)->segments[0].size;
	publish_base(writer, 100, 1, 2);
	full = view_writer_manifest(writer)->segments[0].size;
	assert_int_equal(view_writer_begin(writer, false), 0);
	for (uint32_t i = 0; i < 100; i++)
		put_tombstone(writer, FIRST + i);
	assert_int_equal(view_writer_commit(writer, 3, 3), 0);
	assert_int_equal(view_writer_manifest(writer)->segment_count, 1);
	assert_true(full > empty);
	assert_int_equal(view_writer_manifest(writer)->segments[0].size, empty);
	view = open_view();
	assert_int_equal(value_of(view, FIRST), ENS_E_NOTFOUND);
	view_writer_close(writer);
}

static void
truncate_file(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
}

static void
a_missing_segment_cannot_tell_until_a_new_base(void **state)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 9);
	view_writer_close(writer);
	each_file(remove_file, ".cdb");
	assert_int_equal(view_open_fails(), ENS_E_VIEW);

	writer = writer_open();
	/* Who has what it was made from wants to know how new it was. */
	assert_int_equal(view_writer_manifest(writer)->generation, 9);
	assert_int_equal(view_writer_manifest(writer)->as_of, 9);
	assert_int_equal(view_writer_manifest(writer)->segment_count, 0);
	assert_int_equal(view_writer_begin(writer, false), ENS_E_VIEW);
	assert_int_equal(view_writer_touch(writer, 10, 10), ENS_E_VIEW);
	publish_base(writer, 10, 2, 1);
	view = open_view();
	assert_int_equal(value_of(view, FIRST), 2);
	view_writer_close(writer);
}

static void
a_segment_of_another_size_is_corrupt(void **state)
{
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	each_file(truncate_file, ".cdb");
	assert_int_equal(view_open_fails(), ENS_E_CORRUPT);
	writer = writer_open();
	assert_int_equal(view_writer_manifest(writer)->segment_count, 0);
	view_writer_close(writer);
}

static void
a_manifest_with_any_bit_turned_opens_no_view(void **state)
{
	struct view_writer *writer = writer_open();
	char path[PATH_MAX];
	struct stat st;
	int fd;

	(void)state;
	publish_base(writer, 3, 1, 1);
	view_writer_close(writer);
	manifest_path(MANIFEST_VERSION, path);
	fd = open(path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			int r;

			flip(fd, at, bit);
			r = view_open_fails();
			assert_true(r == ENS_E_CORRUPT || r == ENS_E_VERSION);
			flip(fd, at, bit);
		}
	}
	close(fd);
}

static int broken_fd;

static void
open_broken(const char *path)
{
	broken_fd = open(path, O_RDWR);
	assert_true(broken_fd >= 0);
}

static void
a_segment_with_any_bit_turned_gives_no_wrong_yes(void **state)
{
	struct view_writer *writer = writer_open();
	struct stat st;

	(void)state;
	publish_base(writer, 5, 3, 1);
	view_writer_close(writer);
	assert_int_equal(each_file(open_broken, ".cdb"), 1);
	assert_int_equal(fstat(broken_fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		AUTO(cleanup_view) struct view *view = NULL;
		int r;

		flip(broken_fd, at, (int)(at % 8));
		r = view_open(dir, &view);
		assert_true(r == 0 || r == ENS_E_CORRUPT);
		for (uint32_t i = 0; r == 0 && i < 5; i++) {
			int value = value_of(view, FIRST + i);

			assert_true(value == 3 || value == ENS_E_NOTFOUND ||
			    value == ENS_E_CORRUPT || value == ENS_E_VERSION);
		}
		if (r == 0)
			assert_true(value_of(view, FIRST + 5) < 0);
		flip(broken_fd, at, (int)(at % 8));
	}
	close(broken_fd);
}

static void
a_broken_base_does_not_stop_a_revocation(void **state)
{
	struct view_writer *writer = writer_open();
	uint64_t generation = 2;

	(void)state;
	publish_base(writer, 10, 1, 1);
	each_file(break_first_record, ".cdb");
	/* Each delta is larger than an eighth of the base. */
	for (;; generation++) {
		AUTO(cleanup_view) struct view *view = NULL;
		uint32_t account = FIRST + 1 + (uint32_t)generation % 9;
		int r;

		assert_int_equal(view_writer_begin(writer, false), 0);
		put_tombstone(writer, account);
		r = view_writer_commit(writer, generation, 1);
		assert_int_equal(r, 0);
		view = open_view();
		assert_int_equal(value_of(view, account), ENS_E_NOTFOUND);
		assert_in_range(view_writer_manifest(writer)->segment_count, 2,
		    VIEW_SEGMENTS_MAX / 2);
		if (generation == 40)
			break;
	}
	publish_base(writer, 10, 2, generation + 1);
	view_writer_close(writer);
}

static void
nothing_older_is_published(void **state)
{
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 100, 1, 5);
	assert_int_equal(view_writer_begin(writer, false), 0);
	put_account(writer, FIRST, 9);
	assert_int_equal(view_writer_commit(writer, 5, 5), ENS_E_RANGE);
	assert_int_equal(view_writer_commit(writer, 6, 6), -EINVAL);
	assert_int_equal(view_writer_touch(writer, 4, 5), ENS_E_RANGE);
	assert_int_equal(view_writer_manifest(writer)->generation, 5);
	/* The lost state of a new installation begins anew. */
	publish_base(writer, 100, 1, 1);
	view_writer_close(writer);
}

static void
an_aborted_segment_leaves_nothing(void **state)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 1);
	assert_int_equal(view_writer_begin(writer, false), 0);
	assert_int_equal(view_writer_begin(writer, false), -EBUSY);
	put_account(writer, FIRST, 9);
	view_writer_abort(writer);
	view_writer_abort(writer);
	assert_int_equal(each_file(NULL, ""), 3); /* base, manifest, lock */
	view = open_view();
	assert_int_equal(value_of(view, FIRST), 1);
	/* Closing aborts, too. */
	assert_int_equal(view_writer_begin(writer, true), 0);
	put_account(writer, FIRST, 9);
	view_writer_close(writer);
	assert_int_equal(each_file(NULL, ""), 3);
}

static void
leftovers_of_a_killed_writer_are_removed(void **state)
{
	const char *const names[] = { ".new-segment", ".new-manifest",
		"00000000000000ff.cdb" };
	struct view_writer *writer = writer_open();
	const char *next;

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	for (int i = 0; i < 3; i++) {
		char path[PATH_MAX];
		int fd;

		path_of(names[i], path);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	writer = writer_open();
	assert_int_equal(each_file(NULL, ""), 3);
	/* A name that was in use never comes again. */
	publish_base(writer, 10, 1, 2);
	next = view_writer_manifest(writer)->segments[0].name;
	assert_string_equal(next, "0000000000000100.cdb");
	view_writer_close(writer);
}

static void
a_second_writer_is_turned_away(void **state)
{
	struct view_writer *writer = writer_open(), *second = NULL;

	(void)state;
	assert_int_equal(view_writer_open(dir, &second), -EWOULDBLOCK);
	assert_null(second);
	view_writer_close(writer);
	view_writer_close(writer_open());
}

static void
the_group_reads_and_nobody_else(void **state)
{
	struct view_writer *writer = writer_open();
	mode_t mask = umask(077);
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	publish_base(writer, 1, 1, 1);
	umask(mask);
	manifest_path(MANIFEST_VERSION, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	path_of(view_writer_manifest(writer)->segments[0].name, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	path_of("lock", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	view_writer_close(writer);
}

static void
a_touch_changes_the_time_alone(void **state)
{
	AUTO(cleanup_view) struct view *before = NULL;
	AUTO(cleanup_view) struct view *after = NULL;
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 1);
	before = open_view();
	assert_int_equal(view_writer_touch(writer, 1, 99), 0);
	after = open_view();
	assert_false(view_is_current(before));
	assert_int_equal(view_as_of(before), 1);
	assert_int_equal(view_as_of(after), 99);
	assert_int_equal(view_generation(after), 1);
	assert_int_equal(value_of(after, FIRST), 1);
	view_writer_close(writer);
}

static void
a_view_keeps_no_descriptor(void **state)
{
	struct view_writer *writer = writer_open();
	struct view *view;
	int before, after;

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	before = open("/dev/null", O_RDONLY);
	close(before);
	view = open_view();
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(after, before);
	assert_int_equal(value_of(view, FIRST), 1);
	view_close(view);
}

/* ---- two versions ------------------------------------------------------ */

/* What the clock of the programs under test says more than the real one. */
static time_t later;

/* The call whose timespec is that of time_t, which has 64 bits. */
#ifdef SYS_clock_gettime64
#	define SYS_CLOCK SYS_clock_gettime64
#else
#	define SYS_CLOCK SYS_clock_gettime
#endif

int
clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int r = (int)syscall(SYS_CLOCK, clock, ret_time);

	ret_time->tv_sec += later;
	return r;
}

static bool
is_published_as(uint32_t version)
{
	char path[PATH_MAX];

	manifest_path(version, path);
	return access(path, F_OK) == 0;
}

static void
a_reader_takes_the_version_before_until_there_is_its_own(void **state)
{
	AUTO(cleanup_view) struct view *before = NULL;
	AUTO(cleanup_view) struct view *after = NULL;
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 7);
	view_writer_close(writer);
	publish_as(dir, MANIFEST_VERSION_BEFORE);
	before = open_view();
	assert_false(view_is_of_this_version(before));
	assert_true(view_is_current(before));
	assert_int_equal(value_of(before, FIRST), 1);

	writer = writer_open();
	assert_int_equal(view_writer_manifest(writer)->generation, 7);
	assert_int_equal(view_writer_manifest(writer)->as_of, 7);
	/* Nothing of ours can lie over what is in another form. */
	assert_int_equal(view_writer_begin(writer, false), ENS_E_VIEW);
	publish_base(writer, 10, 2, 8);
	assert_false(view_is_current(before));
	after = open_view();
	assert_true(view_is_of_this_version(after));
	assert_int_equal(value_of(after, FIRST), 2);
	assert_int_equal(value_of(before, FIRST), 1);
	view_writer_close(writer);
}

static void
a_broken_view_is_not_passed_over_for_an_older_one(void **state)
{
	struct view_writer *writer = writer_open();
	char path[PATH_MAX];

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	publish_as(dir, MANIFEST_VERSION_BEFORE);
	manifest_path(MANIFEST_VERSION, path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(view_open_fails(), ENS_E_CORRUPT);
}

static void
a_view_of_a_later_version_is_not_read(void **state)
{
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	publish_as(dir, MANIFEST_VERSION + 1);
	assert_int_equal(view_open_fails(), ENS_E_VIEW);
	/* And not left for one that comes back: it is right no longer. */
	writer = writer_open();
	publish_base(writer, 10, 2, 1);
	assert_false(is_published_as(MANIFEST_VERSION + 1));
	assert_int_equal(each_file(NULL, ".cdb"), 1);
	view_writer_close(writer);
}

static void
the_version_before_is_left_for_its_readers_and_then_no_longer(void **state)
{
	struct view_writer *writer = writer_open();

	(void)state;
	publish_base(writer, 10, 1, 1);
	view_writer_close(writer);
	publish_as(dir, MANIFEST_VERSION_BEFORE);
	writer = writer_open();
	/* Before there is one of ours it stays, however long that takes. */
	later = VIEW_OVERLAP_SECONDS + 1;
	assert_int_equal(view_writer_settle(writer), 0);
	assert_true(is_published_as(MANIFEST_VERSION_BEFORE));
	later = 0;
	publish_base(writer, 10, 2, 2);
	publish_base(writer, 10, 3, 3);
	assert_int_equal(view_writer_settle(writer), 0);
	assert_true(is_published_as(MANIFEST_VERSION_BEFORE));
	assert_int_equal(each_file(NULL, ".cdb"), 2); /* its own, and ours */

	later = VIEW_OVERLAP_SECONDS + 1;
	assert_int_equal(view_writer_settle(writer), 0);
	later = 0;
	assert_false(is_published_as(MANIFEST_VERSION_BEFORE));
	assert_int_equal(each_file(NULL, ".cdb"), 1);
	view_writer_close(writer);
}

/* Two accounts that every publication changes together. */
enum {
	PUBLICATIONS = 150
};

static void *
publish_pairs(void *arg)
{
	struct view_writer *writer = arg;

	for (uint32_t i = 2; i < PUBLICATIONS; i++) {
		assert_int_equal(view_writer_begin(writer, false), 0);
		put_account(writer, FIRST, i);
		put_account(writer, FIRST + 1, i);
		assert_int_equal(view_writer_commit(writer, i, 1), 0);
	}
	return NULL;
}

static void
a_reader_sees_all_of_a_change_or_nothing(void **state)
{
	struct view_writer *writer = writer_open();
	uint64_t last = 0;
	pthread_t thread;

	(void)state;
	publish_base(writer, 20, 1, 1);
	assert_int_equal(pthread_create(&thread, NULL, publish_pairs, writer),
	    0);
	while (last < PUBLICATIONS - 1) {
		AUTO(cleanup_view) struct view *view = open_view();
		int value = value_of(view, FIRST);

		assert_true(view_generation(view) >= last);
		last = view_generation(view);
		assert_int_equal(value, last);
		assert_int_equal(value_of(view, FIRST + 1), value);
		assert_int_equal(value_of(view, FIRST + 2), 1);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	view_writer_close(writer);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_folder_without_a_view_cannot_tell),
		TEST(a_base_answers_yes_and_no),
		TEST(every_kind_is_found_under_its_key),
		TEST(a_delta_hides_what_lies_below),
		TEST(merges_lose_and_invent_nothing),
		TEST(small_deltas_over_a_large_base_stay_few),
		TEST(a_large_merge_stops_no_change),
		TEST(a_new_base_ends_the_merge_of_an_old_one),
		TEST(a_large_merge_that_fails_changes_nothing),
		TEST(a_merge_without_room_changes_nothing_and_comes_later),
		TEST(a_change_after_the_last_segment_waits_for_room_to_merge),
		TEST(a_merge_into_the_base_drops_the_tombstones),
		TEST(a_missing_segment_cannot_tell_until_a_new_base),
		TEST(a_segment_of_another_size_is_corrupt),
		TEST(a_manifest_with_any_bit_turned_opens_no_view),
		TEST(a_segment_with_any_bit_turned_gives_no_wrong_yes),
		TEST(a_broken_base_does_not_stop_a_revocation),
		TEST(nothing_older_is_published),
		TEST(an_aborted_segment_leaves_nothing),
		TEST(leftovers_of_a_killed_writer_are_removed),
		TEST(a_second_writer_is_turned_away),
		TEST(the_group_reads_and_nobody_else),
		TEST(a_touch_changes_the_time_alone),
		TEST(a_view_keeps_no_descriptor),
		TEST(a_reader_takes_the_version_before_until_there_is_its_own),
		TEST(a_broken_view_is_not_passed_over_for_an_older_one),
		TEST(a_view_of_a_later_version_is_not_read),
		TEST(
		    the_version_before_is_left_for_its_readers_and_then_no_longer),
		TEST(a_reader_sees_all_of_a_change_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
