/*
 * What operators have said, for as long as it holds: that no new logins are
 * taken (state_dir/guard/drain), or a line for all menus
 * (state_dir/guard/announcement). The guard writes it; pam_enscale and
 * enscalectl read it, also while no guard runs. A file is complete or does not
 * exist, and outlives a power failure:
 *
 *	enscale-notice 1
 *	since 1763850000
 *	uid 0
 *	by ada (root)
 *	text Maintenance until noon.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_NOTICE_H
#define ENSCALE_COMMON_PROTOCOL_NOTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

struct notice {
	int64_t since; /* seconds since the epoch */
	uid_t uid;     /* of whoever said it */
	char by[NOTICE_BY_MAX + 1];
	char text[NOTICE_TEXT_MAX + 1]; /* printable, perhaps "" */
};

/* May an operator say this? Printable, not too long. */
bool notice_text_is_valid(const char *text);

/* Reads the file at path. 0; ENS_E_NOTFOUND: nothing was said, or it was taken
 * back; ENS_E_VERSION; ENS_E_CORRUPT; -errno. */
ENS_MUST_CHECK int notice_read(const char *path, struct notice *ret_notice);
/* Replaces it, durably. 0; ENS_E_SYNTAX; -errno: it may be replaced
 * nevertheless, and not durably. */
ENS_MUST_CHECK int notice_write(const char *path, const struct notice *notice);
/* Takes it back, durably; one that is not there is a success. 0 or
 * -errno, likewise. */
ENS_MUST_CHECK int notice_remove(const char *path);

/* Is the account in drain_allow of the configuration, "25880, 21296"? */
bool notice_drain_allows(const char *allowed, uint32_t account);

#endif
