/*
 * Ending what must end: every session and every hop is judged again by the
 * one policy whenever the view changes, when the session appears, at the
 * guard's start and every ten seconds, and when an account or a key expires.
 * Only a no ends anything; *cannot tell* never does.
 */
#ifndef ENSCALE_GUARD_JUDGE_H
#define ENSCALE_GUARD_JUDGE_H

#include "enscale_guard/guard.h"

#define JUDGE_SECONDS 10

/* Starts the timers. 0 or -errno. */
int judge_open(struct guard *guard);
void judge_close(struct guard *guard);

/* All sessions, in turns (turns.h), the first of which it takes at once. A
 * session that is not judged yet gets nothing meanwhile that the policy of now
 * would not give. */
void judge_all(struct guard *guard);
void judge_session(struct guard *guard, struct session_entry *entry);
/*
 * Records the monitor's descendants, so that a process whose parents have ended
 * is still known to be this session's. all: every generation; otherwise only
 * the monitor's own children.
 */
void judge_remember(struct session_entry *entry, bool all);
/* Does this verdict end what was allowed before? */
bool judge_is_final(enum policy_verdict verdict);

#endif
