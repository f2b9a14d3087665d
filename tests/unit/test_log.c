/* Lines of the log, as their readers get them. */
#include <config.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/log.h"

static int kept, ends[2];

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_says_who_speaks, catch,
		    release),
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
		    a_sink_gets_the_lines_about_somebody_and_no_others, catch,
		    release_sink),
		cmocka_unit_test_setup_teardown(
		    what_a_sink_does_not_take_is_not_lost, catch, release_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
