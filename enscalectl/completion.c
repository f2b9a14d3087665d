/*
 * enscalectl completion: what a shell needs to complete the words of a command
 * line, made from the rows that --help has. It refuses to know a verb that is
 * not there.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "enscalectl/verb.h"

/* What both shells share: the words that may follow the words so far. */
static const char begin[] = "_enscalectl_words() {\n"
                            "	[ \"$1\" != -f ] || shift 2\n";

static const char bash[] = "_enscalectl() {\n"
                           "	COMPREPLY=($(compgen -W \"$(_enscalectl_words"
                           " \"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\" -- "
                           "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
                           "}\n"
                           "complete -o default -F _enscalectl enscalectl\n";

static const char zsh[] =
    "_enscalectl() {\n"
    "	local -a found\n"
    "	found=($(_enscalectl_words \"${(@)words[2,CURRENT-1]}\"))\n"
    "	compadd -a found || _files\n"
    "}\n"
    "compdef _enscalectl enscalectl\n";

static size_t
first_word(const char *name)
{
	return strcspn(name, " ");
}

static bool
begins_alike(const struct verb *a, const struct verb *b)
{
	size_t len = first_word(a->name);

	return first_word(b->name) == len &&
	    strncmp(a->name, b->name, len) == 0;
}

/* Rows of one noun are one behind the other. */
static void
print_nouns(const struct verb *rows, size_t count)
{
	fputs("	if [ $# -eq 0 ]; then\n		echo", stdout);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !begins_alike(&rows[i - 1], &rows[i]))
			printf(" %.*s", (int)first_word(rows[i].name),
			    rows[i].name);
	fputs("\n		return\n	fi\n", stdout);
}

static void
print_verbs(const struct verb *rows, size_t count)
{
	fputs("	case $#:$1 in\n", stdout);
	for (size_t i = 0; i < count; i++) {
		size_t len = first_word(rows[i].name);

		if (rows[i].name[len] == '\0')
			continue;
		if (i == 0 || !begins_alike(&rows[i - 1], &rows[i]))
			printf("	1:%.*s) echo", (int)len, rows[i].name);
		printf(" %s", rows[i].name + len + 1);
		if (i + 1 == count || !begins_alike(&rows[i], &rows[i + 1]))
			fputs("; return ;;\n", stdout);
	}
	fputs("	esac\n", stdout);
}

/* Options, words that are one of several, and "expires=" of a field: what
 * begins small. */
static void
print_words(const char *arguments)
{
	static const char ends[] = " |[]";
	const char *at = arguments, *value;
	size_t len;

	for (at += strspn(at, ends); *at != '\0'; at += strspn(at, ends)) {
		len = strcspn(at, ends);
		value = memchr(at, '=', len);
		if (*at == '-' || (*at >= 'a' && *at <= 'z'))
			printf(" %.*s",
			    value != NULL ? (int)(value + 1 - at) : (int)len,
			    at);
		at += len;
	}
}

static void
print_options(const struct verb *rows, size_t count)
{
	fputs("	case \"$* \" in\n", stdout);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].arguments[0] == '\0')
			continue;
		printf("	\"%s \"*) echo", rows[i].name);
		print_words(rows[i].arguments);
		fputs(" ;;\n", stdout);
	}
	fputs("	esac\n}\n", stdout);
}

int
completion_print(const struct context *context, int argc, char **argv)
{
	bool is_zsh = argc == 1 && strcmp(argv[0], "zsh") == 0;
	const struct verb *rows;
	size_t count;

	(void)context;
	if (argc != 1 || (!is_zsh && strcmp(argv[0], "bash") != 0))
		return complain_usage("completion");
	rows = verb_rows(&count);
	fputs(begin, stdout);
	print_nouns(rows, count);
	print_verbs(rows, count);
	print_options(rows, count);
	fputs(is_zsh ? zsh : bash, stdout);
	return EXIT_YES;
}
