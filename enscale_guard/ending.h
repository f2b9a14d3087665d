/*
 * Ending a session or a hop, in this order: one sentence to the user, through
 * the shell; SIGTERM to the hop's ssh; a moment later to the session's monitor
 * and all of its descendants; two seconds after the beginning SIGKILL to the
 * same. The descendants are looked up in between, from the monitor downwards,
 * and all of it is done in turns (turns.h), so that nobody waits for it. A
 * process that has lost its parents by then is a left-over (left_over.h).
 *
 * Without CAP_KILL only the sentence is left: the shell is asked to end itself.
 */
#ifndef ENSCALE_GUARD_ENDING_H
#define ENSCALE_GUARD_ENDING_H

#include "enscale_guard/guard.h"

#define ENDING_TERM_USEC 200000 /* until the shell has had time to act */
#define ENDING_KILL_USEC 2000000

/* May this process signal others' processes? If not, tells the operator. */
bool ending_has_right(void);

/* Ends the session; the entry stays until its monitor has gone. 0; -ENOMEM:
 * nothing was begun, said or audited. */
int ending_session(struct guard *guard, struct session_entry *entry,
    const struct policy_answer *answer);
/* Ends only one hop of the session. Likewise. */
int ending_hop(struct guard *guard, struct session_entry *entry,
    struct live_hop *hop, const struct policy_answer *answer);
/* Ends these left-overs of the session and all of their descendants: SIGTERM
 * in the next turn. */
void ending_processes(struct guard *guard, const struct session *session,
    const struct process_list *list);
/* Drops everything in progress, when the guard itself ends. */
void ending_close(struct guard *guard);

#endif
