#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/text.h"

static void
check(const char *text, const char *want)
{
	char buf[128];

	assert_int_equal(text_printable(text, buf, sizeof(buf)), strlen(want));
	assert_string_equal(buf, want);
	assert_int_equal(text_is_printable(text), strcmp(text, want) == 0);
	assert_true(text_is_printable(buf));
}

static void
ordinary_text_stays_as_it_is(void **state)
{
	(void)state;
	check("", "");
	check("cool-waterfall-59", "cool-waterfall-59");
	check("Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x90\x8e ~",
	    "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x90\x8e ~");
}

static void
what_could_steer_a_terminal_becomes_question_marks(void **state)
{
	(void)state;
	check("a\x1b[2Jb\r\n\tc\x7f", "a?[2Jb???c?");
	check("\xc2\x9b"
	      "31m",
	    "??31m");
	check("a\xe2\x80\xae"
	      "b",
	    "a???b");
	check("a\xe2\x81\xa6"
	      "b\xe2\x81\xa9",
	    "a???b???");
	check("a\xe2\x80\xa8\xe2\x80\xa9", "a??????");
}

static void
ill_formed_bytes_become_question_marks(void **state)
{
	(void)state;
	check("\x80", "?");
	check("\xc0\xaf", "??");
	check("\xc3", "?");
	check("\xe0\x80\x80", "???");
	check("\xed\xa0\x80", "???");
	check("\xf4\x90\x80\x80", "????");
	check("\xf0\x9f\x90", "???");
	check("\xff\xfe", "??");
}

static void
a_small_buffer_cuts_at_the_end_of_a_character(void **state)
{
	static const char text[] = "a\xc3\xab\xe2\x82\xac\xf0\x9f\x90\x8e";
	static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };
	char buf[16];

	(void)state;
	for (size_t size = 1; size < 12; size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(text_printable(text, buf, size),
		    ends[size - 1]);
		assert_int_equal(strlen(buf), ends[size - 1]);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
	}
}

static void
utf8_is_judged_by_rfc_3629(void **state)
{
	(void)state;
	assert_true(text_is_utf8("", 0));
	assert_true(text_is_utf8("\x1b\n", 2));
	assert_true(text_is_utf8("\xf4\x8f\xbf\xbf", 4));
	assert_false(text_is_utf8("a\0b", 3));
	assert_false(text_is_utf8("\xf4\x8f\xbf\xbf", 3));
	assert_false(text_is_utf8("\xc1\xbf", 2));
	for (uint32_t c = 0x80; c <= 0x10ffff; c++) {
		char b[4];
		size_t n;

		if (c < 0x800) {
			b[0] = (char)(0xc0 | c >> 6);
			b[1] = (char)(0x80 | (c & 0x3f));
			n = 2;
		} else if (c < 0x10000) {
			b[0] = (char)(0xe0 | c >> 12);
			b[1] = (char)(0x80 | (c >> 6 & 0x3f));
			b[2] = (char)(0x80 | (c & 0x3f));
			n = 3;
		} else {
			b[0] = (char)(0xf0 | c >> 18);
			b[1] = (char)(0x80 | (c >> 12 & 0x3f));
			b[2] = (char)(0x80 | (c >> 6 & 0x3f));
			b[3] = (char)(0x80 | (c & 0x3f));
			n = 4;
		}
		if (text_is_utf8(b, n) == (c >= 0xd800 && c <= 0xdfff))
			fail_msg("U+%04X", c);
	}
}

static void
expect_display(const char *in, size_t size, const char *out, bool changed)
{
	char buf[64];
	bool was_changed;

	assert_true(size <= sizeof(buf));
	assert_int_equal(text_display(in, strlen(in), buf, size, &was_changed),
	    strlen(out));
	assert_string_equal(buf, out);
	assert_int_equal(was_changed, changed);
	assert_true(text_is_printable(buf));
}

static void
a_text_for_people_loses_what_nobody_can_see(void **state)
{
	(void)state;
	expect_display("Zo\xc3\xab  M. (1)", 64, "Zo\xc3\xab  M. (1)", false);
	expect_display("", 64, "", false);
	expect_display("\tAnna\r\n Maier\n", 64, "Anna Maier", true);
	expect_display("a\t\tb\x85\xc2\x85"
	               "c",
	    64, "a b c", true);
	/* U+202E, U+200B, U+2066, U+FEFF, U+00AD, U+E0041, U+3164 */
	expect_display("a\xe2\x80\xae"
	               "b\xe2\x80\x8b"
	               "c\xe2\x81\xa6"
	               "d"
	               "\xef\xbb\xbf"
	               "e\xc2\xad"
	               "f\xf3\xa0\x81\x81"
	               "g"
	               "\xe3\x85\xa4"
	               "h",
	    64, "abcdefgh", true);
	/* What emoji are made of stays, but for the joiner. */
	expect_display("\xe2\x9d\xa4\xef\xb8\x8f", 64,
	    "\xe2\x9d\xa4\xef\xb8\x8f", false);
	expect_display("\x01\x7f\xff\xc3", 64, "", true);
	expect_display("\x1b[31mred", 64, "[31mred", true);
}

static void
a_text_for_people_is_cut_at_the_end_of_a_character(void **state)
{
	char buf[8];
	bool changed;

	(void)state;
	expect_display("abc", 4, "abc", false);
	expect_display("abcd", 4, "abc", true);
	expect_display("ab\xc3\xab", 4, "ab", true);
	expect_display("a\tbc", 3, "a", true);
	assert_int_equal(text_display("a\0b", 3, buf, sizeof(buf), &changed),
	    2);
	assert_string_equal(buf, "ab");
	assert_true(changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_text_stays_as_it_is),
		cmocka_unit_test(
		    what_could_steer_a_terminal_becomes_question_marks),
		cmocka_unit_test(ill_formed_bytes_become_question_marks),
		cmocka_unit_test(a_small_buffer_cuts_at_the_end_of_a_character),
		cmocka_unit_test(a_text_for_people_loses_what_nobody_can_see),
		cmocka_unit_test(
		    a_text_for_people_is_cut_at_the_end_of_a_character),
		cmocka_unit_test(utf8_is_judged_by_rfc_3629),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
