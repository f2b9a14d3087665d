#include <config.h>

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
#include <unistd.h>

#include <cmocka.h>

#include "enscale_sync/uuid_list.h"

static char dir[64];
static int dir_fd;
static struct uuid_list *list;

static int
make(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/enscale-test-uuids-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dir_fd >= 0);
	assert_int_equal(uuid_list_new(dir_fd, &list), 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	uuid_list_free(list);
	assert_int_equal(close(dir_fd), 0);
	/* The file had no name. */
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static const uint8_t *
uuid_of(uint32_t number)
{
	static uint8_t uuid[ENTRY_UUID_LEN];

	for (int i = 0; i < 4; i++)
		uuid[i] = (uint8_t)(number >> (24 - 8 * i));
	return uuid;
}

/* Even numbers below 2 * count, in the order of a walk that meets each once
 * (step has no factor in common with count). */
static void
add_even(uint32_t count, uint32_t step)
{
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(uuid_list_add(list,
		                     uuid_of((uint32_t)(i * step % count) * 2)),
		    0);
}

static void
assert_even(uint32_t count, uint32_t from, uint32_t step)
{
	uint32_t wrong = 0;
	bool has;

	assert_int_equal(uuid_list_rewind(list), 0);
	for (uint32_t i = from; i < 2 * count + 10; i += step) {
		assert_int_equal(uuid_list_has(list, uuid_of(i), &has), 0);
		wrong += has != (i % 2 == 0 && i < 2 * count);
	}
	assert_int_equal(wrong, 0);
}

static void
an_empty_one_has_none(void **state)
{
	(void)state;
	assert_even(0, 0, 1);
}

static void
a_few_are_found(void **state)
{
	(void)state;
	add_even(1000, 7);
	assert_even(1000, 0, 1);
}

static void
more_than_memory_is_there_for_are_found(void **state)
{
	(void)state;
	add_even(1000003, 7919);
	assert_even(1000003, 0, 1);
	/* And again, also by who asks for a few of them only. */
	assert_even(1000003, 1000, 997);
}

static void
whole_runs_are_found(void **state)
{
	(void)state;
	add_even(2 * 256 * 1024, 7919);
	assert_even(2 * 256 * 1024, 0, 1);
}

static void
one_that_came_twice_is_there(void **state)
{
	(void)state;
	add_even(300000, 7);
	add_even(300000, 11);
	assert_even(300000, 0, 1);
}

static void
without_a_file_more_is_an_error(void **state)
{
	int r = 0;

	(void)state;
	uuid_list_free(list);
	assert_int_equal(uuid_list_new(-1, &list), 0);
	for (uint32_t i = 0; i < 300000 && r == 0; i++)
		r = uuid_list_add(list, uuid_of(i));
	assert_int_equal(r, -EBADF);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_one_has_none),
		TEST(a_few_are_found),
		TEST(more_than_memory_is_there_for_are_found),
		TEST(whole_runs_are_found),
		TEST(one_that_came_twice_is_there),
		TEST(without_a_file_more_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
