/*
 * Times commands as whole processes against each other, in turns; see
 * bench_spawn.h. The first is what the others are compared to.
 *
 *	bench_commands ROUNDS NAME COMMAND [ARGUMENT...] [-- NAME COMMAND ...]...
 */
#include <config.h>

#include <err.h>
#include <stdint.h>
#include <string.h>

#include "bench/bench_spawn.h"
#include "common/names/login_name.h"

int
main(int argc, char **argv)
{
	struct bench_command commands[BENCH_COMMANDS_MAX];
	uint32_t rounds;
	size_t count = 0;

	if (argc < 4 || parse_u32(argv[1], BENCH_ROUNDS_MAX, &rounds) != 0 ||
	    rounds == 0)
		errx(1,
		    "usage: bench_commands ROUNDS NAME COMMAND [ARGUMENT...] [-- ...]");
	for (int at = 2; at < argc; at++) {
		if (count == BENCH_COMMANDS_MAX || at + 1 >= argc)
			errx(1, "too many commands, or one without a name");
		commands[count++] = (struct bench_command){ argv[at],
			argv + at + 1 };
		while (at < argc && strcmp(argv[at], "--") != 0)
			at++;
		if (at < argc)
			argv[at] = NULL;
	}
	bench_spawn(commands, count, rounds);
	return 0;
}
