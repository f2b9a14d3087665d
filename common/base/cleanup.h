/* Locals that clean themselves, for functions without goto. */
#ifndef ENSCALE_COMMON_BASE_CLEANUP_H
#define ENSCALE_COMMON_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENS_UNUSED     __attribute__((unused))
#define ENS_MUST_CHECK __attribute__((warn_unused_result))
#define ENS_EXPORT     __attribute__((visibility("default")))

static inline void
cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
cleanup_file(FILE *const *file)
{
	if (*file != NULL)
		fclose(*file);
}

/* The descriptor, which its variable no longer closes. */
static inline int
take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define TAKE_FD(fd) take_fd(&(fd))

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_FD   __attribute__((cleanup(cleanup_fd)))
#define AUTO_FILE __attribute__((cleanup(cleanup_file)))
#define AUTO(fn)  __attribute__((cleanup(fn)))

#endif
