/* Unit tests of enscale_shell/hop_confinement: the shell's side in this
 * process, ssh's in a child. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/hop_confinement.h"
#include "enscale_shell/syscall_filter.h"

#define MARK    42
#define SKIPPED 77
#ifdef SYSCALL_FILTER
static const bool has_filter = true;
#else
static const bool has_filter = false;
#endif

static int
become_true(void)
{
	char name[] = "true", *argv[] = { name, NULL }, *none[] = { NULL };

	execve("/bin/true", argv, none);
	return errno;
}

/* The errno of a program's start in a child, 0 when it ran. */
static int
run_program(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(become_true());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

static int
open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* In ssh's place; the exit code is MARK when all is as it should be. */
static bool
counts_are_kept(void)
{
	return run_program() == 0 && run_program() == EPERM &&
	    open_socket(AF_UNIX) == 0 && open_socket(AF_INET6) == 0 &&
	    open_socket(AF_INET) == EPERM && open_socket(AF_INET6) == EPERM &&
	    open_socket(AF_NETLINK) == EPERM && open_socket(AF_UNIX) == 0;
}

/* The test has let all programs be used up. */
static bool
no_other_program_starts(void)
{
	return become_true() == EPERM;
}

static bool
no_memory_file_is_made(void)
{
	return memfd_create("x", 0) < 0 && errno == EPERM;
}

static bool
nothing_goes_on(void)
{
	return run_program() == ENOSYS && become_true() == ENOSYS &&
	    open_socket(AF_INET) == ENOSYS;
}

/* The file in the listener's place would be this one. */
static bool
the_listener_is_not_ours(void)
{
	return fcntl(STDERR_FILENO + 3, F_GETFD) < 0;
}

_Noreturn static void
be_ssh(int channel, bool (*test)(void))
{
	int r;

	/* The channel and nothing else above the standard ones. */
	if (dup2(channel, STDERR_FILENO + 1) < 0 ||
	    fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC) != 0)
		_exit(1);
	closefrom(STDERR_FILENO + 2);
	r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r == 0)
		r = hop_confinement_begin(STDERR_FILENO + 1);
	_exit(r == 0 && test() ? MARK : 1);
}

/* Starts the child, and takes its listener. */
static pid_t
start(bool (*test)(void), struct hop_confinement *ret_hop)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	if (pid == 0)
		be_ssh(fds[1], test);
	close(fds[1]);
	assert_int_equal(hop_confinement_receive(fds[0], ret_hop), 0);
	assert_true(ret_hop->listener >= 0);
	close(fds[0]);
	return pid;
}

static void
assert_ends_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), MARK);
}

/* As the shell watches: until nobody is left to ask. */
static void
answer_all(struct hop_confinement *hop)
{
	while (hop->listener >= 0) {
		struct pollfd seen = { .fd = hop->listener, .events = POLLIN };

		assert_int_equal(poll(&seen, 1, 20000), 1);
		hop_confinement_answer(hop, seen.revents);
	}
}

static void
one_child_and_one_connection_are_a_hops(void **state)
{
	struct hop_confinement hop;
	pid_t pid = start(counts_are_kept, &hop);

	(void)state;
	answer_all(&hop);
	assert_ends_well(pid);
	assert_int_equal(hop.programs, 1);
	assert_int_equal(hop.connections, 0);
	assert_int_equal(hop.children, 0);
}

static void
a_third_program_is_nobodys(void **state)
{
	struct hop_confinement hop;
	pid_t pid = start(no_other_program_starts, &hop);

	(void)state;
	assert_int_equal(hop.programs, 2);
	hop.programs = 0;
	answer_all(&hop);
	assert_ends_well(pid);
}

static void
no_file_in_memory_is_made(void **state)
{
	struct hop_confinement hop;
	pid_t pid = start(no_memory_file_is_made, &hop);

	(void)state;
	answer_all(&hop);
	assert_ends_well(pid);
}

static void
without_the_shell_nothing_starts(void **state)
{
	struct hop_confinement hop;
	pid_t pid = start(nothing_goes_on, &hop);

	(void)state;
	cleanup_hop_confinement(&hop);
	assert_ends_well(pid);
}

static void
the_listener_is_the_shells_alone(void **state)
{
	struct hop_confinement hop;
	pid_t pid = start(the_listener_is_not_ours, &hop);

	(void)state;
	assert_true((fcntl(hop.listener, F_GETFD) & FD_CLOEXEC) != 0);
	answer_all(&hop);
	assert_ends_well(pid);
}

static void
a_child_that_ends_first_is_told(void **state)
{
	struct hop_confinement hop = { .listener = MARK };
	int fds[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[1]);
	assert_int_equal(hop_confinement_receive(fds[0], &hop), -EPIPE);
	assert_int_equal(hop.listener, MARK);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_child_and_one_connection_are_a_hops),
		cmocka_unit_test(a_third_program_is_nobodys),
		cmocka_unit_test(no_file_in_memory_is_made),
		cmocka_unit_test(without_the_shell_nothing_starts),
		cmocka_unit_test(the_listener_is_the_shells_alone),
		cmocka_unit_test(a_child_that_ends_first_is_told),
	};

	return has_filter ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}
