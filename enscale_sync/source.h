/*
 * Where the data comes from. A source connects, reads, and tells the follower
 * (follow.h) what it receives; only it knows its protocol, and it writes
 * nothing itself. It runs in an event loop and takes turns with everything else
 * there.
 */
#ifndef ENSCALE_SYNC_SOURCE_H
#define ENSCALE_SYNC_SOURCE_H

#include <systemd/sd-event.h>

#include "common/config/config.h"
#include "enscale_sync/follow.h"
#include "enscale_sync/status.h"

struct source;

/*
 * Starts to follow the directory that the configuration names, and never gives
 * up. All arguments are borrowed. Returns 0, ENS_E_CONFIG, -errno.
 */
int source_start(sd_event *event, const struct config *config,
    struct follow *follow, struct status *status, struct source **ret_source);
/* A refresh is wanted (follow_wants_refresh()) now, not at the next occasion.
 * Returns 0 or -errno. */
int source_poke(struct source *source);
void source_stop(struct source *source);

#endif
