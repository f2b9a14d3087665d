/*
 * From records to readers: the view first, then the account map, then a
 * datagram to the guard. What could not be published stays listed in the
 * state and is tried again; a kill between any two steps is made good at the
 * next start. What was found to be over a limit is written into the state
 * before the view that leaves it out is seen.
 */
#ifndef ENSCALE_SYNC_PUBLISH_H
#define ENSCALE_SYNC_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "enscale_sync/state.h"

struct publisher;

/* What was done, for logs and figures. */
struct published {
	bool base;        /* everything, not what changed */
	uint64_t records; /* put into the new segment; 0: none was needed */
};

/*
 * Opens view and map for writing. The state is borrowed. Returns 0;
 * -EWOULDBLOCK when another writer runs; -errno. On failure *ret_what names
 * the part, below the state's folder.
 */
int publisher_open(const struct config *config, struct state *state,
    struct publisher **ret_publisher, const char **ret_what);
void publisher_close(struct publisher *publisher);

/* Is there something to publish, or to do again? */
bool publisher_is_behind(const struct publisher *publisher);
/* Do view and map agree with the state? */
bool publisher_is_ready(const struct publisher *publisher);

/*
 * Publishes what the state lists; all of it when the view is not one that
 * this state has made. as_of is when the state was last known to be in step
 * with the directory; 0 leaves what the view says. Does nothing before the
 * first refresh is complete. No transaction may be under way.
 */
int publisher_publish(struct publisher *publisher, int64_t as_of,
    struct published *ret_published);
/*
 * What is published may be seen before it is durable; publisher_settle() makes
 * it so, and publishes what was merged apart. To be called soon after a
 * publication and from time to time while something is merged. Until it is
 * durable the state has to go on listing it.
 */
int publisher_settle(struct publisher *publisher);
bool publisher_is_durable(const struct publisher *publisher);
bool publisher_is_merging(const struct publisher *publisher);
/* What is published has gone bad: the next publication holds everything and
 * replaces it; until then it goes on serving. */
void publisher_distrust(struct publisher *publisher);
/* The view is still right, at this later time. */
int publisher_touch(struct publisher *publisher, int64_t as_of);
struct publisher_figures {
	uint32_t segments;
	uint64_t bytes;  /* of all segments */
	uint64_t merges; /* since it was opened */
};
struct publisher_figures publisher_figures(const struct publisher *publisher);
/* The generation that readers see. */
uint64_t publisher_generation(const struct publisher *publisher);
int64_t publisher_as_of(const struct publisher *publisher);

#endif
