/* The account map: written, grown, replaced, and found broken. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/names/account_map.h"

#define BASE UID_BASE_DEFAULT

static char dir[] = "/tmp/enscale-map-XXXXXX";
static char path[PATH_MAX];

static int
make_folder(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/accounts.map", dir);
	return 0;
}

static void
remove_map(void)
{
	char lock[PATH_MAX + 5];

	unlink(path);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
}

static int
remove_folder(void **state)
{
	(void)state;
	remove_map();
	return rmdir(dir);
}

static struct account_map_writer *
create(uint32_t uid_base, uint32_t flags, bool expect_replaced)
{
	struct account_map_writer *writer = NULL;
	bool replaced = !expect_replaced;

	assert_int_equal(
	    account_map_create(path, uid_base, flags, &writer, &replaced), 0);
	assert_int_equal(replaced, expect_replaced);
	return writer;
}

static const struct account_map *
open_map(void)
{
	const struct account_map *map = NULL;

	assert_int_equal(account_map_open(path, &map), 0);
	return map;
}

static int
open_fails(void)
{
	const struct account_map *map = NULL;
	int r = account_map_open(path, &map);

	assert_null(map);
	return r;
}

static struct account_map_header
header_of(void)
{
	struct account_map_header header;
	int fd = open(path, O_RDONLY);

	assert_int_equal(read(fd, &header, sizeof(header)), sizeof(header));
	close(fd);
	return header;
}

static void
put_header(const struct account_map_header *header)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(write(fd, header, sizeof(*header)), sizeof(*header));
	close(fd);
}

static void
a_new_map_knows_nobody(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();
	uint32_t found = 7;
	struct stat st;

	(void)state;
	assert_int_equal(account_map_uid_base(map), BASE);
	assert_false(account_map_enumerates(map));
	assert_true(account_map_is_current(map));
	assert_false(account_map_has(map, 0));
	assert_false(account_map_has(map, 25880));
	assert_false(account_map_has(map, ACCOUNT_ID_MAX));
	assert_false(account_map_has(map, UINT32_MAX));
	assert_int_equal(account_map_next(map, 0, &found), ENS_E_NOTFOUND);
	assert_int_equal(found, 7);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	account_map_close(map);
	account_map_writer_close(writer);
}

static void
a_change_is_seen_at_once_through_an_old_mapping(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();
	uint32_t found;

	(void)state;
	assert_int_equal(account_map_set(writer, 25880, true), 0);
	assert_true(account_map_has(map, 25880));
	assert_false(account_map_has(map, 25879));
	assert_false(account_map_has(map, 25881));
	assert_int_equal(account_map_next(map, 0, &found), 0);
	assert_int_equal(found, 25880);
	assert_int_equal(account_map_next(map, 25880, &found), 0);
	assert_int_equal(found, 25880);
	assert_int_equal(account_map_next(map, 25881, &found), ENS_E_NOTFOUND);
	assert_int_equal(account_map_set(writer, 25880, true), 0);
	assert_int_equal(account_map_set(writer, 25880, false), 0);
	assert_false(account_map_has(map, 25880));
	account_map_close(map);
	account_map_writer_close(writer);
}

static void
ids_that_cannot_exist_are_refused(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	struct account_map_writer *none = NULL;
	bool replaced;

	(void)state;
	assert_int_equal(account_map_set(writer, 0, true), -ERANGE);
	assert_int_equal(account_map_set(writer, ACCOUNT_ID_MAX + 1, true),
	    -ERANGE);
	assert_int_equal(account_map_set(writer, ACCOUNT_ID_MAX, false), 0);
	account_map_writer_close(writer);
	assert_int_equal(
	    account_map_create(path, UID_BASE_MIN - 1, 0, &none, &replaced),
	    -EINVAL);
	assert_int_equal(
	    account_map_create(path, UID_BASE_MAX + 1, 0, &none, &replaced),
	    -EINVAL);
	assert_int_equal(account_map_create(path, BASE, ACCOUNT_MAP_RETIRED,
	                     &none, &replaced),
	    -EINVAL);
}

/* How many bytes of two numbers differ. */
static int
bytes_changed(uint32_t a, uint32_t b)
{
	int count = 0;

	for (int i = 0; i < 4; i++)
		count += (a >> 8 * i & 0xff) != (b >> 8 * i & 0xff);
	return count;
}

