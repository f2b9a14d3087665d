#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/names/login_name.h"

static void
names_of_the_grammar_parse_and_format_back(void **state)
{
	static const struct {
		const char *text;
		uint32_t account, node;
	} cases[] = {
		{ "1", 1, 0 },
		{ "25880", 25880, 0 },
		{ "999999999", 999999999, 0 },
		{ "227028-25880", 25880, 227028 },
		{ "999999999-999999999", 999999999, 999999999 },
		{ "1-1", 1, 1 },
	};
	char text[LOGIN_TEXT_MAX + 1];
	struct login_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(login_name_parse(cases[i].text, &name), 0);
		assert_int_equal(name.account, cases[i].account);
		assert_int_equal(name.node, cases[i].node);
		assert_int_equal(login_name_format(&name, text, sizeof(text)),
		    strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

static void
everything_else_is_not_ours_and_leaves_the_output_alone(void **state)
{
	static const char *const cases[] = { "", "-", "0", "root", "025880",
		"25880-", "-25880", "1-0", "0-1", "1-01", "01-1", "1-1-1",
		"1--1", "+1", " 1", "1 ", "1\n", "1-\n", "1.0", "0x10", "1e3",
		"1000000000", "4294967297", "18446744073709551616",
		"1-1000000000", "1000000000-1", "99999999999999999999", "1a",
		"a1", "1-a", "\xc2\xb2", "1\x1b[m" };
	struct login_name name = { .account = 7, .node = 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(login_name_parse(cases[i], &name),
		    ENS_E_NOTFOUND);
		assert_int_equal(name.account, 7);
		assert_int_equal(name.node, 8);
	}
}

static void
every_other_byte_at_every_place_is_refused(void **state)
{
	const char good[] = "227028-25880";
	char text[sizeof(good)];
	struct login_name name;

	(void)state;
	for (size_t at = 0; at + 1 < sizeof(good); at++) {
		for (int c = 1; c < 256; c++) {
			memcpy(text, good, sizeof(good));
			text[at] = (char)c;
			if ((c >= '0' && c <= '9') || c == '-')
				continue;
			assert_int_equal(login_name_parse(text, &name),
			    ENS_E_NOTFOUND);
		}
	}
}

static void
at_most_twenty_bytes_are_read(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = map + page;
	struct login_name name;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(end, page, PROT_NONE), 0);
	memset(map, '9', page);
	end[-11] = '-';
	/* Twenty bytes without a NUL before memory ends. */
	assert_int_equal(login_name_parse(end - LOGIN_TEXT_MAX - 1, &name),
	    ENS_E_NOTFOUND);
	munmap(map, 2 * page);
}

static void
format_writes_nothing_into_a_small_buffer(void **state)
{
	struct login_name name = { .account = 25880, .node = 227028 };
	char text[16];

	(void)state;
	for (size_t size = 0; size <= 12; size++) {
		memset(text, '#', sizeof(text));
		assert_int_equal(login_name_format(&name, text, size), 0);
		for (size_t i = 0; i < sizeof(text); i++)
			assert_int_equal(text[i], '#');
	}
	assert_int_equal(login_name_format(&name, text, 13), 12);
	assert_string_equal(text, "227028-25880");
}

static void
numbers_are_canonical_and_bounded(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", "00", "01", "1 ",
		" 1", "1x", "x", "1.0" };
	uint32_t u32 = 5;
	uint64_t u64 = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse_u32(bad[i], UINT32_MAX, &u32),
		    ENS_E_SYNTAX);
		assert_int_equal(parse_u64(bad[i], UINT64_MAX, &u64),
		    ENS_E_SYNTAX);
	}
	assert_int_equal(parse_u32("4294967296", UINT32_MAX, &u32),
	    ENS_E_RANGE);
	assert_int_equal(parse_u32("11", 10, &u32), ENS_E_RANGE);
	assert_int_equal(parse_u64("18446744073709551616", UINT64_MAX, &u64),
	    ENS_E_RANGE);
	assert_int_equal(parse_u64("99999999999999999999999", UINT64_MAX, &u64),
	    ENS_E_RANGE);
	assert_int_equal(u32, 5);
	assert_int_equal(u64, 5);
	assert_int_equal(parse_u32("0", 0, &u32), 0);
	assert_int_equal(u32, 0);
	assert_int_equal(parse_u32("4294967295", UINT32_MAX, &u32), 0);
	assert_int_equal(u32, UINT32_MAX);
	assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &u64),
	    0);
	assert_true(u64 == UINT64_MAX);
}

static void
every_error_has_words(void **state)
{
	(void)state;
	assert_string_equal(error_text(0), "success");
	for (int e = ENS_E_KEY_OPTION; e <= ENS_E_NOTFOUND; e++) {
		assert_string_not_equal(error_text(e), "unknown error");
		assert_true(strlen(error_text(e)) > 0);
	}
	assert_string_equal(error_text(-2), "No such file or directory");
	assert_string_equal(error_text(ENS_E_KEY_OPTION - 1), "unknown error");
	assert_string_equal(error_text(-999), "unknown error");
	assert_string_equal(error_text(1), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_grammar_parse_and_format_back),
		cmocka_unit_test(
		    everything_else_is_not_ours_and_leaves_the_output_alone),
		cmocka_unit_test(every_other_byte_at_every_place_is_refused),
		cmocka_unit_test(at_most_twenty_bytes_are_read),
		cmocka_unit_test(format_writes_nothing_into_a_small_buffer),
		cmocka_unit_test(numbers_are_canonical_and_bounded),
		cmocka_unit_test(every_error_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
