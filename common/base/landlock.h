/*
 * Landlock (landlock(7)), without a library and without the kernel's newest
 * header: a process gives up rights for itself and all its children, for
 * ever. What a right means is in linux/landlock.h; rights that Debian 12's
 * header does not have yet are named here.
 */
#ifndef ENSCALE_COMMON_BASE_LANDLOCK_H
#define ENSCALE_COMMON_BASE_LANDLOCK_H

#include <linux/landlock.h>
#include <stdint.h>

#include "common/base/cleanup.h"

/* Version 2, 3, 4 and 6 */
#define LANDLOCK_FS_REFER      (1ULL << 13)
#define LANDLOCK_FS_TRUNCATE   (1ULL << 14)
#define LANDLOCK_TCP_BIND      (1ULL << 0)
#define LANDLOCK_SCOPE_SOCKETS (1ULL << 0) /* abstract unix sockets */
#define LANDLOCK_SCOPE_SIGNALS (1ULL << 1)

/* The rights to take away, except where a rule gives them back. */
struct landlock_rights {
	uint64_t files, network, scopes;
};

/* Landlock's version in this kernel; 0: there is none, or it is off. */
int landlock_version(void);

/*
 * A new ruleset: a descriptor to be closed, or -errno; -ENOSYS and -EOPNOTSUPP
 * where there is no Landlock, -EINVAL for rights that its version does not
 * have.
 */
ENS_MUST_CHECK int landlock_open(const struct landlock_rights *rights);

/* Gives rights back below a path. A missing path needs no rule. 0 or -errno. */
ENS_MUST_CHECK int landlock_allow_path(int ruleset, const char *path,
    uint64_t files);
/* The same for an open descriptor; O_PATH is enough. */
ENS_MUST_CHECK int landlock_allow_fd(int ruleset, int fd, uint64_t files);

/* Enforces the ruleset from now on. Needs PR_SET_NO_NEW_PRIVS. 0 or -errno. */
ENS_MUST_CHECK int landlock_begin(int ruleset);

#endif
