/* Landlock's three calls. It refuses nothing but reading: what the guard may
 * write, its uid says. */
#include <config.h>

#include "enscale_guard/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

static int
allow(int rules, const char *folder)
{
	struct landlock_path_beneath_attr below = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	AUTO_FD int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	below.parent_fd = fd;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
	           &below, 0U) < 0
	    ? -errno
	    : 0;
}

int
confinement_begin(const char *const *folders)
{
	/* A file cannot be linked or moved to where reading is allowed
	 * either: Landlock refuses that by itself. */
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	AUTO_FD int rules = -1;
	int r;

	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0U);
	if (rules < 0)
		return -errno;
	for (; *folders != NULL; folders++) {
		r = allow(rules, *folders);
		if (r < 0)
			return r;
	}
	return syscall(SYS_landlock_restrict_self, rules, 0U) < 0 ? -errno : 0;
}
