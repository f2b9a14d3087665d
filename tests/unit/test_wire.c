/* Byte cursors: every cut, every limit. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/base/wire.h"

#define ALL_LEN (1 + 2 + 4 + 8 + 4 + 3 + 4 + 2 + 1)

/* One of everything. */
static void
write_all(struct wire_writer *writer)
{
	wire_write_u8(writer, 0xfe);
	wire_write_u16(writer, 0x1234);
	wire_write_u32(writer, 0xdeadbeef);
	wire_write_u64(writer, 0x0123456789abcdef);
	wire_write_string(writer, "a\0b", 3);
	wire_write_text(writer, "hi");
}

static int
read_all(const uint8_t *data, size_t len)
{
	struct wire_reader reader;

	wire_read_init(&reader, data, len);
	if (wire_read_u8(&reader) != 0xfe || wire_read_u16(&reader) != 0x1234 ||
	    wire_read_u32(&reader) != 0xdeadbeef ||
	    wire_read_u64(&reader) != 0x0123456789abcdef)
		return -1;
	if (!bytes_equal(wire_read_string(&reader),
	        (struct bytes){ (const uint8_t *)"a\0b", 3 }))
		return -1;
	if (strcmp(wire_read_text(&reader, 2), "hi") != 0)
		return -1;
	return wire_read_end(&reader);
}

static void
what_is_written_is_read_again(void **state)
{
	uint8_t buf[ALL_LEN];
	struct wire_writer writer;

	(void)state;
	wire_write_init(&writer, buf, sizeof(buf));
	write_all(&writer);
	assert_int_equal(writer.error, 0);
	assert_int_equal(writer.len, ALL_LEN);
	assert_memory_equal(buf, "\xfe\x12\x34\xde\xad\xbe\xef", 7);
	assert_int_equal(read_all(buf, sizeof(buf)), 0);
}

static void
a_cut_input_is_corrupt_wherever_it_is_cut(void **state)
{
	uint8_t buf[ALL_LEN];
	struct wire_writer writer;

	(void)state;
	wire_write_init(&writer, buf, sizeof(buf));
	write_all(&writer);
	for (size_t len = 0; len < sizeof(buf); len++) {
		uint8_t *cut = malloc(len == 0 ? 1 : len);

		assert_non_null(cut);
		memcpy(cut, buf, len);
		assert_int_not_equal(read_all(cut, len), 0);
		free(cut);
	}
}

static void
nothing_is_read_after_an_error(void **state)
{
	struct wire_reader reader;

	(void)state;
	wire_read_init(&reader,
	    "\0\0\0\x7f"
	    "abcd",
	    8);
	assert_int_equal(wire_read_string(&reader).len, 0);
	assert_int_equal(reader.error, ENS_E_CORRUPT);
	assert_int_equal(wire_read_u8(&reader), 0);
	assert_int_equal(wire_read_u32(&reader), 0);
	assert_null(wire_read_bytes(&reader, 1).data);
	assert_string_equal(wire_read_text(&reader, 10), "");
	assert_int_equal(wire_read_end(&reader), ENS_E_CORRUPT);
}

