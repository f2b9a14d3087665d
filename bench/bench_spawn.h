/*
 * Times whole processes against each other in one run: each round starts
 * every command once, in turn, so that a machine that drifts drifts for all
 * of them. Prints medians, 99th percentiles and the ratio to the first.
 */
#ifndef ENSCALE_BENCH_SPAWN_H
#define ENSCALE_BENCH_SPAWN_H

#include <stddef.h>

#define BENCH_COMMANDS_MAX 16
#define BENCH_ROUNDS_MAX   100000

struct bench_command {
	const char *name;
	char *const *argv;
};

/* Exits with a message when a command cannot be started or does not exit
 * with 0. Output goes to /dev/null. */
void bench_spawn(const struct bench_command *commands, size_t count,
    size_t rounds);

#endif
