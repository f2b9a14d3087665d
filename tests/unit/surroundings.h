/* What surrounds a process, as a test wants it. Included behind cmocka.h. */
#ifndef ENSCALE_TESTS_SURROUNDINGS_H
#define ENSCALE_TESTS_SURROUNDINGS_H

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* No file may be larger than so many bytes, as on a disk that is full. The
 * program ignores SIGXFSZ. */
static inline void
limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A supervisor's socket with an abstract name that the kernel chooses, as
 * NOTIFY_SOCKET. */
static inline int
listen_as_supervisor(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)),
	    0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	address.sun_path[0] = '@';
	assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	return fd;
}

#endif
