/* Lines of the log, as their readers get them. */
#include <config.h>

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
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/log.h"

#define WAIT_MAX 30 /* seconds: whoever waits for a reader waits for ever */
#define LINES    20000

static int kept, ends[2];

static void
fail_waiting(int number)
{
	(void)number;
	dup2(kept, STDERR_FILENO); /* or what follows would wait, too */
	fail_msg("it waits for a reader");
}

/* Until release(). */
static void
limit_waiting(void)
{
	const struct sigaction action = {
		.sa_handler = fail_waiting,
		.sa_flags = SA_NODEFER, /* it does not return */
	};

	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	alarm(WAIT_MAX);
}

static int catch (void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	/* A line that does not come is a failure, and no wait. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	kept = dup(STDERR_FILENO);
	return dup2(ends[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int
release(void **state)
{
	(void)state;
	alarm(0);
	close(ends[0]);
	close(ends[1]);
	return dup2(kept, STDERR_FILENO) < 0 || close(kept) != 0 ? -1 : 0;
}

/* One write, one read. */
static size_t
take(char *buf, size_t size)
{
	ssize_t len = read(ends[0], buf, size - 1);

	assert_true(len > 0);
	buf[len] = '\0';
	return (size_t)len;
}

static void
expect(const char *want)
{
	char line[256];

	take(line, sizeof(line));
	assert_string_equal(line, want);
}

static void
a_line_says_who_speaks(void **state)
{
	(void)state;
	log_error("cannot open \"%s\": %s", "file", "no such file");
	expect("test_log: cannot open \"file\": no such file\n");
}

static void
a_line_leaves_errno_as_it_is(void **state)
{
	(void)state;
	errno = ENOENT;
	log_error("cannot open \"file\"");
	assert_int_equal(errno, ENOENT);
}

static void
in_the_journal_a_line_has_its_priority(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_error("a");
	expect("<3>a\n");
	log_warning("a");
	expect("<4>a\n");
	log_notice("a");
	expect("<5>a\n");
	log_info("a");
	expect("<6>a\n");
	unsetenv("JOURNAL_STREAM");
}

static void
whom_it_is_about_stands_at_the_end(void **state)
{
	const struct log_fields all = { .session = "abcdefghij234567",
		.account = 25880,
		.node = 124718 };
	const struct log_fields none = { .session = "" };
	const struct log_fields account = { .account = UINT32_MAX };

	(void)state;
	log_about(&all, LOG_INFO, "hop-refused: %s", "no");
	expect("test_log: hop-refused: no session=abcdefghij234567 "
	       "account=25880 node=124718\n");
	log_about(&none, LOG_INFO, "ready");
	expect("test_log: ready\n");
	log_about(&account, LOG_INFO, "ready");
	expect("test_log: ready account=4294967295\n");
}

static void
one_line_stays_one_line(void **state)
{
	(void)state;
	log_info("Müller\nsshd: forged\033[2J\177");
	expect("test_log: Müller?sshd: forged?[2J?\n");
}

static void
a_line_that_is_too_long_is_cut_and_has_its_end(void **state)
{
	const struct log_fields fields = { .session = "abcdefghij234567",
		.account = 1,
		.node = 2 };
	static char text[10000], line[10000];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_about(&fields, LOG_INFO, "%s", text);
	len = take(line, sizeof(line));
	assert_true(len < 4096);
	assert_string_equal(line + len - 45,
	    "xx session=abcdefghij234567 account=1 node=2\n");
}

/* ---- who does not read -------------------------------------------------- */

/* Our end waits, as whoever has made it wants; the other does not. */
static int
catch_at(int reader, int writer)
{
	ends[0] = reader;
	ends[1] = writer;
	unsetenv("JOURNAL_STREAM");
	if (fcntl(reader, F_SETFL, O_NONBLOCK) != 0)
		return -1;
	kept = dup(STDERR_FILENO);
	return dup2(writer, STDERR_FILENO) < 0 ? -1 : 0;
}

static int
catch_in_pipe(void **state)
{
	int fds[2];

	(void)state;
	return pipe2(fds, O_CLOEXEC) != 0 ? -1 : catch_at(fds[0], fds[1]);
}

static int
catch_in_socket(void **state)
{
	int fds[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	return catch_at(fds[0], fds[1]);
}

static int
catch_in_terminal(void **state)
{
	const int reader = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;
	int writer;

	(void)state;
	if (reader < 0 || grantpt(reader) != 0 || unlockpt(reader) != 0)
		return -1;
	writer = open(ptsname(reader), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (writer < 0 || tcgetattr(writer, &raw) != 0)
		return -1;
	cfmakeraw(&raw);
	if (tcsetattr(writer, TCSANOW, &raw) != 0)
		return -1;
	return catch_at(reader, writer);
}

/* Reads all that there is. Returns how many lines that was. */
static int
drain(void)
{
	char buf[4096];
	ssize_t len;
	int count = 0;

	while ((len = read(ends[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < len; i++)
			count += buf[i] == '\n';
	return count;
}

/* Says more than is taken, and then reads. Returns how many lines are lost. */
static int
lose_some(void)
{
	int taken;

	limit_waiting();
	for (int i = 0; i < LINES; i++)
		log_info("hop-refused: no");
	taken = drain();
	assert_in_range(taken, 1, LINES - 1);
	return LINES - taken;
}

static void
expect_lost(int count, const char *after)
{
	char want[256];

	snprintf(want, sizeof(want),
	    "test_log: lines lost here: %d: Resource temporarily "
	    "unavailable\n%s",
	    count, after);
	expect(want);
}

static void
who_does_not_read_holds_nobody_up_and_is_told_what_was_lost(void **state)
{
	const int flags = fcntl(STDERR_FILENO, F_GETFL);
	const int count = lose_some();

	(void)state;
	log_info("ready");
	expect_lost(count, "test_log: ready\n");
	log_info("ready");
	expect("test_log: ready\n");
	/* It may be a descriptor of somebody else, too. */
	assert_int_equal(flags & O_NONBLOCK, 0);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL), flags);
}

static void
a_stopped_terminal_holds_nobody_up(void **state)
{
	(void)state;
	limit_waiting();
	assert_int_equal(tcflow(STDERR_FILENO, TCOOFF), 0);
	log_info("hop-refused: no");
	assert_int_equal(tcflow(STDERR_FILENO, TCOON), 0);
	assert_int_equal(drain(), 0);
	log_info("ready");
	expect_lost(1, "test_log: ready\n");
}

static int
catch_in_file(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	if (file == NULL)
		return -1;
	return catch_at(dup(fileno(file)), fileno(file));
}

static void
limit_size(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
after_a_part_of_a_line_the_next_begins_anew(void **state)
{
	char text[256];
	ssize_t len;

	(void)state;
	limit_size(14);
	log_info("hop-refused: no");
	limit_size(RLIM_INFINITY);
	log_info("ready");
	len = pread(ends[0], text, sizeof(text) - 1, 0);
	assert_true(len > 0);
	text[len] = '\0';
	assert_string_equal(text,
	    "test_log: hop-\n"
	    "test_log: lines lost here: 1: No space left on device\n"
	    "test_log: ready\n");
}

/* ---- a sink ------------------------------------------------------------- */

static char sunk[256];
static uint32_t sunk_account;
static int sunk_priority;

static bool
sink(int priority, const char *text, const struct log_fields *fields)
{
	snprintf(sunk, sizeof(sunk), "%s", text);
	sunk_account = fields->account;
	sunk_priority = priority;
	return true;
}

static bool
full_sink(int priority, const char *text, const struct log_fields *fields)
{
	(void)priority, (void)text, (void)fields;
	return false;
}

static int
release_sink(void **state)
{
	log_to(NULL);
	return release(state);
}

static void
a_sink_gets_the_lines_about_somebody_and_no_others(void **state)
{
	const struct log_fields fields = { .account = 25880,
		.verdict = "node-unknown" };

	(void)state;
	log_to(sink);
	log_about(&fields, LOG_WARNING, "hop-refused: %s\n", "no");
	assert_string_equal(sunk, "hop-refused: no? account=25880");
	assert_int_equal(sunk_account, 25880);
	assert_int_equal(sunk_priority, LOG_WARNING);
	log_info("ready");
	expect("test_log: ready\n");
	assert_string_equal(sunk, "hop-refused: no? account=25880");
}

static void
what_a_sink_does_not_take_is_not_lost(void **state)
{
	const struct log_fields fields = { .account = 25880 };

	(void)state;
	log_to(full_sink);
	log_about(&fields, LOG_INFO, "hop-refused: no");
	expect("test_log: hop-refused: no account=25880\n");
}

static void
what_was_lost_is_told_though_a_sink_takes_the_next(void **state)
{
	const struct log_fields fields = { .account = 25880 };
	const int count = lose_some();

	(void)state;
	log_to(sink);
	log_about(&fields, LOG_INFO, "ready");
	expect_lost(count, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_says_who_speaks, catch,
		    release),
		cmocka_unit_test_setup_teardown(a_line_leaves_errno_as_it_is,
		    catch, release),
		cmocka_unit_test_setup_teardown(
		    in_the_journal_a_line_has_its_priority, catch, release),
		cmocka_unit_test_setup_teardown(
		    whom_it_is_about_stands_at_the_end, catch, release),
		cmocka_unit_test_setup_teardown(one_line_stays_one_line, catch,
		    release),
		cmocka_unit_test_setup_teardown(
		    a_line_that_is_too_long_is_cut_and_has_its_end, catch,
		    release),
		cmocka_unit_test_setup_teardown(
		    who_does_not_read_holds_nobody_up_and_is_told_what_was_lost,
		    catch_in_pipe, release),
		cmocka_unit_test_setup_teardown(
		    who_does_not_read_holds_nobody_up_and_is_told_what_was_lost,
		    catch_in_socket, release),
		cmocka_unit_test_setup_teardown(
		    a_stopped_terminal_holds_nobody_up, catch_in_terminal,
		    release),
		cmocka_unit_test_setup_teardown(
		    after_a_part_of_a_line_the_next_begins_anew, catch_in_file,
		    release),
		cmocka_unit_test_setup_teardown(
		    a_sink_gets_the_lines_about_somebody_and_no_others, catch,
		    release_sink),
		cmocka_unit_test_setup_teardown(
		    what_a_sink_does_not_take_is_not_lost, catch, release_sink),
		cmocka_unit_test_setup_teardown(
		    what_was_lost_is_told_though_a_sink_takes_the_next,
		    catch_in_pipe, release_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
