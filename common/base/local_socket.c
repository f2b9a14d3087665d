/* See local_socket.h. It refuses a socket that is not the one asked for: of
 * another path or kind, or one that does not listen. */
#include <config.h>

#include "common/base/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/base/cleanup.h"

/* A new one, for this address: close-on-exec and not blocking. */
static int
open_socket(const char *path, int type, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	*ret_address = address;
	return fd;
}

int
local_socket_bind(const char *path, int type, mode_t mode)
{
	struct sockaddr_un address;
	AUTO_FD int fd = open_socket(path, type, &address);
	int kept;

	if (fd < 0)
		return fd;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, mode) < 0)
		return -errno;
	kept = fd;
	fd = -1;
	return kept;
}

int
local_socket_connect(const char *path)
{
	struct sockaddr_un address;
	AUTO_FD int fd = open_socket(path, SOCK_STREAM, &address);
	int kept;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	kept = fd;
	fd = -1;
	return kept;
}

/* Its descriptor, which sd_listen_fds() has made close-on-exec; -1: none. */
static int
handed_over(const char *path)
{
	int count = sd_listen_fds(0);

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count;
	     fd++)
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
			return fd;
	return -1;
}

int
local_socket_listen(const char *path, mode_t mode, int backlog)
{
	AUTO_FD int fd = handed_over(path);
	int kept;

	if (fd < 0)
		fd = local_socket_bind(path, SOCK_STREAM, mode);
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (fd < 0)
		return fd;
	/* Again, where systemd has done so: whoever connects finds our pid and
	 * uid at the other end (SO_PEERCRED). */
	if (listen(fd, backlog) < 0)
		return -errno;
	kept = fd;
	fd = -1;
	return kept;
}
