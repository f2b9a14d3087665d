/*
 * Ending a session or a hop, in this order: one sentence to the user, by
 * way of his shell; SIGTERM to the hop's ssh; a moment later to the session's
 * monitor and to all that descend from it; two seconds after the beginning
 * SIGKILL to the same. Who descends is looked up in between, from the monitor
 * downwards. What has lost its parents by then is a left-over (left_over.h).
 *
 * Without CAP_KILL the sentence is all there is: the shell is asked to end
 * itself.
 */
#ifndef ENSCALE_GUARD_ENDING_H
#define ENSCALE_GUARD_ENDING_H

#include "enscale_guard/guard.h"

#define ENDING_TERM_USEC 200000 /* until the shell has had its time */
#define ENDING_KILL_USEC 2000000

/* May this process signal those of others? Says so to the operator if not. */
bool ending_has_right(void);

/* Ends the session; the entry stays until its monitor has gone. */
void ending_session(struct guard *guard, struct session_entry *entry,
    const struct policy_answer *answer);
/* Ends one hop of the session alone. */
void ending_hop(struct guard *guard, struct session_entry *entry,
    struct live_hop *hop, const struct policy_answer *answer);
/* Ends these, which the session has left, and all that descend from them:
 * SIGTERM at once. */
void ending_processes(struct guard *guard, const struct session *session,
    const struct process_list *list);
/* Forgets what is under way, at the guard's own end. */
void ending_close(struct guard *guard);

#endif
