#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/supervisor.h"
#include "tests/unit/surroundings.h"

static int
open_socket(void **state)
{
	static int fd;

	fd = listen_as_supervisor();
	*state = &fd;
	return 0;
}

static int
close_socket(void **state)
{
	close(*(int *)*state);
	return unsetenv("NOTIFY_SOCKET");
}

static void
expect(void **state, const char *want)
{
	char text[SUPERVISOR_TEXT_MAX];
	ssize_t n = recv(*(int *)*state, text, sizeof(text) - 1, 0);

	if (want == NULL) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void
what_is_told_arrives(void **state)
{
	assert_true(supervisor_tell("READY=1"));
	expect(state, "READY=1");
	expect(state, NULL);
}

static void
without_a_supervisor_nothing_is_missed(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_true(supervisor_tell("READY=1"));
}

static void
a_status_is_told_when_it_is_new(void **state)
{
	supervisor_tell_status("%s", "a");
	supervisor_tell_status("%s", "a");
	supervisor_tell_status("%s", "b");
	supervisor_tell_status("%s", "a");
	expect(state, "STATUS=a");
	expect(state, "STATUS=b");
	expect(state, "STATUS=a");
	expect(state, NULL);
}

static void
a_long_status_is_cut(void **state)
{
	char text[2 * SUPERVISOR_TEXT_MAX], want[SUPERVISOR_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)snprintf(want, sizeof(want), "STATUS=%.*s",
	    (int)(sizeof(want) - sizeof("STATUS=")), text);
	supervisor_tell_status("%s", text);
	expect(state, want);
}

static void
one_that_does_not_read_is_not_waited_for(void **state)
{
	int taken = 0;

	alarm(10); /* ends a test that waits */
	supervisor_tell_status("before");
	expect(state, "STATUS=before");
	while (supervisor_tell("READY=1"))
		taken++;
	assert_in_range(taken, 1, 100000);
	supervisor_tell_status("after");
	while (taken-- > 0)
		expect(state, "READY=1");
	expect(state, NULL);
	/* What was not taken is told the next time. */
	supervisor_tell_status("after");
	expect(state, "STATUS=after");
	alarm(0);
}

static int
end_loop(sd_event_source *source, uint64_t time, void *arg)
{
	(void)source;
	(void)time;
	return sd_event_exit(arg, 0);
}

static void
the_watchdog_is_fed_while_the_loop_runs(void **state)
{
	sd_event_source *watchdog = NULL, *end = NULL;
	sd_event *event = NULL;

	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	assert_int_equal(supervisor_feed_watchdog(event, &watchdog), 0);
	assert_null(watchdog);
	assert_int_equal(setenv("WATCHDOG_USEC", "60000", 1), 0);
	assert_int_equal(supervisor_feed_watchdog(event, &watchdog), 0);
	assert_non_null(watchdog);
	expect(state, NULL);
	assert_true(sd_event_add_time_relative(event, &end, CLOCK_MONOTONIC,
	                900 * 1000, 0, end_loop, event) >= 0);
	assert_int_equal(sd_event_loop(event), 0);
	expect(state, "WATCHDOG=1");
	expect(state, "WATCHDOG=1");
	sd_event_source_disable_unref(end);
	sd_event_source_disable_unref(watchdog);
	sd_event_unref(event);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, open_socket, close_socket)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_told_arrives),
		TEST(without_a_supervisor_nothing_is_missed),
		TEST(a_status_is_told_when_it_is_new),
		TEST(a_long_status_is_cut),
		TEST(one_that_does_not_read_is_not_waited_for),
		TEST(the_watchdog_is_fed_while_the_loop_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
