/*
 * From records to readers: the view first, then the account map, then a
 * datagram to the guard. What could not be published stays listed in the
 * state and is tried again; a kill between any two steps is repaired at the
 * next start. What was found to be over a limit is written into the state
 * before the view that leaves it out becomes visible.
 *
 * What is durable when. A change is first a commit of the state, whose pages
 * are on the disk before the page that names them is written; then a segment,
 * a manifest that names it, and bits of the map: readers see it, and nothing
 * of the three has been waited for. A moment later publisher_settle() makes it
 * durable in this order: the state's last page, the segments, the manifest and
 * its folder; only then may the state strike the change off its list, with the
 * next commit. A base, a merged segment and a later as_of are made durable at
 * once, in the same order. The map is made durable by nobody: at each
 * start it is compared, before READY. So after a power failure the state is
 * mostly as new as its view or newer, and derives anew what is still on its
 * list. But a kernel may have written a manifest by itself before that last
 * page, disks lie, and files are lost, put back and copied. Numbers tell: each
 * commit that leaves something to publish counts the generation up, and a
 * manifest has that of the state it was made from. A manifest above the state
 * means that the state has lost what readers have seen; one below what the
 * state has struck off, that the view is an old one that was put back. In the
 * second case, and where there is no view, the state is published at once and
 * as a whole. In the first, and while a state that was begun anew is not
 * complete, the view is the newer truth: it serves on as it is, with its own
 * as_of, and the state, which remembers that it is behind, is where a refresh
 * begins, and no source of a view, until a refresh in full is complete and
 * nothing of it is held back. A state that is complete takes a number above
 * the view's in the same commit, so that no power failure makes it the older
 * one again.
 *
 * READY means that readers are served: the view is whole, the map agrees with
 * it, and so does the state unless it is behind. With the directory away a
 * start comes so far by itself.
 */
#ifndef ENSCALE_SYNC_PUBLISH_H
#define ENSCALE_SYNC_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "enscale_sync/shrink.h"
#include "enscale_sync/state.h"

struct publisher;

/* What was done, for logs and metrics. */
struct published {
	bool base;        /* everything, not only what changed */
	uint64_t records; /* put into the new segment; 0: none was needed */
};

/*
 * Opens view and map for writing. The state is borrowed. Returns 0;
 * -EWOULDBLOCK when another writer runs; -errno. On failure *ret_what names
 * which one, below the state's folder.
 */
int publisher_open(const struct config *config, struct state *state,
    struct publisher **ret_publisher, const char **ret_what);
void publisher_close(struct publisher *publisher);

/* Is there something to publish, or to retry? */
bool publisher_is_behind(const struct publisher *publisher);
/* Are readers served: is there a view, and does the map agree with it? So does
 * the state, unless the publisher waits. */
bool publisher_is_ready(const struct publisher *publisher);
/* Do all three agree? */
bool publisher_is_current(const struct publisher *publisher);
/* Does what is published stay in use unchanged until a refresh is complete?
 * Otherwise it is made from the state. */
bool publisher_waits(const struct publisher *publisher);
/* How much of each kind is published, as far as it can be read, and how much
 * the state would publish now. Within a transaction; takes as long as
 * publishing everything. */
int publisher_count(struct publisher *publisher, uint64_t ret_had[SHRINK_KINDS],
    uint64_t ret_has[SHRINK_KINDS]);

/*
 * Publishes what the state lists; everything if the view was not made from this
 * state. as_of is when the state was last known to be in step with the
 * directory; 0 keeps what the view says. While the publisher waits it only
 * makes the map agree with the view. No transaction may be open.
 */
int publisher_publish(struct publisher *publisher, int64_t as_of,
    struct published *ret_published);
/*
 * What is published may be seen before it is durable; publisher_settle() makes
 * it durable, and publishes what a child has merged. Call it soon after a
 * publication, and from time to time while something is being merged. Until it
 * is durable the state must go on listing it.
 */
int publisher_settle(struct publisher *publisher);
bool publisher_is_durable(const struct publisher *publisher);
bool publisher_is_merging(const struct publisher *publisher);
/* What is published is damaged: the next publication holds everything and
 * replaces it; until then it stays in use, also while the publisher waits:
 * nothing else is as new. */
void publisher_distrust(struct publisher *publisher);
/* The view is still right at this later time. */
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
