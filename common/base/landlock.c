/* See landlock.h. Refuses nothing by itself. */
#include <config.h>

#include "common/base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/cleanup.h"

int
landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* The kernel takes a longer struct than its own when the rest is zero. */
int
landlock_open(const struct landlock_rights *rights)
{
	int fd = (int)syscall(SYS_landlock_create_ruleset, rights,
	    sizeof(*rights), 0U);

	return fd < 0 ? -errno : fd;
}

int
landlock_allow_fd(int ruleset, int fd, uint64_t files)
{
	const struct landlock_path_beneath_attr below = {
		.allowed_access = files,
		.parent_fd = fd,
	};

	return syscall(SYS_landlock_add_rule, ruleset,
	           LANDLOCK_RULE_PATH_BENEATH, &below, 0U) < 0
	    ? -errno
	    : 0;
}

int
landlock_allow_path(int ruleset, const char *path, uint64_t files)
{
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return landlock_allow_fd(ruleset, fd, files);
}

int
landlock_begin(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0 ? -errno
	                                                            : 0;
}
