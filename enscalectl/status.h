/* What enscale-sync says of itself, for status and doctor. */
#ifndef ENSCALECTL_STATUS_H
#define ENSCALECTL_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "enscalectl/verb.h"

/* The entries that it names, which it does not use as the directory has them:
 * what is said of them, the member of its status that has them (a list with dn
 * and reason), and the one that has their number. */
struct status_list {
	const char *state, *member, *count;
};
#define STATUS_LISTS 5
extern const struct status_list status_lists[STATUS_LISTS];

/* enscale_sync/status.h; the caller's. NULL when nothing can be read. */
json_t *status_load_sync(const struct context *context);
/* For how many seconds it has said nothing, when these are too many; else 0. */
json_int_t status_sync_silence(const json_t *sync);
/* "in step", or what stands between it and that. */
const char *status_sync_stage(const json_t *sync);
bool status_sync_is_in_step(const json_t *sync);

#endif
