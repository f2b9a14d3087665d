/* Children and private files. See apart.h. */
#include <config.h>

#include "common/base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FILE_NAME ".new-unnamed"

bool
apart_begin(pid_t parent, int fd)
{
	/* Its locks and sockets are the parent's. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	    dup2(fd, APART_FD) == APART_FD &&
	    close_range(APART_FD + 1, ~0U, 0) == 0;
}

/* Where the file system cannot make one without a name. */
static int
named_file(int dir_fd)
{
	int fd = openat(dir_fd, FILE_NAME,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, FILE_NAME, 0) == 0)
		fd = openat(dir_fd, FILE_NAME,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (unlinkat(dir_fd, FILE_NAME, 0) != 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int
apart_file(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	return errno == EOPNOTSUPP || errno == EISDIR ? named_file(dir_fd)
	                                              : -errno;
}
