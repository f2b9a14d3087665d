/* What enscale-sync says of itself, for status and doctor. */
#ifndef ENSCALECTL_STATUS_H
#define ENSCALECTL_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "enscalectl/verb.h"

/* enscale_sync/status.h; the caller's. NULL when nothing can be read. */
json_t *status_load_sync(const struct context *context);
/* For how many seconds it has said nothing, when these are too many; else 0. */
json_int_t status_sync_silence(const json_t *sync);
/* "in step", or what stands between it and that. */
const char *status_sync_stage(const json_t *sync);
bool status_sync_is_in_step(const json_t *sync);

#endif
