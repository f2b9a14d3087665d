/*
 * What is left of sessions whose monitor has ended, whoever killed it and
 * whether or not a guard was running: processes with the account's uid that
 * descend from no running monitor of that account, and the record. The record
 * shows that there was a session; so it is removed only here, and last.
 */
#ifndef ENSCALE_GUARD_LEFT_OVER_H
#define ENSCALE_GUARD_LEFT_OVER_H

#include "enscale_guard/guard.h"

/* 0 or -errno. */
int left_over_open(struct guard *guard);
/*
 * Looks a moment later, in turns (turns.h), once for all sessions reported
 * until then, ends what is found and looks again until nothing is left. A
 * session whose monitor is running keeps its record and the monitor's
 * descendants. Reporting a session twice is the same as once.
 */
void left_over_look(struct guard *guard, const struct session *session);
/* The same for a record whose monitor had ended when it was read: the end of
 * its session is audited when the record goes. */
void left_over_record(struct guard *guard, const struct session *session);
/* After the user ended a session, and at the guard's start: looks some seconds
 * later, once for all sessions that ended until then, for processes of accounts
 * whose parents have ended. An account that has any is treated as above some
 * seconds later, if it still has. */
void left_over_orphans(struct guard *guard);
/* Drops everything in progress, when the guard itself ends: it can be found
 * again by the records, and by processes whose parents have ended. */
void left_over_close(struct guard *guard);

#endif