static void
what_is_left_over_is_an_error(void **state)
{
	struct wire_reader reader;

	(void)state;
	wire_read_init(&reader, "ab", 2);
	wire_read_u8(&reader);
	assert_int_equal(wire_read_end(&reader), ENS_E_CORRUPT);
	wire_read_u8(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
}

static int
read_text(const char *data, size_t len, size_t max)
{
	struct wire_reader reader;

	wire_read_init(&reader, data, len);
	wire_read_text(&reader, max);
	return wire_read_end(&reader);
}

static void
a_text_ends_with_its_only_nul(void **state)
{
	(void)state;
	assert_int_equal(read_text("\0\0\0\2ab\0", 7, 2), 0);
	assert_int_equal(read_text("\0\0\0\0\0", 5, 0), 0);
	assert_int_not_equal(read_text("\0\0\0\2ab\0", 7, 1), 0);
	assert_int_not_equal(read_text("\0\0\0\2abc", 7, 2), 0);
	assert_int_not_equal(read_text("\0\0\0\2a\0\0", 7, 2), 0);
	assert_int_not_equal(read_text("\0\0\0\2\0b\0", 7, 2), 0);
	assert_int_not_equal(read_text("\xff\xff\xff\xff"
	                               "ab",
	                         6, SIZE_MAX),
	    0);
}

static void
a_full_buffer_is_a_limit_and_not_overrun(void **state)
{
	(void)state;
	for (size_t size = 0; size < ALL_LEN; size++) {
		uint8_t *buf = malloc(size == 0 ? 1 : size);
		struct wire_writer writer;

		assert_non_null(buf);
		wire_write_init(&writer, buf, size);
		write_all(&writer);
		assert_int_equal(writer.error, ENS_E_LIMIT);
		assert_true(writer.len <= size);
		free(buf);
	}
}

static void
a_growing_writer_grows_up_to_its_limit(void **state)
{
	struct wire_writer writer;

	(void)state;
	wire_write_init_growing(&writer, 1000);
	for (int i = 0; i < 1000; i++)
		wire_write_u8(&writer, (uint8_t)i);
	assert_int_equal(writer.error, 0);
	assert_int_equal(writer.len, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(writer.data[i], (uint8_t)i);
	wire_write_u8(&writer, 1);
	assert_int_equal(writer.error, ENS_E_LIMIT);
	wire_write_free(&writer);
	assert_null(writer.data);
}

static void
strings_of_unknown_length_nest(void **state)
{
	struct wire_writer writer;
	size_t outer, inner;

	(void)state;
	wire_write_init_growing(&writer, 64);
	outer = wire_write_begin_string(&writer);
	wire_write_u8(&writer, 'x');
	inner = wire_write_begin_string(&writer);
	wire_write_cstring(&writer, "yz");
	wire_write_end_string(&writer, inner);
	wire_write_end_string(&writer, outer);
	assert_int_equal(writer.error, 0);
	assert_int_equal(writer.len, 15);
	assert_memory_equal(writer.data, "\0\0\0\x0bx\0\0\0\6\0\0\0\2yz", 15);
	wire_write_free(&writer);
}

static void
a_string_that_did_not_fit_is_not_filled_in(void **state)
{
	uint8_t buf[6] = "AAAAA";
	struct wire_writer writer;
	size_t place;

	(void)state;
	wire_write_init(&writer, buf, 3);
	place = wire_write_begin_string(&writer);
	wire_write_end_string(&writer, place);
	assert_int_equal(writer.error, ENS_E_LIMIT);
	assert_memory_equal(buf, "AAAAA", 6);
}

static void
bytes_are_compared_in_full(void **state)
{
	const struct bytes ab = { (const uint8_t *)"ab", 2 };

	(void)state;
	assert_true(bytes_equal_text(ab, "ab"));
	assert_false(bytes_equal_text(ab, "a"));
	assert_false(bytes_equal_text(ab, "abc"));
	assert_true(bytes_equal((struct bytes){ NULL, 0 },
	    (struct bytes){ ab.data, 0 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_cut_input_is_corrupt_wherever_it_is_cut),
		cmocka_unit_test(nothing_is_read_after_an_error),
		cmocka_unit_test(what_is_left_over_is_an_error),
		cmocka_unit_test(a_text_ends_with_its_only_nul),
		cmocka_unit_test(a_full_buffer_is_a_limit_and_not_overrun),
		cmocka_unit_test(a_growing_writer_grows_up_to_its_limit),
		cmocka_unit_test(strings_of_unknown_length_nest),
		cmocka_unit_test(a_string_that_did_not_fit_is_not_filled_in),
		cmocka_unit_test(bytes_are_compared_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
