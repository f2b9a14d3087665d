/* What an open view is: view.c (lookups) and view_walk.c (all of it). */
#ifndef ENSCALE_COMMON_VIEW_VIEW_PRIVATE_H
#define ENSCALE_COMMON_VIEW_VIEW_PRIVATE_H

#include <cdb.h>
#include <sys/stat.h>

#include "common/view/manifest.h"
#include "common/view/view.h"

struct view {
	struct manifest manifest;
	struct stat stat; /* of the manifest, from before it was read */
	uint32_t open_count;
	struct cdb segments[VIEW_SEGMENTS_MAX]; /* newest first */
	char dir[];
};

#endif
