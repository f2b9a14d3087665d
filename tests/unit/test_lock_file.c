/* A lock that is only its owner's to take. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/lock_file.h"

#define NAME    "lock"
#define WAIT_MS 300

static char dir[64];
static int dir_fd;

static int
make_folder(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/enscale-lock-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlinkat(dir_fd, NAME, 0);
	close(dir_fd);
	return rmdir(dir);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
nobody_else_can_open_what_is_locked(void **state)
{
	const mode_t mask = umask(0);
	int lock = lock_file(dir_fd, NAME, 0);
	struct stat st;

	(void)state;
	umask(mask);
	assert_true(lock >= 0);
	assert_int_equal(fstat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(lock);
}

static void
the_second_is_refused_after_its_wait(void **state)
{
	int lock = lock_file(dir_fd, NAME, 0);
	int64_t begin = now_ms();

	(void)state;
	assert_true(lock >= 0);
	assert_int_equal(lock_file(dir_fd, NAME, 0), -EWOULDBLOCK);
	assert_int_equal(lock_file(dir_fd, NAME, WAIT_MS), -EWOULDBLOCK);
	assert_true(now_ms() - begin >= WAIT_MS);
	close(lock);
	lock = lock_file(dir_fd, NAME, 0);
	assert_true(lock >= 0);
	close(lock);
}

static void
the_lock_goes_with_its_holder(void **state)
{
	int ready[2], lock;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (lock_file(dir_fd, NAME, 0) >= 0 &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(lock_file(dir_fd, NAME, 0), -EWOULDBLOCK);
	kill(pid, SIGKILL);
	lock = lock_file(dir_fd, NAME, 5000);
	assert_true(lock >= 0);
	close(lock);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

static void
a_link_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("/dev/null", dir_fd, NAME), 0);
	assert_int_equal(lock_file(dir_fd, NAME, 0), -ELOOP);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(nobody_else_can_open_what_is_locked),
		TEST(the_second_is_refused_after_its_wait),
		TEST(the_lock_goes_with_its_holder),
		TEST(a_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
