/* Unit tests of enscale_shell/shell_confinement: each in a child, for there
 * is no way back. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/programs.h"
#include "enscale_shell/shell_confinement.h"
#include "enscale_shell/syscall_filter.h"

/* Runs it confined; true when it says so. */
static bool
in_child(bool (*test)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		            programs_open() == 0 &&
		            shell_confinement_begin() == 0 && test()
		        ? 0
		        : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
kernel_has_landlock(void)
{
	return syscall(444 /* landlock_create_ruleset */, NULL, 0, 1U) > 0;
}

static void
need_landlock(void)
{
	if (!kernel_has_landlock())
		skip();
}

static void
need_filter(void)
{
#ifndef SYSCALL_FILTER
	skip();
#endif
}

static bool
is_refused(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) < 0 && errno == EACCES;
}

/* The exit code of a program, or 255 when it could not be started. */
static int
run(const char *path, const char *argument)
{
	char name[] = "x", word[32];
	char *argv[] = { name, word, NULL };
	char *environment[] = { NULL };
	pid_t pid = fork();
	int status, null;

	snprintf(word, sizeof(word), "%s", argument);
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDERR_FILENO);
		execve(path, argv, environment);
		_exit(errno == EACCES ? 255 : 254);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 253;
}

static bool
files_are_refused(void)
{
	return is_refused("/etc/group", O_RDONLY) &&
	    is_refused("/proc/self/environ", O_RDONLY) &&
	    is_refused("/proc/1/stat", O_RDONLY) &&
	    is_refused("/tmp/enscale-test", O_WRONLY | O_CREAT) &&
	    is_refused("/dev/zero", O_WRONLY) && mkdir("/tmp/x.enscale", 0) < 0;
}

static void
files_of_the_gateway_are_neither_read_nor_written(void **state)
{
	(void)state;
	need_landlock();
	assert_true(in_child(files_are_refused));
}

static bool
programs_are_refused(void)
{
	return run("/bin/sh", "-c") == 255 &&
	    run("/usr/bin/env", "true") == 255;
}

static void
no_other_program_runs(void **state)
{
	(void)state;
	need_landlock();
	assert_true(in_child(programs_are_refused));
}

static bool
ssh_starts(void)
{
	return run("/usr/bin/ssh", "-V") == 0;
}

static void
ssh_runs(void **state)
{
	(void)state;
	if (access("/usr/bin/ssh", X_OK) != 0)
		skip();
	assert_true(in_child(ssh_starts));
}

/* How ssh gets its known hosts, and its log. */
static bool
our_descriptors_open_by_name(void)
{
	char path[64];
	int fds[2], fd = memfd_create("x", MFD_CLOEXEC);

	if (fd < 0 || pipe(fds) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	if (open(path, O_RDONLY) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fds[1]);
	return open(path, O_WRONLY | O_APPEND) >= 0;
}

static void
memory_files_and_pipes_open_by_their_names(void **state)
{
	(void)state;
	assert_true(in_child(our_descriptors_open_by_name));
}

static bool
terminal_takes_no_words(void)
{
	int master, slave;

	/* Opened before; see below. */
	master = STDIN_FILENO;
	slave = STDOUT_FILENO;
	return ioctl(slave, TIOCSTI, "x") < 0 && errno == EPERM &&
	    ioctl(slave, TIOCLINUX, "x") < 0 && errno == EPERM &&
	    ioctl(master, TIOCGWINSZ, &(struct winsize){ 0 }) == 0;
}

static void
nothing_is_put_into_a_terminals_input(void **state)
{
	int kept[2] = { dup(STDIN_FILENO), dup(STDOUT_FILENO) };
	int master, slave;
	bool is_right;

	(void)state;
	need_filter();
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fflush(stdout);
	dup2(master, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
	is_right = in_child(terminal_takes_no_words);
	dup2(kept[0], STDIN_FILENO);
	dup2(kept[1], STDOUT_FILENO);
	assert_true(is_right);
}

static bool
pairs_are_streams(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 &&
	    socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) < 0 && errno == EPERM &&
	    socketpair(AF_UNIX, SOCK_RAW, 0, fds) < 0 && errno == EPERM &&
	    socketpair(AF_TIPC, SOCK_STREAM, 0, fds) < 0 && errno == EPERM;
}

static void
no_pair_sends_datagrams_to_a_name(void **state)
{
	(void)state;
	need_filter();
	assert_true(in_child(pairs_are_streams));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    files_of_the_gateway_are_neither_read_nor_written),
		cmocka_unit_test(no_other_program_runs),
		cmocka_unit_test(ssh_runs),
		cmocka_unit_test(memory_files_and_pipes_open_by_their_names),
		cmocka_unit_test(nothing_is_put_into_a_terminals_input),
		cmocka_unit_test(no_pair_sends_datagrams_to_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
