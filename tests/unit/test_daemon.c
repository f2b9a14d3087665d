/* What daemons have in common. The socket that systemd holds is taken; any other
 * is not. */
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/daemon.h"
#include "common/base/local_socket.h"

#define HANDED  3 /* SD_LISTEN_FDS_START */
#define BACKLOG 4

static char folder[] = "/tmp/enscale-test-daemon-XXXXXX";
static char path[64], other[64];

static int
setup_group(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int
teardown_group(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static int
teardown(void **state)
{
	(void)state;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	close(HANDED);
	return 0;
}

/* As systemd does: a socket with number 3, and who it is for. */
static void
hand_over(const char *name, bool listens)
{
	char pid[16];
	int fd = local_socket_bind(name, SOCK_STREAM, 0600);

	assert_true(fd >= 0);
	if (fd != HANDED) {
		assert_int_equal(dup2(fd, HANDED), HANDED);
		close(fd);
	}
	if (listens)
		assert_int_equal(listen(HANDED, BACKLOG), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "1", 1), 0);
}

static void
who_waits_in_a_socket_that_is_handed_over_is_not_lost(void **state)
{
	int client, taken;

	(void)state;
	hand_over(path, true);
	client = local_socket_connect(path, SOCK_STREAM, 0);
	assert_true(client >= 0);
	assert_int_equal(daemon_listen(path, 0666, BACKLOG), HANDED);
	assert_int_equal(fcntl(HANDED, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(HANDED, F_GETFL) & O_NONBLOCK) != 0);
	taken = accept(HANDED, NULL, NULL);
	assert_true(taken >= 0);
	close(taken);
	close(client);
}

static void
a_socket_of_another_path_or_that_does_not_listen_is_not_taken(void **state)
{
	int fd;

	(void)state;
	hand_over(other, true);
	fd = daemon_listen(path, 0666, BACKLOG);
	assert_true(fd > HANDED);
	close(fd);
	close(HANDED);
	hand_over(path, false);
	fd = daemon_listen(path, 0666, BACKLOG);
	assert_true(fd > HANDED);
	close(fd);
}

static void
without_one_it_makes_its_own_in_place_of_what_was_left(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	close(local_socket_bind(path, SOCK_STREAM, 0600)); /* left behind */
	assert_int_equal(local_socket_connect(path, SOCK_STREAM, 0),
	    -ECONNREFUSED);
	fd = daemon_listen(path, 0660, BACKLOG);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(local_socket_connect(path, SOCK_STREAM, 0));
	close(fd);
}

static void
only_one_daemon_has_the_lock(void **state)
{
	(void)state;
	unlink(other);
	assert_int_equal(daemon_lock(other), 0);
	assert_int_equal(daemon_lock(other), -EWOULDBLOCK);
	assert_int_equal(daemon_lock("/nowhere/lock"), -ENOENT);
}

static int
count(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	(void)source;
	(void)info;
	(*(int *)arg)++;
	return 0;
}

static void
signals_wait_for_the_loop_and_end_it(void **state)
{
	static const int ends[] = { SIGTERM, SIGINT };
	sd_event *event = NULL;
	int hangups;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		hangups = 0;
		assert_int_equal(daemon_open_loop(count, &hangups, &event), 0);
		raise(SIGHUP);
		assert_int_equal(sd_event_run(event, UINT64_MAX) >= 0, true);
		raise(ends[i]);
		assert_int_equal(sd_event_loop(event), 0);
		assert_int_equal(hangups, 1);
		event = sd_event_unref(event);
	}
}

static void
who_hangs_up_does_not_end_it_and_its_files_are_its_own(void **state)
{
	int ends[2];
	struct stat st;

	(void)state;
	daemon_prepare(027);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void
nobody_may_look_into_it(void **state)
{
	struct rlimit limit;

	(void)state;
	daemon_close_to_others();
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    who_waits_in_a_socket_that_is_handed_over_is_not_lost,
		    teardown),
		cmocka_unit_test_teardown(
		    a_socket_of_another_path_or_that_does_not_listen_is_not_taken,
		    teardown),
		cmocka_unit_test_teardown(
		    without_one_it_makes_its_own_in_place_of_what_was_left,
		    teardown),
		cmocka_unit_test(only_one_daemon_has_the_lock),
		cmocka_unit_test(signals_wait_for_the_loop_and_end_it),
		cmocka_unit_test(
		    who_hangs_up_does_not_end_it_and_its_files_are_its_own),
		cmocka_unit_test(nobody_may_look_into_it),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
