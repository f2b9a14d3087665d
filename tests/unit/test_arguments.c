/* Command lines, and what is said about wrong ones. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arguments.h"

static const char *file;
static bool check, wide;
static const struct argument options[] = {
	{ .letter = 'f',
	    .name = "file",
	    .value = "FILE",
	    .help = "a file",
	    .ret_text = &file },
	{ .letter = 't',
	    .name = "check",
	    .help = "checks",
	    .ret_given = &check },
	{ .name = "wide", .help = "is wide", .ret_given = &wide },
};
static struct arguments program = {
	.name = "enscale-test",
	.synopsis = "[-t] [-f FILE]",
	.options = options,
	.option_count = 3,
};
static int words;
static char said[1024], complained[1024];

/* What went through a descriptor since it was put there. */
static void
take(FILE *stream, FILE *temporary, int kept, char *buf, size_t size)
{
	size_t len;

	fflush(stream);
	rewind(temporary);
	len = fread(buf, 1, size - 1, temporary);
	buf[len] = '\0';
	assert_true(dup2(kept, fileno(stream)) >= 0);
	close(kept);
	fclose(temporary);
}

typedef int reader(int argc, char **argv);

static int
parse(int argc, char **argv)
{
	return arguments_parse(&program, argc, argv, &words);
}

static int
answer(int argc, char **argv)
{
	return arguments_answer(&program, argc, argv);
}

/* The code; said and complained are what was printed. */
static int
run(reader *read_line, const char *line)
{
	char copy[128], *rest = copy, *argv[8] = { 0 };
	FILE *out = tmpfile(), *error = tmpfile();
	int argc = 0, code, kept_out, kept_error;

	assert_true(out != NULL && error != NULL);
	snprintf(copy, sizeof(copy), "%s", line);
	while (rest != NULL)
		argv[argc++] = strsep(&rest, " ");
	fflush(stdout);
	kept_out = dup(STDOUT_FILENO);
	kept_error = dup(STDERR_FILENO);
	assert_true(dup2(fileno(out), STDOUT_FILENO) >= 0);
	assert_true(dup2(fileno(error), STDERR_FILENO) >= 0);
	file = NULL;
	check = wide = false;
	words = 0;
	code = read_line(argc, argv);
	take(stdout, out, kept_out, said, sizeof(said));
	take(stderr, error, kept_error, complained, sizeof(complained));
	return code;
}

static void
options_are_taken_by_letter_and_by_name(void **state)
{
	(void)state;
	assert_int_equal(run(parse, "x -t -f one --wide"), ARGUMENTS_GO_ON);
	assert_true(check && wide);
	assert_int_equal(words, 5);
	assert_int_equal(run(parse, "x --check --file=two"), ARGUMENTS_GO_ON);
	assert_true(check && !wide);
	assert_int_equal(run(parse, "x"), ARGUMENTS_GO_ON);
	assert_true(!check && file == NULL && words == 1);
	assert_string_equal(said, "");
	assert_string_equal(complained, "");
}

static void
help_is_made_of_the_options(void **state)
{
	static const char *const asked[] = { "x -h", "x --help", "x -t -h" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(run(parse, asked[i]), EXIT_SUCCESS);
		assert_string_equal(said,
		    "usage: enscale-test [-t] [-f FILE]\n"
		    "  -f, --file FILE     a file\n"
		    "  -t, --check         checks\n"
		    "  --wide              is wide\n"
		    "  -h, --help          print this\n"
		    "  -V, --version       print the version\n");
		assert_string_equal(complained, "");
	}
}

static void
an_answer_that_nobody_gets_is_a_failure(void **state)
{
	char name[] = "x", option[] = "-V";
	char *argv[] = { name, option, NULL };
	FILE *kept = stdout;

	(void)state;
	stdout = fopen("/dev/full", "we");
	assert_true(stdout != NULL);
	assert_int_equal(parse(2, argv), EXIT_FAILURE);
	fclose(stdout);
	stdout = kept;
}

static void
the_version_is_that_of_the_package(void **state)
{
	(void)state;
	assert_int_equal(run(parse, "x --version"), EXIT_SUCCESS);
	assert_string_equal(said,
	    "enscale-test (" PACKAGE_NAME ") " PACKAGE_VERSION "\n");
	assert_int_equal(run(answer, "x -V"), EXIT_SUCCESS);
	assert_string_equal(said,
	    "enscale-test (" PACKAGE_NAME ") " PACKAGE_VERSION "\n");
}

static void
what_is_not_known_is_named(void **state)
{
	static const char *const wrong[][2] = {
		{ "x -x", "unknown option \"-x\"" },
		{ "x --check -tx", "unknown option \"-x\"" },
		{ "x --nothing", "unknown option \"--nothing\"" },
		{ "x --wide=1", "unknown option \"--wide=1\"" },
		{ "x -f", "no value behind \"-f\"" },
		{ "x -t word", "unknown argument \"word\"" },
		{ "x --no\033thing", "unknown option \"--no?thing\"" },
	};
	char want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(run(parse, wrong[i][0]), EX_USAGE);
		snprintf(want, sizeof(want),
		    "enscale-test: %s: see enscale-test --help\n", wrong[i][1]);
		assert_string_equal(complained, want);
		assert_string_equal(said, "");
	}
}

static void
a_program_that_takes_words_leaves_their_options_to_them(void **state)
{
	(void)state;
	program.takes_words = true;
	assert_int_equal(run(parse, "x -t word --help"), ARGUMENTS_GO_ON);
	assert_int_equal(words, 2);
	assert_int_equal(run(parse, "x -t -- -f"), ARGUMENTS_GO_ON);
	assert_int_equal(words, 3);
	program.takes_words = false;
}

static void
a_question_among_other_words_is_none(void **state)
{
	(void)state;
	assert_int_equal(run(answer, "x --help"), EXIT_SUCCESS);
	assert_true(strncmp(said, "usage: enscale-test", 19) == 0);
	assert_int_equal(run(answer, "x"), ARGUMENTS_GO_ON);
	assert_int_equal(run(answer, "x --help SHA256:x"), ARGUMENTS_GO_ON);
	assert_int_equal(run(answer, "x -c --help"), ARGUMENTS_GO_ON);
	assert_int_equal(run(answer, "x --hel"), ARGUMENTS_GO_ON);
	assert_string_equal(said, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_taken_by_letter_and_by_name),
		cmocka_unit_test(help_is_made_of_the_options),
		cmocka_unit_test(an_answer_that_nobody_gets_is_a_failure),
		cmocka_unit_test(the_version_is_that_of_the_package),
		cmocka_unit_test(what_is_not_known_is_named),
		cmocka_unit_test(
		    a_program_that_takes_words_leaves_their_options_to_them),
		cmocka_unit_test(a_question_among_other_words_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
