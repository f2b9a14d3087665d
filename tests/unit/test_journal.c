/* Which lines go to the journal: none that it would not get. What it gets is in
 * tests/system/test_systemd.py. */
#include <config.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/journal.h"
#include "common/base/log.h"

#define SOCKET "/run/systemd/journal/socket"

static int kept, ends[2];

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
	log_to(NULL);
	unsetenv("JOURNAL_STREAM");
	close(ends[0]);
	close(ends[1]);
	return dup2(kept, STDERR_FILENO) < 0 || close(kept) != 0 ? -1 : 0;
}

static void
expect_on_stderr(const char *want)
{
	const struct log_fields fields = { .account = 25880 };
	char line[256] = "";

	journal_begin();
	log_about(&fields, LOG_INFO, "hop-refused: no");
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, want);
}

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
where_the_journal_cannot_be_reached_no_line_is_lost(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	if (access(SOCKET, W_OK) == 0)
		skip();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	expect_on_stderr("<6>hop-refused: no account=25880\n");
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
		    where_the_journal_cannot_be_reached_no_line_is_lost, catch,
		    release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
