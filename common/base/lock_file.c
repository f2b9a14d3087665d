/* See lock_file.h. It refuses to follow a link, and never removes the file:
 * otherwise two processes could hold two locks of one name. */
#include <config.h>

#include "common/base/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 10

int
lock_file(int dir_fd, const char *path, unsigned wait_ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	unsigned waited = 0;
	int fd, r;

	fd = openat(dir_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		r = -errno;
		if ((r != -EWOULDBLOCK && r != -EINTR) || waited >= wait_ms) {
			close(fd);
			return r;
		}
		nanosleep(&step, NULL);
		waited += STEP_MS;
	}
	return fd;
}
