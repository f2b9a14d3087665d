/* See options.h. It refuses what is not the whole name of an option. */
#include <config.h>

#include "enscalectl/options.h"

#include <string.h>

static bool
is_whole(const struct option *options, const char *word)
{
	size_t len = strcspn(word, "=");
	const struct option *option;

	if (strncmp(word, "--", 2) != 0)
		return true;
	for (option = options; option->name != NULL; option++)
		if (strlen(option->name) == len - 2 &&
		    strncmp(word + 2, option->name, len - 2) == 0)
			return true;
	return false;
}

bool
options_read(const struct option *options, int argc, char **argv,
    bool (*take)(void *arg, int option, const char *value), void *arg,
    int *ret_first)
{
	int option, i;

	for (i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!is_whole(options, argv[i]))
			return false;
	/* getopt wants the program's name before the arguments. */
	argc++;
	argv--;
	optind = 0; /* a new vector: glibc starts anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == '?' || !take(arg, option, optarg))
			return false;
	*ret_first = optind - 1;
	return true;
}
