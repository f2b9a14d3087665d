/*
 * Who entered an owner's environments, for the owner: a file for each in
 * state_dir/guard/visits, with two lines for a hop, when it begins and when it
 * is over, for whoever owned its environment when it began. It is not the audit
 * log, which has more and is the operator's; it is kept apart so that nothing
 * else can be shown by mistake. For display: what cannot be written is missing.
 *
 * A file of VISITS_FILE_MAX bytes is full: then the oldest visits of whoever has
 * the most there go, so that nobody can push out what others did by coming
 * often; those that are still inside go last. One page of an answer holds all.
 */
#ifndef ENSCALE_GUARD_VISITS_H
#define ENSCALE_GUARD_VISITS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/protocol/session_registry.h"
#include "common/view/view.h"
#include "enscale_guard/hop.h"
#include "enscale_guard/node_place.h"
#include "enscale_guard/process.h"

#define VISITS_FILE_MAX GUARD_PAGE_SIZE
#define VISITS_SECONDS  (365 * 86400) /* nothing older is told */

struct visits;

/* Makes the folder if need be. 0 or -errno. */
int visits_open(const char *folder, struct visits **ret_visits);
void visits_close(struct visits *visits);

/* visits may be NULL: then nothing is kept. An environment without an owner is
 * nobody's. */
void visits_begin(struct visits *visits, const struct session *session,
    uint32_t node, const struct node_place *place, const struct hop_what *what,
    const struct process *ssh);
/* exit: the status plus one, or 0 when it is not known. */
void visits_end(struct visits *visits, const struct session *session,
    uint32_t owner, const struct process *ssh, int64_t seconds, uint32_t exit);

/* What reading an owner's visits costs beside the request itself, in points
 * (admission.h). visits may be NULL. */
uint32_t visits_cost(const struct visits *visits, uint32_t owner);
/*
 * Those of the owner, of one environment or of all (NULL), the oldest first, as
 * common/protocol/guard_protocol.h has them. The caller owns the array; NULL:
 * no memory.
 */
json_t *visits_list(const struct visits *visits, uint32_t owner,
    const char *environment);

/* Removes files of accounts that the view does not have, and those in which
 * nothing is young enough to be told; some at a time. True: there are more. The
 * view has to be one that can be believed when it lacks an account. */
bool visits_tidy(struct visits *visits, const struct view *view);

#endif
