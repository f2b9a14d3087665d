/* See confinement.h. It only restricts reading: what the guard may write is
 * decided by its uid. */
#include <config.h>

#include "enscale_guard/confinement.h"

#include <stddef.h>

#include "common/base/cleanup.h"
#include "common/base/landlock.h"

int
confinement_begin(const char *const *folders)
{
	/* A file cannot be linked or moved to where reading is allowed
	 * either: Landlock refuses that by itself. */
	const struct landlock_rights rights = {
		.files = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	AUTO_FD int ruleset = landlock_open(&rights);
	int r;

	if (ruleset < 0)
		return ruleset;
	for (; *folders != NULL; folders++) {
		r = landlock_allow_path(ruleset, *folders, rights.files);
		if (r < 0)
			return r;
	}
	return landlock_begin(ruleset);
}
