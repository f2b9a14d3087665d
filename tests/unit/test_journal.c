/* Which lines go to the journal: none that it would not get, or not at once. That
 * it understands them is in tests/system/test_systemd.py. */
#include <config.h>

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/journal.h"
#include "common/base/local_socket.h"
#include "common/base/log.h"

#define WAIT_MAX  30 /* seconds: whoever waits for a reader waits for ever */
#define LINES_MAX 100000

static char folder[] = "/tmp/enscale-test-journal-XXXXXX";
static char path[64];
static int kept, ends[2];

static int
setup_group(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int
teardown_group(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

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
	log_to(NULL);
	unsetenv("JOURNAL_STREAM");
	close(ends[0]);
	close(ends[1]);
	return dup2(kept, STDERR_FILENO) < 0 || close(kept) != 0 ? -1 : 0;
}

static void
say(const char *text)
{
	const struct log_fields fields = { .account = 25880 };

	log_about(&fields, LOG_INFO, "%s", text);
}

static void
expect_on_stderr(const char *want)
{
	char line[256] = "";

	journal_begin(path);
	say("hop-refused: no");
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, want);
}

/* As systemd names the standard error that it has connected. */
static void
name_stream(void)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

/* ---- a journal ---------------------------------------------------------- */

static int
open_journal(void)
{
	int fd = local_socket_bind(path, SOCK_DGRAM, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* The next entry as "NAME=VALUE;NAME=VALUE;"; each field has the form that says
 * how long it is. False: there is none. */
static bool
read_entry(int fd, char text[PIPE_BUF])
{
	char entry[PIPE_BUF];
	const ssize_t len = recv(fd, entry, sizeof(entry), 0);
	const char *at = entry, *const end = entry + len;
	uint64_t size;

	text[0] = '\0';
	while (len > 0 && at < end) {
		const char *value = memchr(at, '\n', (size_t)(end - at));
		const size_t used = strlen(text);

		assert_non_null(value);
		assert_true(end - value > (ptrdiff_t)sizeof(size));
		memcpy(&size, value + 1, sizeof(size));
		size = le64toh(size);
		snprintf(text + used, PIPE_BUF - used, "%.*s=%.*s;",
		    (int)(value - at), at, (int)size, value + 9);
		at = value + 9 + size;
		assert_true(at < end && *at == '\n');
		at++;
	}
	return len > 0;
}

static void
expect_entry(int fd, const char *want)
{
	char text[PIPE_BUF];

	assert_true(read_entry(fd, text));
	assert_string_equal(text, want);
}

/* ---- which lines -------------------------------------------------------- */

static void
without_systemd_lines_go_to_standard_error(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	expect_on_stderr("test_journal: hop-refused: no account=25880\n");
}

/* As in a shell that systemd has started: the variable is of another. */
static void
a_standard_error_that_was_redirected_gets_the_lines(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	expect_on_stderr("<6>hop-refused: no account=25880\n");
}

static void
what_is_known_of_somebody_are_fields(void **state)
{
	const struct log_fields all = { .session = "abcdefghij234567",
		.account = 25880,
		.node = 124718,
		.verdict = "node-unknown" };
	const int journal = open_journal();

	(void)state;
	name_stream();
	journal_begin(path);
	log_about(&all, LOG_WARNING, "hop-refused: no\nPRIORITY=0");
	expect_entry(journal,
	    "PRIORITY=4;SYSLOG_IDENTIFIER=test_journal;"
	    "ENSCALE_SESSION=abcdefghij234567;ENSCALE_ACCOUNT=25880;"
	    "ENSCALE_NODE=124718;ENSCALE_VERDICT=node-unknown;"
	    "MESSAGE=hop-refused: no?PRIORITY=0 session=abcdefghij234567 "
	    "account=25880 node=124718;");
	close(journal);
}

static void
a_journal_that_does_not_read_holds_nobody_up_and_no_line_is_lost(void **state)
{
	const int journal = open_journal();
	char line[256] = "", entry[PIPE_BUF];
	int said = 0, read_there = 0;

	(void)state;
	name_stream();
	journal_begin(path);
	limit_waiting();
	while (said < LINES_MAX && read(ends[0], line, sizeof(line) - 1) < 0) {
		say("hop-refused: no");
		said++;
	}
	assert_string_equal(line, "<6>hop-refused: no account=25880\n");
	while (read_entry(journal, entry))
		read_there++;
	assert_int_equal(read_there, said - 1);
	/* It reads again. */
	say("hop-refused: no");
	assert_true(read_entry(journal, entry));
	close(journal);
}

static void
a_journal_that_goes_and_comes_back_loses_no_line(void **state)
{
	const char *want = "PRIORITY=6;SYSLOG_IDENTIFIER=test_journal;"
	                   "ENSCALE_ACCOUNT=25880;"
	                   "MESSAGE=ready account=25880;";
	int journal = open_journal();

	(void)state;
	name_stream();
	journal_begin(path);
	say("ready");
	expect_entry(journal, want);
	close(journal);
	expect_on_stderr("<6>hop-refused: no account=25880\n");
	assert_int_equal(unlink(path), 0);
	expect_on_stderr("<6>hop-refused: no account=25880\n");
	journal = open_journal();
	say("ready");
	expect_entry(journal, want);
	close(journal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    without_systemd_lines_go_to_standard_error, catch, release),
		cmocka_unit_test_setup_teardown(
		    a_standard_error_that_was_redirected_gets_the_lines, catch,
		    release),
		cmocka_unit_test_setup_teardown(
		    what_is_known_of_somebody_are_fields, catch, release),
		cmocka_unit_test_setup_teardown(
		    a_journal_that_does_not_read_holds_nobody_up_and_no_line_is_lost,
		    catch, release),
		cmocka_unit_test_setup_teardown(
		    a_journal_that_goes_and_comes_back_loses_no_line, catch,
		    release),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
