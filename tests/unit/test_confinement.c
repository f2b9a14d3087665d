/* Unit tests of enscale_guard/confinement, each in a process of its own. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_guard/confinement.h"

#define SKIPPED   77
#define PATH_SIZE 64

/* Two folders with a file in each: what may be read, and what may not. */
static char top[32], inside[PATH_SIZE], outside[PATH_SIZE];

static void
make_file(const char *name, char folder[PATH_SIZE])
{
	char path[PATH_SIZE + 8];
	int fd;

	snprintf(folder, PATH_SIZE, "%s/%s", top, name);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int
make_folders(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test_confinement.XXXXXX");
	assert_non_null(mkdtemp(top));
	make_file("inside", inside);
	make_file("outside", outside);
	return 0;
}

static int
remove_folders(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* -errno of opening folder/file. */
static int
try_open(const char *folder, const char *name, int flags)
{
	char path[PATH_SIZE + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static bool
moves(int (*how)(const char *, const char *))
{
	char from[PATH_SIZE + 16], to[PATH_SIZE + 16];

	snprintf(from, sizeof(from), "%s/file", outside);
	snprintf(to, sizeof(to), "%s/taken", inside);
	return how(from, to) == 0;
}

/* Runs the check in a confined child; it returns whether all is well. */
static void
confined(bool (*check)(void))
{
	const char *const folders[] = { inside, "/tmp/no such folder", NULL };
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		r = confinement_begin(folders);
		if (r == -ENOSYS || r == -EOPNOTSUPP)
			_exit(SKIPPED);
		_exit(r == 0 && check() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool
reads_inside_only(void)
{
	return try_open(inside, "file", O_RDONLY) == 0 &&
	    try_open(outside, "file", O_RDONLY) == -EACCES &&
	    try_open(outside, "file", O_RDWR) == -EACCES;
}

static void
files_are_read_below_the_folders_only(void **state)
{
	(void)state;
	confined(reads_inside_only);
}

static bool
brings_nothing_in(void)
{
	return !moves(link) && !moves(rename) && moves(symlink) &&
	    try_open(inside, "taken", O_RDONLY) == -EACCES;
}

static void
no_file_is_brought_to_where_it_may_be_read(void **state)
{
	(void)state;
	confined(brings_nothing_in);
}

static bool
writes_outside(void)
{
	return try_open(outside, "file", O_WRONLY | O_APPEND) == 0;
}

static void
appending_to_a_log_elsewhere_goes_on(void **state)
{
	(void)state;
	confined(writes_outside);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    files_are_read_below_the_folders_only, make_folders,
		    remove_folders),
		cmocka_unit_test_setup_teardown(
		    no_file_is_brought_to_where_it_may_be_read, make_folders,
		    remove_folders),
		cmocka_unit_test_setup_teardown(
		    appending_to_a_log_elsewhere_goes_on, make_folders,
		    remove_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
