/* Unit tests of enscalectl/output, elsewhere than on a terminal. */
#include <config.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscalectl/output.h"

/* As a log may have it: escape sequences, a direction mark, two lines. */
#define WILD                      \
	"a\x1b[2Jb\tc\nd\xc2\x9b" \
	"e\xe2\x80\xae"           \
	"f"

static char said[4096];

/* What printing the record says. */
static void
print(json_t *object, bool json, bool details)
{
	int before = dup(STDOUT_FILENO), memory = memfd_create("said", 0);
	struct output output;
	ssize_t n;

	fflush(stdout);
	assert_true(before >= 0 && memory >= 0);
	assert_true(dup2(memory, STDOUT_FILENO) >= 0);
	output_begin(&output, json);
	if (details)
		output_details(&output, object);
	else
		output_record(&output, object);
	output_end(&output);
	fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	n = pread(memory, said, sizeof(said) - 1, 0);
	assert_true(n >= 0);
	said[n] = '\0';
	close(before);
	close(memory);
}

static void
what_a_terminal_would_obey_is_not_printed(void **state)
{
	(void)state;
	print(json_pack("{s:s, s:[s], s:i}", "one", WILD, "list", WILD, "n", 3),
	    false, false);
	assert_string_equal(said, "a?[2Jb?c?d??e???f\ta?[2Jb?c?d??e???f\t3\n");
	print(json_pack("{s:s}", "one", WILD), false, true);
	assert_string_equal(said, "a?[2Jb?c?d??e???f\n");
}

static void
json_is_ascii(void **state)
{
	(void)state;
	print(json_pack("{s:s}", "one", "\x1b\xc2\x9b"), true, false);
	assert_string_equal(said, "[{\"one\":\"\\u001B\\u009B\"}]\n");
}

static void
what_is_not_given_is_empty_or_null(void **state)
{
	(void)state;
	print(json_pack("{s:o, s:o, s:b}", "a", output_text(""), "b",
	          output_time(0), "c", 1),
	    false, false);
	assert_string_equal(said, "\t\tyes\n");
	print(json_pack("{s:o, s:o}", "a", output_text(NULL), "b",
	          output_time(1763850000)),
	    true, false);
	assert_string_equal(said,
	    "[{\"a\":null,\"b\":\"2025-11-22T22:20:00Z\"}]\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_would_obey_is_not_printed),
		cmocka_unit_test(json_is_ascii),
		cmocka_unit_test(what_is_not_given_is_empty_or_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
