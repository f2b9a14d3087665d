#include "bench/bench_spawn.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static uint64_t
run_once(const struct bench_command *command,
    const posix_spawn_file_actions_t *actions)
{
	uint64_t start = now_ns();
	pid_t pid;
	int status;

	errno = posix_spawn(&pid, command->argv[0], actions, NULL,
	    command->argv, environ);
	if (errno != 0)
		err(1, "%s", command->argv[0]);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s failed: status 0x%x", command->argv[0], status);
	return now_ns() - start;
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void
bench_spawn(const struct bench_command *commands, size_t count, size_t rounds)
{
	posix_spawn_file_actions_t actions;
	uint64_t *times = calloc(count * rounds, sizeof(*times));
	double floor_ms = 0;

	if (times == NULL || count == 0 || rounds == 0)
		errx(1, "nothing to measure, or no memory");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0);
	for (size_t i = 0; i < count; i++)
		(void)run_once(&commands[i], &actions); /* warm */
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			times[i * rounds + round] = run_once(&commands[i],
			    &actions);
	printf("%-36s %10s %10s %8s\n", "", "median ms", "p99 ms", "ratio");
	for (size_t i = 0; i < count; i++) {
		uint64_t *row = times + i * rounds;
		double median;

		qsort(row, rounds, sizeof(*row), compare_u64);
		median = (double)row[rounds / 2] / 1e6;
		if (i == 0)
			floor_ms = median;
		printf("%-36s %10.3f %10.3f %8.2f\n", commands[i].name, median,
		    (double)row[rounds * 99 / 100] / 1e6, median / floor_ms);
	}
	posix_spawn_file_actions_destroy(&actions);
	free(times);
}