static void
the_map_grows_under_its_readers(void **state)
{
	const uint32_t ids[] = { 1, ACCOUNT_MAP_GROW_IDS - 1,
		ACCOUNT_MAP_GROW_IDS, 3000000, 0x00f7ffff, 0x00f80000,
		0x00ffffff, 0x01000000, 0x01080000, 0x01f80000, 0x02345678,
		0x0ff7ffff, 0x0ff80000, ACCOUNT_ID_MAX };
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();
	uint32_t none;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uint32_t before = header_of().limit, after, found;

		assert_int_equal(account_map_set(writer, ids[i], true), 0);
		after = header_of().limit;
		assert_true(after > ids[i]);
		assert_true(after >= before);
		/* No reader can see half of it. */
		assert_true(bytes_changed(before, after) <= 1);
		for (size_t j = 0; j <= i; j++)
			assert_true(account_map_has(map, ids[j]));
		assert_int_equal(account_map_next(map, ids[i], &found), 0);
		assert_int_equal(found, ids[i]);
		if (ids[i] < ACCOUNT_ID_MAX)
			assert_false(account_map_has(map, ids[i] + 1));
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size <= (off_t)ACCOUNT_MAP_SIZE_MAX);
		/* No hole below the limit. */
		assert_true(st.st_blocks * 512 >= st.st_size);
	}
	assert_int_equal(account_map_next(map, ACCOUNT_ID_MAX + 1, &none),
	    ENS_E_NOTFOUND);
	account_map_close(map);
	/* Opened anew at its largest. */
	map = open_map();
	assert_true(account_map_has(map, ACCOUNT_ID_MAX));
	account_map_close(map);
	account_map_writer_close(writer);
}

static void
random_changes_agree_with_a_model(void **state)
{
	enum {
		IDS = 1 << 20
	};
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();
	uint8_t *model = calloc(1, IDS);
	uint32_t found = 0, from = 0;
	unsigned seed = 99;

	(void)state;
	assert_non_null(model);
	for (int i = 0; i < 20000; i++) {
		uint32_t id = 1 + (uint32_t)rand_r(&seed) % (IDS - 1);
		bool exists = rand_r(&seed) % 3 != 0;

		assert_int_equal(account_map_set(writer, id, exists), 0);
		model[id] = exists;
	}
	for (uint32_t id = 0; id < IDS; id++) {
		assert_int_equal(account_map_has(map, id), model[id]);
		assert_int_equal(account_map_writer_has(writer, id), model[id]);
	}
	while (account_map_writer_next(writer, from, &found) == 0) {
		for (uint32_t id = from; id < found; id++)
			assert_int_equal(model[id], 0);
		assert_int_equal(model[found], 1);
		from = found + 1;
	}
	for (uint32_t id = from; id < IDS; id++)
		assert_int_equal(model[id], 0);
	free(model);
	account_map_close(map);
	account_map_writer_close(writer);
}

static void
an_existing_map_is_taken_up(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);

	(void)state;
	assert_int_equal(account_map_set(writer, 25880, true), 0);
	account_map_writer_close(writer);
	writer = create(BASE, ACCOUNT_MAP_ENUMERATE, false);
	assert_true(account_map_writer_has(writer, 25880));
	account_map_writer_close(writer);
}

static void
the_enumeration_flag_follows_the_writer(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();

	(void)state;
	assert_false(account_map_enumerates(map));
	account_map_writer_close(writer);
	writer = create(BASE, ACCOUNT_MAP_ENUMERATE, false);
	assert_true(account_map_enumerates(map));
	account_map_writer_close(writer);
	writer = create(BASE, 0, false);
	assert_false(account_map_enumerates(map));
	account_map_writer_close(writer);
	account_map_close(map);
}

static void
another_uid_base_retires_the_map(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *old = open_map(), *new;

	(void)state;
	assert_int_equal(account_map_set(writer, 25880, true), 0);
	account_map_writer_close(writer);
	writer = create(BASE - 4096, 0, true);
	assert_false(account_map_is_current(old));
	new = open_map();
	assert_true(account_map_is_current(new));
	assert_int_equal(account_map_uid_base(new), BASE - 4096);
	assert_false(account_map_has(new, 25880));
	assert_true(account_map_has(old, 25880));
	account_map_close(old);
	account_map_close(new);
	account_map_writer_close(writer);
}

static void
a_map_left_retired_is_replaced(void **state)
{
	struct account_map_header header;

	(void)state;
	account_map_writer_close(create(BASE, 0, false));
	header = header_of();
	header.flags |= ACCOUNT_MAP_RETIRED;
	put_header(&header);
	assert_int_equal(open_fails(), ENS_E_STALE);
	account_map_writer_close(create(BASE, 0, true));
	account_map_close(open_map());
}

static void
a_second_writer_is_turned_away(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	struct account_map_writer *second = NULL;
	bool replaced;

	(void)state;
	assert_int_equal(account_map_create(path, BASE, 0, &second, &replaced),
	    -EWOULDBLOCK);
	assert_null(second);
	account_map_writer_close(writer);
	account_map_writer_close(create(BASE, 0, false));
}

