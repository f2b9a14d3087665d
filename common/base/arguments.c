/* Command lines. See arguments.h. */
#include <config.h>

#include "common/base/arguments.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/base/text.h"

#define SHOWN_MAX 256 /* of what somebody wrote */
/* Two letters of each option, those of -h and -V, "+:" and the end. */
#define LETTERS_MAX (2 * ARGUMENTS_OPTIONS_MAX + 5)
/* What getopt_long() returns for an option without a letter: its row. */
#define ROW_BASE 256

static const struct argument common_options[] = {
	{ .letter = 'h', .name = "help", .help = "print this" },
	{ .letter = 'V', .name = "version", .help = "print the version" },
};

#define COMMON_COUNT (sizeof(common_options) / sizeof(common_options[0]))

/* ---- help --------------------------------------------------------------- */

/* "-f, --config FILE" */
static void
format_option(const struct argument *option, char *buf, size_t size)
{
	char letter[] = { '-', option->letter, '\0' };

	snprintf(buf, size, "%s%s%s%s%s%s", option->letter != 0 ? letter : "",
	    option->letter != 0 && option->name != NULL ? ", " : "",
	    option->name != NULL ? "--" : "",
	    option->name != NULL ? option->name : "",
	    option->value != NULL ? " " : "",
	    option->value != NULL ? option->value : "");
}

static void
print_options(const struct argument *options, size_t count, FILE *out)
{
	char text[64];

	for (size_t i = 0; i < count; i++) {
		format_option(&options[i], text, sizeof(text));
		fprintf(out, "  %-19s %s\n", text, options[i].help);
	}
}

void
arguments_help(const struct arguments *program, FILE *out)
{
	fprintf(out, "usage: %s%s%s\n", program->name,
	    program->synopsis[0] != '\0' ? " " : "", program->synopsis);
	if (program->help != NULL)
		program->help(out);
	print_options(program->options, program->option_count, out);
	print_options(common_options, COMMON_COUNT, out);
}

/* An answer that nobody could read is none. */
static int
finish_answer(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS
	                                              : EXIT_FAILURE;
}

static int
answer_help(const struct arguments *program)
{
	arguments_help(program, stdout);
	return finish_answer();
}

static int
answer_version(const struct arguments *program)
{
	printf("%s (%s) %s\n", program->name, PACKAGE_NAME, PACKAGE_VERSION);
	return finish_answer();
}

int
arguments_answer(const struct arguments *program, int argc, char **argv)
{
	const char *word = argc == 2 ? argv[1] : "";

	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		return answer_help(program);
	if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
		return answer_version(program);
	return ARGUMENTS_GO_ON;
}

/* ---- parsing ------------------------------------------------------------ */

static int
complain(const struct arguments *program, const char *what, const char *word)
{
	char shown[SHOWN_MAX];

	text_printable(word, shown, sizeof(shown));
	fprintf(stderr, "%s: %s \"%s\": see %s --help\n", program->name, what,
	    shown, program->name);
	return EX_USAGE;
}

/* The option that getopt_long() stopped at. */
static int
complain_of_option(const struct arguments *program, int found, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	return complain(program,
	    found == ':' ? "no value behind" : "unknown option",
	    optopt > 0 && optopt < ROW_BASE ? letter : argv[optind - 1]);
}

/* Both tables, in the form of getopt_long(3). */
static void
fill_tables(const struct arguments *program, char letters[LETTERS_MAX],
    struct option longs[ARGUMENTS_OPTIONS_MAX + COMMON_COUNT + 1])
{
	const size_t count = program->option_count + COMMON_COUNT;
	const struct argument *option;
	size_t at = 0, named = 0;

	letters[at++] = '+'; /* stop at the first word */
	letters[at++] = ':'; /* say nothing */
	for (size_t i = 0; i < count; i++) {
		option = i < program->option_count
		    ? &program->options[i]
		    : &common_options[i - program->option_count];
		if (option->letter != 0)
			letters[at++] = option->letter;
		if (option->letter != 0 && option->value != NULL)
			letters[at++] = ':';
		if (option->name != NULL)
			longs[named++] = (struct option){ option->name,
				option->value != NULL, NULL,
				option->letter != 0 ? option->letter
				                    : ROW_BASE + (int)i };
	}
	letters[at] = '\0';
	longs[named] = (struct option){ NULL, 0, NULL, 0 };
}

static const struct argument *
find_option(const struct arguments *program, int found)
{
	for (size_t i = 0; i < program->option_count; i++)
		if (found == program->options[i].letter ||
		    found == ROW_BASE + (int)i)
			return &program->options[i];
	return NULL;
}

int
arguments_parse(const struct arguments *program, int argc, char **argv,
    int *ret_words)
{
	struct option longs[ARGUMENTS_OPTIONS_MAX + COMMON_COUNT + 1];
	char letters[LETTERS_MAX];
	const struct argument *option;
	int found;

	fill_tables(program, letters, longs);
	optind = 0; /* a new vector: glibc starts anew */
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		option = find_option(program, found);
		if (found == 'h')
			return answer_help(program);
		if (found == 'V')
			return answer_version(program);
		if (option == NULL)
			return complain_of_option(program, found, argv);
		if (option->value != NULL)
			*option->ret_text = optarg;
		else
			*option->ret_given = true;
	}
	if (optind < argc && !program->takes_words)
		return complain(program, "unknown argument", argv[optind]);
	*ret_words = optind;
	return ARGUMENTS_GO_ON;
}
