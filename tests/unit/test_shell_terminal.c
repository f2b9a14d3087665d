/* The user's terminal (enscale_shell/terminal.c): a real one, whose other end
 * the test has. */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/terminal.h"

static int kept[2], master = -1;
static struct termios before;

static int
keep(void)
{
	fflush(stdout);
	kept[0] = dup(STDIN_FILENO);
	kept[1] = dup(STDOUT_FILENO);
	return kept[0] < 0 || kept[1] < 0 ? -1 : 0;
}

static int
use(int fd)
{
	int failed = dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0;

	close(fd);
	return failed ? -1 : 0;
}

static int
on_terminal(void **state)
{
	int slave;

	(void)state;
	if (keep() != 0 || openpty(&master, &slave, NULL, NULL, NULL) != 0 ||
	    use(slave) != 0 || tcgetattr(STDIN_FILENO, &before) != 0)
		return -1;
	/* As a client may have sent them. */
	before.c_oflag &= ~(tcflag_t)(OPOST | ONLCR);
	before.c_lflag |= ECHO | ICANON | ISIG;
	before.c_cc[VERASE] = '\b';
	return tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static int
on_nothing(void **state)
{
	(void)state;
	return keep() != 0 ? -1 : use(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int
put_back(void **state)
{
	(void)state;
	fflush(stdout);
	unsetenv("NO_COLOR");
	if (master >= 0)
		close(master);
	master = -1;
	if (dup2(kept[0], STDIN_FILENO) < 0 || dup2(kept[1], STDOUT_FILENO) < 0)
		return -1;
	close(kept[0]);
	close(kept[1]);
	return 0;
}

static struct termios
modes(void)
{
	struct termios now;

	assert_int_equal(tcgetattr(STDIN_FILENO, &now), 0);
	return now;
}

/* All that was written to the terminal, as the client gets it. */
static size_t
shown(char *buf, size_t size)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&fd, 1, 0) == 1)
		n = read(master, buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	return (size_t)n;
}

static void
assert_modes_of_client(const struct termios *now, tcflag_t more)
{
	assert_int_equal(now->c_iflag, before.c_iflag);
	assert_int_equal(now->c_cflag, before.c_cflag);
	assert_int_equal(now->c_lflag, before.c_lflag | more);
	assert_memory_equal(now->c_cc, before.c_cc, sizeof(before.c_cc));
}

static void
it_is_held_with_the_modes_that_the_client_sent(void **state)
{
	struct termios now;

	(void)state;
	terminal_open();
	assert_true(terminal_is_open());
	now = modes();
	assert_modes_of_client(&now, EXTPROC);
	assert_int_equal(now.c_oflag, before.c_oflag);
	assert_int_equal(terminal_key(VERASE), '\b');
}

static void
what_is_typed_while_it_is_held_is_echoed_to_nobody(void **state)
{
	char text[64];

	(void)state;
	terminal_open();
	assert_int_equal(write(master, "secret\004", 7), 7);
	assert_int_equal(shown(text, sizeof(text)), 0);
	/* and a Ctrl-D in it is a byte like any other */
	assert_int_equal(read(STDIN_FILENO, text, sizeof(text)), 7);
	assert_memory_equal(text, "secret\004", 7);
}

static void
in_the_menu_each_line_begins_at_the_left(void **state)
{
	struct termios now;
	char text[64];

	(void)state;
	terminal_open();
	terminal_menu_mode();
	now = modes();
	assert_modes_of_client(&now, EXTPROC);
	assert_int_equal(now.c_oflag, before.c_oflag | OPOST | ONLCR);
	assert_int_equal(write(STDOUT_FILENO, "a\nb", 3), 3);
	shown(text, sizeof(text));
	assert_string_equal(text, "a\r\nb");
}

static void
the_client_gets_its_modes_back(void **state)
{
	struct termios now;

	(void)state;
	terminal_open();
	terminal_menu_mode();
	terminal_client_mode();
	now = modes();
	assert_modes_of_client(&now, 0);
	assert_int_equal(now.c_oflag, before.c_oflag);
}

/* A node's program has left it raw, on the alternate screen, and its answers
 * have come in. */
static void
after_a_node_it_is_the_menus_again(void **state)
{
	struct termios now;
	char text[512];
	int waiting;

	(void)state;
	setenv("TERM", "xterm", 1);
	terminal_open();
	now = modes();
	cfmakeraw(&now);
	tcsetattr(STDIN_FILENO, TCSANOW, &now);
	assert_int_equal(write(master, "\033[?1;2c", 7), 7);
	terminal_recover();
	now = modes();
	assert_modes_of_client(&now, EXTPROC);
	assert_int_equal(now.c_oflag, before.c_oflag | OPOST | ONLCR);
	shown(text, sizeof(text));
	assert_non_null(strstr(text, "\033[?1049l"));
	assert_non_null(strstr(text, "\033[?25h"));
	assert_int_equal(ioctl(STDIN_FILENO, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
}

static void
a_terminal_without_escapes_is_sent_none(void **state)
{
	char text[512];

	(void)state;
	setenv("TERM", "dumb", 1);
	terminal_open();
	terminal_recover();
	assert_int_equal(shown(text, sizeof(text)), 0);
	unsetenv("TERM");
	terminal_recover();
	assert_int_equal(shown(text, sizeof(text)), 0);
}

static void
its_size_is_the_clients(void **state)
{
	const struct winsize size = { .ws_row = 40, .ws_col = 132 };

	(void)state;
	terminal_open();
	assert_false(terminal_has_size());
	assert_int_equal(terminal_rows(), 0);
	assert_int_equal(terminal_columns(), 80);
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_true(terminal_has_size());
	assert_int_equal(terminal_rows(), 40);
	assert_int_equal(terminal_columns(), 132);
}

/* What a script is piped into gets no byte from here. */
static void
without_a_terminal_nothing_is_written(void **state)
{
	char text[64];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(dup2(fds[1], STDOUT_FILENO) >= 0);
	setenv("TERM", "xterm", 1);
	terminal_open();
	assert_false(terminal_is_open());
	terminal_menu_mode();
	terminal_recover();
	terminal_client_mode();
	fflush(stdout);
	assert_true(read(fds[0], text, sizeof(text)) < 0);
	assert_int_equal(terminal_columns(), 80);
	assert_false(terminal_has_size());
	close(fds[0]);
	close(fds[1]);
}

static void
colour_is_for_terminals_that_have_it(void **state)
{
	static const char *const with[] = { "xterm", "xterm-256color",
		"screen.xterm", "tmux-256color", "linux", "putty-256color",
		"eterm-color", "st-256color" };
	static const char *const none[] = { "dumb", "vt100", "", "xterm-mono",
		"linux-m", "xterm-m", "stupid", "an-xterm" };

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		setenv("TERM", with[i], 1);
		assert_true(terminal_has_colour());
		setenv("NO_COLOR", "1", 1);
		assert_false(terminal_has_colour());
		setenv("NO_COLOR", "", 1); /* no-color.org: that is not set */
		assert_true(terminal_has_colour());
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		setenv("TERM", none[i], 1);
		assert_false(terminal_has_colour());
	}
	unsetenv("TERM");
	assert_false(terminal_has_colour());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: whether there is a terminal is not asked again */
		cmocka_unit_test_setup_teardown(
		    without_a_terminal_nothing_is_written, on_nothing,
		    put_back),
		cmocka_unit_test_setup_teardown(
		    it_is_held_with_the_modes_that_the_client_sent, on_terminal,
		    put_back),
		cmocka_unit_test_setup_teardown(
		    what_is_typed_while_it_is_held_is_echoed_to_nobody,
		    on_terminal, put_back),
		cmocka_unit_test_setup_teardown(
		    in_the_menu_each_line_begins_at_the_left, on_terminal,
		    put_back),
		cmocka_unit_test_setup_teardown(the_client_gets_its_modes_back,
		    on_terminal, put_back),
		cmocka_unit_test_setup_teardown(
		    after_a_node_it_is_the_menus_again, on_terminal, put_back),
		cmocka_unit_test_setup_teardown(
		    a_terminal_without_escapes_is_sent_none, on_terminal,
		    put_back),
		cmocka_unit_test_setup_teardown(its_size_is_the_clients,
		    on_terminal, put_back),
		cmocka_unit_test(colour_is_for_terminals_that_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
