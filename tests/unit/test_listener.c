/* The guard's listening sockets (enscale_guard/listener.c): who is taken in, and
 * what happens when nobody can be. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/local_socket.h"
#include "enscale_guard/listener.h"

#define SECOND 1000000ULL
#define TAKEN  8

static char folder[] = "/tmp/test_listener.XXXXXX";
static char path[64];
static sd_event *event;
static struct admission admission;
static struct listener *listener;
static int taken[TAKEN], taken_count;
static struct client *taken_client;
static int kept, said[2];

static void
take(int fd, struct client *client, void *arg)
{
	(void)arg;
	assert_true(taken_count < TAKEN);
	taken[taken_count++] = fd;
	taken_client = client;
}

static void
listen_for(uid_t first, uid_t last)
{
	const struct listener_options options = {
		.path = path,
		.admission = &admission,
		.uid_min = first,
		.uid_max = last,
		.accepted = take,
	};

	assert_int_equal(listener_new(event, &options, &listener), 0);
}

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || sd_event_new(&event) < 0 ||
	    pipe2(said, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	admission_init(&admission, TAKEN);
	kept = dup(STDERR_FILENO);
	return kept < 0 || dup2(said[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	while (taken_count > 0)
		close(taken[--taken_count]);
	listener_free(listener);
	listener = NULL;
	admission_clear(&admission);
	sd_event_unref(event);
	close(said[0]);
	close(said[1]);
	unlink(path);
	if (rmdir(folder) != 0 || dup2(kept, STDERR_FILENO) < 0)
		return -1;
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return close(kept);
}

static int
knock(void)
{
	int fd = local_socket_connect(path, SOCK_STREAM, 5);

	assert_true(fd >= 0);
	return fd;
}

/* Until nothing is pending. */
static void
settle(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static bool
is_hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static unsigned
lines_said(void)
{
	char text[4096];
	ssize_t n = read(said[0], text, sizeof(text));
	unsigned count = 0;

	for (ssize_t i = 0; i < n; i++)
		count += text[i] == '\n';
	return count;
}

static void
who_may_connect_is_taken_in(void **state)
{
	int fd;

	(void)state;
	listen_for(geteuid(), geteuid());
	fd = knock();
	settle();
	assert_int_equal(taken_count, 1);
	assert_int_equal(taken_client->uid, geteuid());
	assert_int_equal(taken_client->connections, 1);
	assert_false(is_hung_up(fd));
	close(fd);
}

static void
another_uid_is_hung_up_on_and_takes_no_place(void **state)
{
	int above, below;

	(void)state;
	listen_for(geteuid() + 1, UINT32_MAX - 1);
	above = knock();
	settle();
	assert_true(is_hung_up(above));
	listener_free(listener);
	listener = NULL;
	if (geteuid() > 0) {
		listen_for(0, geteuid() - 1);
		below = knock();
		settle();
		assert_true(is_hung_up(below));
		close(below);
	}
	assert_int_equal(taken_count, 0);
	assert_int_equal(admission.connections, 0);
	close(above);
}

static void
one_too_many_is_hung_up_on_and_said_once(void **state)
{
	int fds[4];

	(void)state;
	admission_init(&admission, 1);
	listen_for(geteuid(), geteuid());
	for (int i = 0; i < 4; i++)
		fds[i] = knock();
	settle();
	assert_int_equal(taken_count, 1);
	assert_false(is_hung_up(fds[0]));
	for (int i = 1; i < 4; i++)
		assert_true(is_hung_up(fds[i]));
	assert_int_equal(lines_said(), 1);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

/* The loop must not turn for as long as there are no descriptors: a guard
 * without them would use all of a processor. */
static void
without_descriptors_it_waits_and_then_goes_on(void **state)
{
	struct rlimit before, none;
	int fd, turns = 0;

	(void)state;
	listen_for(geteuid(), geteuid());
	fd = knock();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (turns < 1000 && sd_event_run(event, 0) > 0)
		turns++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_in_range(turns, 1, 10);
	assert_int_equal(taken_count, 0);
	assert_int_equal(lines_said(), 1);
	assert_false(is_hung_up(fd));
	for (int i = 0; i < 100 && taken_count == 0; i++)
		assert_true(sd_event_run(event, SECOND / 10) >= 0);
	assert_int_equal(taken_count, 1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_may_connect_is_taken_in,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    another_uid_is_hung_up_on_and_takes_no_place, begin, end),
		cmocka_unit_test_setup_teardown(
		    one_too_many_is_hung_up_on_and_said_once, begin, end),
		cmocka_unit_test_setup_teardown(
		    without_descriptors_it_waits_and_then_goes_on, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
