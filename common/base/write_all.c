/* See write_all.h. */
#include <config.h>

#include "common/base/write_all.h"

#include <errno.h>
#include <unistd.h>

int
write_all(int fd, const void *data, size_t len)
{
	const char *next = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, next, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		len -= (size_t)n;
	}
	return 0;
}
