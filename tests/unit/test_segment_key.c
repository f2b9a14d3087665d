#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cdb.h>
#include <cmocka.h>

#include "common/base/errors.h"
#include "common/view/segment_key.h"

static int
compare_hashes(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* cdb looks for a row among all with its hash, each somewhere in the file. */
static void
ids_are_told_apart_by_their_hashes(void **state)
{
	static const uint32_t steps[] = { 1, 2, 256, 1000 };
	static unsigned int hashes[100000];
	const uint32_t count = sizeof(hashes) / sizeof(hashes[0]);

	(void)state;
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		uint32_t shared = 0;

		for (uint32_t i = 0; i < count; i++) {
			struct record_key key = record_key_id(RECORD_ACCOUNT,
			    20000 + i * steps[s]);
			struct segment_key filed = segment_key_of(&key);

			hashes[i] = cdb_hash(filed.data, filed.len);
		}
		qsort(hashes, count, sizeof(hashes[0]), compare_hashes);
		for (uint32_t i = 1; i < count; i++)
			shared += hashes[i] == hashes[i - 1];
		assert_in_range(shared, 0, count / 50);
	}
}

static void
a_row_whose_key_is_not_its_own_is_none(void **state)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, 25880), read;
	struct segment_key filed = segment_key_of(&key);

	(void)state;
	assert_int_equal(segment_key_read(filed.data, filed.len, &read), 0);
	assert_int_equal(read.len, key.len);
	assert_memory_equal(read.data, key.data, key.len);
	for (unsigned int i = 0; i < 8 * filed.len; i++) {
		filed.data[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(segment_key_read(filed.data, filed.len, &read),
		    ENS_E_CORRUPT);
		filed.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (unsigned int len = 0; len < filed.len; len++)
		assert_int_equal(segment_key_read(filed.data, len, &read),
		    ENS_E_CORRUPT);
	assert_int_equal(segment_key_read(NULL, filed.len, &read),
	    ENS_E_CORRUPT);
	key.len = 0;
	assert_int_equal(segment_key_of(&key).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_told_apart_by_their_hashes),
		cmocka_unit_test(a_row_whose_key_is_not_its_own_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
