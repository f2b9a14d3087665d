/* Unit tests of enscale_shell/menu_line. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "enscale_shell/menu_line.h"

static const struct menu_line_keys usual = {
	.erase = 0x7f,
	.word_erase = 'W' - '@',
	.kill = 'U' - '@',
	.interrupt = 'C' - '@',
	.quit = '\\' - '@',
	.end = 'D' - '@',
};

static struct menu_line line;
static char *shown; /* owned */

static int
free_shown(void **state)
{
	(void)state;
	free(shown);
	shown = NULL;
	return 0;
}

/* Types all of it into an empty line; what the last byte made of it. */
static enum menu_line_state
type_keys(const char *bytes, size_t len, const struct menu_line_keys *keys)
{
	enum menu_line_state state = MENU_LINE_OPEN;
	size_t size, i;
	FILE *out;

	free(shown);
	out = open_memstream(&shown, &size);
	assert_non_null(out);
	menu_line_clear(&line);
	for (i = 0; i < len; i++) {
		assert_int_equal(state, MENU_LINE_OPEN);
		state = menu_line_take(&line, keys, (unsigned char)bytes[i],
		    out);
	}
	fclose(out);
	return state;
}

static enum menu_line_state
type(const char *bytes)
{
	return type_keys(bytes, strlen(bytes), &usual);
}

static void
either_end_makes_a_line_whole_and_every_byte_is_shown(void **state)
{
	(void)state;
	assert_int_equal(type("cool \303\274\r"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "cool \303\274");
	assert_string_equal(shown, "cool \303\274\n");
	assert_int_equal(type("\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "");
	assert_int_equal(type("12"), MENU_LINE_OPEN);
}

static void
erasing_takes_a_character_a_word_or_all(void **state)
{
	(void)state;
	assert_int_equal(type("ab\303\274\177\bc\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "ac");
	assert_string_equal(shown, "ab\303\274\b \b\b \bc\n");
	assert_int_equal(type("one two  \027x\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "one x");
	assert_int_equal(type("gone\025\177\027left\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "left");
}

static void
what_shows_as_two_columns_is_erased_as_two(void **state)
{
	(void)state;
	assert_int_equal(type("\033\1771\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "1");
	assert_string_equal(shown, "^[\b\b  \b\b1\n");
}

static void
control_c_goes_back_and_control_d_leaves_or_ends_the_line(void **state)
{
	(void)state;
	assert_int_equal(type("12\003"), MENU_LINE_BACK);
	assert_int_equal(type("12\034"), MENU_LINE_BACK);
	assert_int_equal(type("\004"), MENU_LINE_LEAVE);
	assert_int_equal(type("12\004"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "12");
}

static void
keys_are_the_clients_own_and_a_missing_one_is_no_key(void **state)
{
	struct menu_line_keys own = usual;

	(void)state;
	own.interrupt = 'A' - '@';
	assert_int_equal(type_keys("1\001", 2, &own), MENU_LINE_BACK);
	assert_int_equal(type_keys("1\003\n", 3, &own), MENU_LINE_RUBBISH);
	own.interrupt = own.quit = 0;
	assert_int_equal(type_keys("1\0\n", 3, &own), MENU_LINE_RUBBISH);
}

static void
a_terminals_answer_is_rubbish_and_a_tab_is_not(void **state)
{
	(void)state;
	assert_int_equal(type("\033[?1;2c\n"), MENU_LINE_RUBBISH);
	assert_string_equal(shown, "^[[?1;2c\n");
	assert_int_equal(type("1\t2\n"), MENU_LINE_WHOLE);
	assert_string_equal(line.text, "1\t2");
}

static void
a_line_over_the_limit_is_rubbish_and_never_cut(void **state)
{
	AUTO_FREE char *bytes = calloc(1, MENU_LINE_MAX + 4);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, ' ', MENU_LINE_MAX - 1);
	memcpy(bytes + MENU_LINE_MAX - 1, "1\n", 3);
	assert_int_equal(type(bytes), MENU_LINE_WHOLE);
	assert_int_equal(strlen(line.text), MENU_LINE_MAX);
	memcpy(bytes + MENU_LINE_MAX - 1, "12\n", 4);
	assert_int_equal(type(bytes), MENU_LINE_RUBBISH);
	assert_int_equal(type("1\n"), MENU_LINE_WHOLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    either_end_makes_a_line_whole_and_every_byte_is_shown),
		cmocka_unit_test(erasing_takes_a_character_a_word_or_all),
		cmocka_unit_test(what_shows_as_two_columns_is_erased_as_two),
		cmocka_unit_test(
		    control_c_goes_back_and_control_d_leaves_or_ends_the_line),
		cmocka_unit_test(
		    keys_are_the_clients_own_and_a_missing_one_is_no_key),
		cmocka_unit_test(
		    a_terminals_answer_is_rubbish_and_a_tab_is_not),
		cmocka_unit_test(
		    a_line_over_the_limit_is_rubbish_and_never_cut),
	};

	return cmocka_run_group_tests(tests, NULL, free_shown);
}
