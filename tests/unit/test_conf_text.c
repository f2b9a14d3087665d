/* Unit tests of enscalectl/conf_text. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enscalectl/conf_text.h"

static void
becomes(const char *before, const char *value, const char *after)
{
	char *text = NULL, *again = NULL;

	assert_int_equal(conf_text_set(before, "a", "key", value, &text), 0);
	assert_string_equal(text, after);
	/* What is so already stays so. */
	assert_int_equal(conf_text_set(text, "a", "key", value, &again), 0);
	assert_string_equal(again, text);
	free(text);
	free(again);
}

static void
the_line_of_the_key_gets_the_value(void **state)
{
	(void)state;
	becomes("[a]\nkey = 1\nother = 2\n", "3", "[a]\nkey = 3\nother = 2\n");
	becomes("[a]\nkey=1\n", "3", "[a]\nkey = 3\n");
	becomes("[a]\nkey : 1", "3", "[a]\nkey = 3\n");
	/* One that is set counts, wherever the comment stands. */
	becomes("[a]\n#key = 0\nkey = 1\n", "3", "[a]\n#key = 0\nkey = 3\n");
}

static void
a_commented_line_is_where_the_value_goes(void **state)
{
	(void)state;
	becomes("[a]\n# About the key.\n#key = 1\n\n[b]\n", "3",
	    "[a]\n# About the key.\nkey = 3\n\n[b]\n");
	/* Not words about it, and not another key. */
	becomes("[a]\n# key = 1\n#keys = 1\n#key is 1\n", "3",
	    "[a]\n# key = 1\n#keys = 1\n#key is 1\nkey = 3\n");
}

static void
other_sections_are_left_alone(void **state)
{
	(void)state;
	becomes("[b]\nkey = 1\n[a]\n#key = 1\n[ab]\nkey = 1\n", "3",
	    "[b]\nkey = 1\n[a]\nkey = 3\n[ab]\nkey = 1\n");
}

static void
a_new_line_goes_to_the_end_of_its_section(void **state)
{
	(void)state;
	becomes("[a]\nother = 1\n\n\n[b]\n", "3",
	    "[a]\nother = 1\nkey = 3\n\n\n[b]\n");
	becomes("[a]", "3", "[a]\nkey = 3\n");
	becomes("[b]\nkey = 1\n", "3", "[b]\nkey = 1\n\n[a]\nkey = 3\n");
	becomes("", "3", "[a]\nkey = 3\n");
}

static void
without_a_value_the_line_becomes_a_comment(void **state)
{
	(void)state;
	becomes("[a]\nkey = 1\n", NULL, "[a]\n#key = 1\n");
	becomes("[a]\n#key = 1\n", NULL, "[a]\n#key = 1\n");
	becomes("[b]\n", NULL, "[b]\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_the_key_gets_the_value),
		cmocka_unit_test(a_commented_line_is_where_the_value_goes),
		cmocka_unit_test(other_sections_are_left_alone),
		cmocka_unit_test(a_new_line_goes_to_the_end_of_its_section),
		cmocka_unit_test(without_a_value_the_line_becomes_a_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
