/* See monitor.h. It sends the monitor nothing. */
#include <config.h>

#include "enscale_shell/monitor.h"

#include <errno.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/protocol/session_registry.h"

int
monitor_open(void)
{
	const pid_t parent = getppid();
	pid_t monitor, again;
	int fd, r;

	r = process_stat(parent, NULL, &monitor);
	if (r < 0)
		return r;
	if (monitor <= 1)
		return -ESRCH;
	fd = pidfd_open(monitor, 0);
	if (fd < 0)
		return -errno;
	/* If it is still the parent's parent, its pid was not reused. */
	r = process_stat(parent, NULL, &again);
	if (r == 0 && (again != monitor || getppid() != parent))
		r = -ESRCH;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
