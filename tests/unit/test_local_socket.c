/* Sockets with a path: who connects waits as long as it was told, no longer. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/local_socket.h"

static char folder[] = "/tmp/enscale-test-socket-XXXXXX";
static char path[64];

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

static int
listen_at(int type, int backlog)
{
	int fd = local_socket_bind(path, type, 0600);

	assert_true(fd >= 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static bool
blocks(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

static void
what_is_made_takes_the_place_of_what_was_left(void **state)
{
	struct stat st;
	int left, fd;

	(void)state;
	left = local_socket_bind(path, SOCK_STREAM, 0600);
	assert_true(left >= 0);
	fd = local_socket_bind(path, SOCK_SEQPACKET, 0640);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_false(blocks(fd));
	close(fd);
	close(left);
}

static void
each_type_finds_its_own(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	int listener, fd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		listener = listen_at(types[i], 1);
		assert_int_equal(local_socket_connect(path, types[1 - i], 0),
		    -EPROTOTYPE);
		fd = local_socket_connect(path, types[i], 0);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_false(blocks(fd));
		close(fd);
		close(listener);
		assert_int_equal(local_socket_connect(path, types[i], 0),
		    -ECONNREFUSED);
	}
}

static void
who_does_not_wait_is_told_at_once_that_many_do(void **state)
{
	int listener = listen_at(SOCK_STREAM, 0), fd;

	(void)state;
	fd = local_socket_connect(path, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(local_socket_connect(path, SOCK_STREAM, 0), -EAGAIN);
	close(fd);
	close(listener);
}

static void
who_waits_does_so_for_a_limited_time(void **state)
{
	int listener = listen_at(SOCK_STREAM, 0), fd;
	char byte;

	(void)state;
	fd = local_socket_connect(path, SOCK_STREAM, 1);
	assert_true(fd >= 0 && blocks(fd));
	assert_int_equal(local_socket_connect(path, SOCK_STREAM, 1), -EAGAIN);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	close(listener);
}

static void
an_abstract_name_is_found(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64], data[8];
	int bound = socket(AF_UNIX, SOCK_DGRAM, 0), fd, len;

	(void)state;
	len = snprintf(name, sizeof(name), "@enscale-test-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
	assert_int_equal(
	    bind(bound, (const struct sockaddr *)&address,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	            (size_t)len)),
	    0);
	fd = local_socket_connect(name, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "told", 4, 0), 4);
	assert_int_equal(recv(bound, data, sizeof(data), 0), 4);
	close(fd);
	close(bound);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(local_socket_bind(name, SOCK_STREAM, 0600),
	    -ENAMETOOLONG);
	assert_int_equal(local_socket_connect(name, SOCK_STREAM, 0),
	    -ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_takes_the_place_of_what_was_left),
		cmocka_unit_test(each_type_finds_its_own),
		cmocka_unit_test(
		    who_does_not_wait_is_told_at_once_that_many_do),
		cmocka_unit_test(who_waits_does_so_for_a_limited_time),
		cmocka_unit_test(an_abstract_name_is_found),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
