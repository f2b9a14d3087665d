/* What our daemons have in common. See daemon.h. */
#include <config.h>

#include "common/base/daemon.h"

#include "common/base/arguments.h"

int
daemon_read_arguments(const char *name, int argc, char **argv,
    struct daemon_arguments *ret_arguments)
{
	struct daemon_arguments arguments = { .config = ENS_CONFIG_FILE };
	const struct argument options[] = {
		{ .letter = 'f',
		    .name = "config",
		    .value = "FILE",
		    .help = "read this configuration, not " ENS_CONFIG_FILE,
		    .ret_text = &arguments.config },
		{ .letter = 't',
		    .name = "check",
		    .help = "say what is wrong with the configuration, and end",
		    .ret_given = &arguments.only_check },
	};
	const struct arguments program = {
		.name = name,
		.synopsis = "[-t] [-f FILE]",
		.options = options,
		.option_count = sizeof(options) / sizeof(options[0]),
	};
	int words, code = arguments_parse(&program, argc, argv, &words);

	if (code == ARGUMENTS_GO_ON)
		*ret_arguments = arguments;
	return code;
}
