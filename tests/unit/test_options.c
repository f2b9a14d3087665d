/* Unit tests of enscalectl/options. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enscalectl/options.h"

#define WORDS_MAX 8

static const struct option table[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "password-file", required_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

/* What was taken: "j", "p=FILE". */
struct taken {
	char text[128];
	bool refuses;
};

static bool
take(void *arg, int option, const char *value)
{
	struct taken *taken = arg;
	size_t used = strlen(taken->text);

	snprintf(taken->text + used, sizeof(taken->text) - used, "%c%s%s ",
	    option, value != NULL ? "=" : "", value != NULL ? value : "");
	return !taken->refuses;
}

/* The words of a line, of which the first is the verb; what they become. */
static bool
read_line(char *line, struct taken *taken, char **ret_words[], int *ret_count)
{
	static char *argv[WORDS_MAX + 1];
	int argc = 0, first;
	char *word;

	memset(argv, 0, sizeof(argv));
	while ((word = strsep(&line, " ")) != NULL && argc < WORDS_MAX)
		argv[argc++] = word;
	if (!options_read(table, argc - 1, argv + 1, take, taken, &first))
		return false;
	*ret_words = argv + 1 + first;
	*ret_count = argc - 1 - first;
	return true;
}

static void
options_stand_anywhere_between_the_words(void **state)
{
	char line[] = "verb one --password-file /p two --json three";
	struct taken taken = { .text = "" };
	char **words;
	int count;

	(void)state;
	assert_true(read_line(line, &taken, &words, &count));
	assert_string_equal(taken.text, "p=/p j ");
	assert_int_equal(count, 3);
	assert_string_equal(words[0], "one");
	assert_string_equal(words[2], "three");
}

static void
a_secret_behind_the_beginning_of_an_option_is_no_files_name(void **state)
{
	static const char *const wrong[] = { "verb --password secret",
		"verb --password=secret", "verb --p secret", "verb --js",
		"verb one two --pass secret" };
	struct taken taken = { .text = "" };
	char **words, line[64];
	int count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line), "%s", wrong[i]);
		assert_false(read_line(line, &taken, &words, &count));
	}
	assert_string_equal(taken.text, "");
}

static void
what_is_behind_two_hyphens_is_a_word(void **state)
{
	char line[] = "verb --json -- --password";
	struct taken taken = { .text = "" };
	char **words;
	int count;

	(void)state;
	assert_true(read_line(line, &taken, &words, &count));
	assert_int_equal(count, 1);
	assert_string_equal(words[0], "--password");
}

static void
what_is_no_option_or_is_not_right_is_refused(void **state)
{
	static const char *const wrong[] = { "verb --colour", "verb -j",
		"verb --json=yes", "verb --password-file" };
	struct taken taken = { .text = "" };
	char **words, line[64];
	int count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(line, sizeof(line), "%s", wrong[i]);
		assert_false(read_line(line, &taken, &words, &count));
	}
	taken.refuses = true;
	snprintf(line, sizeof(line), "verb --json");
	assert_false(read_line(line, &taken, &words, &count));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere_between_the_words),
		cmocka_unit_test(
		    a_secret_behind_the_beginning_of_an_option_is_no_files_name),
		cmocka_unit_test(what_is_behind_two_hyphens_is_a_word),
		cmocka_unit_test(what_is_no_option_or_is_not_right_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
