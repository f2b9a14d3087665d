/* Unit tests of enscalectl/terminal, at a terminal of our own: what a program
 * that ends there leaves behind. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscalectl/terminal.h"

#define SECRET_MAX 32
#define TRIES      2000 /* of ten milliseconds */

struct terminal {
	int master, slave;
};

static int
open_terminal(void **state)
{
	static struct terminal terminal;

	terminal.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal.master < 0 || grantpt(terminal.master) != 0 ||
	    unlockpt(terminal.master) != 0)
		return -1;
	terminal.slave = open(ptsname(terminal.master),
	    O_RDWR | O_NOCTTY | O_CLOEXEC);
	*state = &terminal;
	return terminal.slave < 0;
}

static int
close_terminal(void **state)
{
	struct terminal *terminal = *state;

	close(terminal->master);
	close(terminal->slave);
	return 0;
}

static bool
echoes(const struct terminal *terminal)
{
	struct termios modes;

	assert_int_equal(tcgetattr(terminal->slave, &modes), 0);
	return (modes.c_lflag & ECHO) != 0 && (modes.c_lflag & ICANON) != 0 &&
	    (modes.c_lflag & ISIG) != 0;
}

static void
await_echo(const struct terminal *terminal, bool wanted)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < TRIES && echoes(terminal) != wanted; i++)
		(void)nanosleep(&pause, NULL);
	assert_int_equal(echoes(terminal), wanted);
}

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

/* In a child that waits for a secret, and gives it back as its exit code. It
 * ignores no signal that whoever started this test does: nohup(1) one of them.
 */
static pid_t
ask(const struct terminal *terminal, const char *right, void (*before)(void))
{
	pid_t child = fork();
	char secret[SECRET_MAX];
	int r;

	assert_true(child >= 0);
	if (child > 0) {
		await_echo(terminal, false);
		return child;
	}
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)signal(ending[i], SIG_DFL);
	if (before != NULL)
		before();
	r = terminal_read_secret(terminal->slave, secret, sizeof(secret));
	if (r == -ECANCELED)
		_exit(secret[0] == '\0' ? 1 : 3);
	_exit(r == 0 && strcmp(secret, right) == 0 ? 0 : 2);
}

static int
ended(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
type(const struct terminal *terminal, const char *keys)
{
	size_t len = strlen(keys);

	assert_int_equal(write(terminal->master, keys, len), len);
}

static void
a_secret_is_read_and_the_terminal_is_as_it_was(void **state)
{
	const struct terminal *terminal = *state;
	pid_t child = ask(terminal, "secret", NULL);
	int status;

	type(terminal, "no\025sexc\177\177cret\r");
	status = ended(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(echoes(terminal));
}

static void
a_signal_that_ends_the_program_leaves_the_terminal_as_it_was(void **state)
{
	const struct terminal *terminal = *state;
	pid_t child;
	int status;
	size_t i;

	for (i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		child = ask(terminal, "", NULL);
		type(terminal, "sec");
		assert_int_equal(kill(child, ending[i]), 0);
		status = ended(child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), ending[i]);
		assert_true(echoes(terminal));
	}
}

static void
a_program_that_is_stopped_leaves_the_terminal_as_it_was(void **state)
{
	const struct terminal *terminal = *state;
	pid_t child = ask(terminal, "", NULL);
	int status;

	assert_int_equal(kill(child, SIGTSTP), 0);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status) || WIFEXITED(status));
	assert_true(echoes(terminal));
	if (WIFSTOPPED(status)) {
		assert_int_equal(kill(child, SIGCONT), 0);
		status = ended(child);
	}
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void
ignore(void)
{
	(void)signal(SIGTERM, SIG_IGN);
}

static void
what_ignores_a_signal_gets_no_secret_by_it(void **state)
{
	const struct terminal *terminal = *state;
	pid_t child = ask(terminal, "", ignore);
	int status;

	type(terminal, "sec");
	assert_int_equal(kill(child, SIGTERM), 0);
	status = ended(child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_true(echoes(terminal));
}

static void
who_types_an_end_gives_no_secret(void **state)
{
	static const char *const ends[] = { "sec\003", "sec\004" };
	const struct terminal *terminal = *state;
	pid_t child;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		child = ask(terminal, "", NULL);
		type(terminal, ends[i]);
		assert_int_equal(WEXITSTATUS(ended(child)), 1);
		assert_true(echoes(terminal));
	}
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_terminal, close_terminal)
	const struct CMUnitTest tests[] = {
		TEST(a_secret_is_read_and_the_terminal_is_as_it_was),
		TEST(
		    a_signal_that_ends_the_program_leaves_the_terminal_as_it_was),
		TEST(a_program_that_is_stopped_leaves_the_terminal_as_it_was),
		TEST(what_ignores_a_signal_gets_no_secret_by_it),
		TEST(who_types_an_end_gives_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
