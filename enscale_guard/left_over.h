/*
 * What is left of sessions whose monitor is gone, whoever killed it and
 * whether or not a guard ran then: processes with the account's uid that
 * descend from no living monitor of that account, and the record. The record
 * is what tells that there was a session; so it is removed here, by nobody
 * else, and last.
 */
#ifndef ENSCALE_GUARD_LEFT_OVER_H
#define ENSCALE_GUARD_LEFT_OVER_H

#include "enscale_guard/guard.h"

/*
 * Looks in a moment, once for all sessions that are told of until then, ends
 * what is found and looks again until nothing is. A session whose monitor
 * lives keeps its record and what descends from the monitor. To tell of a
 * session twice is no more than to tell once.
 */
void left_over_look(struct guard *guard, const struct session *session);
/* The same for a record whose monitor was dead when it was read: the end of
 * its session is audited when the record goes. */
void left_over_record(struct guard *guard, const struct session *session);
/* After an end that was the user's own, and at the guard's start: looks, once
 * for all that ended in some seconds, for processes of accounts whose parents
 * are gone. An account that has any is looked at as above some seconds later,
 * if it still has. */
void left_over_orphans(struct guard *guard);
/* Forgets what is under way, at the guard's own end: the records tell, and
 * whose parents are gone. */
void left_over_close(struct guard *guard);

#endif