static void
a_foreign_header_is_named_as_what_it_is(void **state)
{
	struct account_map_header good, header;

	(void)state;
	assert_int_equal(open_fails(), -ENOENT);
	account_map_writer_close(create(BASE, 0, false));
	good = header_of();
#define OPENED_WITH(field, value, expected)               \
	do {                                              \
		header = good;                            \
		header.field = value;                     \
		put_header(&header);                      \
		assert_int_equal(open_fails(), expected); \
	} while (0)
	OPENED_WITH(magic[0], 'X', ENS_E_CORRUPT);
	OPENED_WITH(version, 2, ENS_E_VERSION);
	OPENED_WITH(uid_base, 0, ENS_E_CORRUPT);
	OPENED_WITH(uid_base, UID_BASE_MIN - 1, ENS_E_CORRUPT);
	OPENED_WITH(uid_base, UID_BASE_MAX + 1, ENS_E_CORRUPT);
	OPENED_WITH(limit, ACCOUNT_MAP_GROW_IDS + 8, ENS_E_CORRUPT);
	OPENED_WITH(limit, 12, ENS_E_CORRUPT);
	OPENED_WITH(limit, UINT32_MAX - 7, ENS_E_CORRUPT);
	OPENED_WITH(flags, ACCOUNT_MAP_RETIRED, ENS_E_STALE);
	put_header(&good);
	account_map_close(open_map());
}

static void
a_header_with_any_bit_turned_harms_nobody(void **state)
{
	struct account_map_header good;
	uint8_t bytes[sizeof(good)];

	(void)state;
	account_map_writer_close(create(BASE, 0, false));
	good = header_of();
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		const struct account_map *map = NULL;
		struct account_map_header header;
		uint32_t found;

		memcpy(bytes, &good, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		memcpy(&header, bytes, sizeof(header));
		put_header(&header);
		if (account_map_open(path, &map) != 0)
			continue;
		for (uint32_t i = 0; i < 32; i++) {
			account_map_has(map, 1U << i);
			account_map_has(map, (1U << i) - 1);
		}
		account_map_next(map, 0, &found);
		account_map_close(map);
	}
	put_header(&good);
}

static void
a_short_map_is_corrupt_wherever_it_is_cut(void **state)
{
	struct stat st;

	(void)state;
	account_map_writer_close(create(BASE, 0, false));
	assert_int_equal(stat(path, &st), 0);
	for (off_t size = st.st_size - 1; size >= 0;
	     size -= size > 64 ? 61 : 1) {
		assert_int_equal(truncate(path, size), 0);
		assert_int_equal(open_fails(), ENS_E_CORRUPT);
	}
	account_map_writer_close(create(BASE, 0, true));
}

static void
what_is_no_file_makes_nobody_wait(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_fails(), ENS_E_CORRUPT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(open_fails(), ENS_E_CORRUPT);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(open_fails(), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(open_fails(), -ELOOP);
}

static void
a_full_disk_leaves_the_map_as_it_was(void **state)
{
	struct account_map_writer *writer = create(BASE, 0, false);
	const struct account_map *map = open_map();
	struct account_map_header before = header_of(), after;
	struct rlimit old, small;

	(void)state;
	assert_int_equal(account_map_set(writer, 25880, true), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 128 * 1024;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(account_map_set(writer, 124718000, true), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	after = header_of();
	assert_memory_equal(&after, &before, sizeof(before));
	assert_true(account_map_has(map, 25880));
	assert_false(account_map_has(map, 124718000));
	/* And with room again it grows. */
	assert_int_equal(account_map_set(writer, 124718000, true), 0);
	assert_true(account_map_has(map, 124718000));
	account_map_close(map);
	account_map_writer_close(writer);
}

static void
a_mapping_keeps_no_descriptor(void **state)
{
	const struct account_map *map;
	int before, after;

	(void)state;
	account_map_writer_close(create(BASE, 0, false));
	before = open("/dev/null", O_RDONLY);
	close(before);
	map = open_map();
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(after, before);
	account_map_close(map);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_map_knows_nobody),
		TEST(a_change_is_seen_at_once_through_an_old_mapping),
		TEST(ids_that_cannot_exist_are_refused),
		TEST(the_map_grows_under_its_readers),
		TEST(random_changes_agree_with_a_model),
		TEST(an_existing_map_is_taken_up),
		TEST(the_enumeration_flag_follows_the_writer),
		TEST(another_uid_base_retires_the_map),
		TEST(a_map_left_retired_is_replaced),
		TEST(a_second_writer_is_turned_away),
		TEST(a_foreign_header_is_named_as_what_it_is),
		TEST(a_header_with_any_bit_turned_harms_nobody),
		TEST(a_short_map_is_corrupt_wherever_it_is_cut),
		TEST(what_is_no_file_makes_nobody_wait),
		TEST(a_full_disk_leaves_the_map_as_it_was),
		TEST(a_mapping_keeps_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
