/* A child that is apart from its parent, and a file that is nobody else's. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/apart.h"

static char dir[64];
static int dir_fd;

/* What the file system says to a file without a name; 0: it makes one. */
static int refusal;

int
openat(int at, const char *name, int flags, ...)
{
	if (refusal != 0 && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = refusal;
		return -1;
	}
	return (int)syscall(SYS_openat, at, name, flags, 0600);
}

static int
make(void **state)
{
	(void)state;
	refusal = 0;
	(void)snprintf(dir, sizeof(dir), "/tmp/enscale-test-apart-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir_fd >= 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	assert_int_equal(close(dir_fd), 0);
	return rmdir(dir); /* it is empty */
}

/* ---- files ------------------------------------------------------------- */

static void
check_file(void)
{
	int fd = apart_file(dir_fd);
	struct stat st;
	char byte = 'a';

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(close(fd), 0);
}

static void
a_file_has_no_name(void **state)
{
	(void)state;
	check_file();
}

static void
nor_where_it_has_to_have_one_for_a_moment(void **state)
{
	static const int words[] = { EOPNOTSUPP, EISDIR };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		refusal = words[i];
		check_file();
		/* Somebody who was killed in that moment left it. */
		assert_int_equal(
		    close(openat(dir_fd, ".new-unnamed", O_CREAT | O_RDWR)), 0);
		check_file();
	}
}

static void
another_refusal_is_the_answer(void **state)
{
	(void)state;
	refusal = ENOSPC;
	assert_int_equal(apart_file(dir_fd), -ENOSPC);
}

/* ---- children ---------------------------------------------------------- */

static int
count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++;
	return count - 3; /* ".", "..", and the folder's own */
}

static void
a_child_keeps_one_descriptor(void **state)
{
	int others[5], status;
	pid_t parent = getpid(), child;

	(void)state;
	for (int i = 0; i < 5; i++)
		others[i] = dup(dir_fd);
	child = fork();
	if (child == 0) {
		struct stat ours, kept;

		_exit(fstat(others[4], &ours) == 0 &&
		            apart_begin(parent, others[4]) &&
		            fstat(APART_FD, &kept) == 0 &&
		            kept.st_ino == ours.st_ino &&
		            count_descriptors() == 4
		        ? 0
		        : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(close(others[i]), 0);
}

static void
a_child_of_somebody_else_does_not_begin(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(apart_begin(1 << 22, dir_fd) ? 1 : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* A grandchild holds a pipe open for as long as it lives. */
static void
a_child_ends_with_its_parent(void **state)
{
	int alive[2];
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(alive), 0);
	child = fork();
	if (child == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			if (apart_begin(parent, alive[1]) &&
			    write(APART_FD, "b", 1) == 1)
				pause();
			_exit(1);
		}
		pause();
		_exit(1);
	}
	assert_int_equal(close(alive[1]), 0);
	assert_int_equal(read(alive[0], &byte, 1), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(read(alive[0], &byte, 1), 0);
	assert_int_equal(close(alive[0]), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(a_file_has_no_name),
		TEST(nor_where_it_has_to_have_one_for_a_moment),
		TEST(another_refusal_is_the_answer),
		TEST(a_child_keeps_one_descriptor),
		TEST(a_child_of_somebody_else_does_not_begin),
		TEST(a_child_ends_with_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
