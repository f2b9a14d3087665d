/* See local_socket.h. It never waits without a limit. */
#include <config.h>

#include "common/base/local_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/cleanup.h"

struct address {
	struct sockaddr_un name;
	socklen_t len;
};

/* An abstract name has no NUL at its end: there it would be one more byte. */
static int
fill_address(const char *path, struct address *ret_address)
{
	struct address address = { .name.sun_family = AF_UNIX };
	const bool is_abstract = path[0] == '@';
	size_t len = strlen(path) + (is_abstract ? 0 : 1);

	if (strlen(path) >= sizeof(address.name.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.name.sun_path, path, len);
	if (is_abstract)
		address.name.sun_path[0] = '\0';
	address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	*ret_address = address;
	return 0;
}

/* A new one, for this address. */
static int
open_socket(const char *path, int type, struct address *ret_address)
{
	int fd, r = fill_address(path, ret_address);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int
local_socket_bind(const char *path, int type, mode_t mode)
{
	struct address address;
	AUTO_FD int fd = open_socket(path, type | SOCK_NONBLOCK, &address);

	if (fd < 0)
		return fd;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address.name, address.len) < 0 ||
	    chmod(path, mode) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Also limits how long connect(2) waits behind a full backlog. */
static int
limit_waiting(int fd, unsigned wait_s)
{
	const struct timeval limit = { .tv_sec = wait_s };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) <
	        0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}

int
local_socket_connect(const char *path, int type, unsigned wait_s)
{
	struct address address;
	AUTO_FD int fd = open_socket(path,
	    type | (wait_s == 0 ? SOCK_NONBLOCK : 0), &address);
	int r;

	if (fd < 0)
		return fd;
	r = wait_s == 0 ? 0 : limit_waiting(fd, wait_s);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address.name, address.len) <
	    0)
		return -errno;
	return TAKE_FD(fd);
}

int
local_socket_tell(const char *path, const void *data, size_t len)
{
	AUTO_FD int fd = local_socket_connect(path, SOCK_DGRAM, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = send(fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
