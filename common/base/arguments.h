/*
 * The command line of a program: a table of options, from which the help is
 * made. All our programs answer -h, --help, -V and --version on standard output
 * with exit code 0; about anything unknown they say on standard error what it
 * was and where to find help, with exit code EX_USAGE of sysexits.h.
 */
#ifndef ENSCALE_COMMON_BASE_ARGUMENTS_H
#define ENSCALE_COMMON_BASE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ARGUMENTS_OPTIONS_MAX 8
/* What arguments_parse() returns if the program should go on. */
#define ARGUMENTS_GO_ON (-1)

/* One option. -h and -V have no row. */
struct argument {
	char letter;       /* 0: it has a name only */
	const char *name;  /* "config"; NULL: it has a letter only */
	const char *value; /* what help calls its value; NULL: it has none */
	const char *help;
	const char **ret_text; /* of one with a value: gets it, borrowed */
	bool *ret_given;       /* of one without: becomes true */
};

struct arguments {
	const char *name;
	const char *synopsis; /* what help shows after the name; or "" */
	const struct argument *options; /* at most ARGUMENTS_OPTIONS_MAX */
	size_t option_count;
	void (*help)(FILE *out); /* more help, before the options; or NULL */
	bool takes_words;        /* after the options, which end there */
};

/*
 * Reads the options of a command line. Returns ARGUMENTS_GO_ON, with *ret_words
 * the index of the first word that is not an option (argc: there is none), or
 * the exit code of a program that has answered or complained.
 */
int arguments_parse(const struct arguments *program, int argc, char **argv,
    int *ret_words);

/*
 * For a program that other programs run, whose command line has no options: one
 * of the four words above, alone, is answered. The exit code of that, or
 * ARGUMENTS_GO_ON.
 */
int arguments_answer(const struct arguments *program, int argc, char **argv);

/* The help, as --help prints it. */
void arguments_help(const struct arguments *program, FILE *out);

#endif
