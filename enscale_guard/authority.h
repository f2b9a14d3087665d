/*
 * Which CA signs: the signer's life within the guard. What signs is told to
 * administrators in the file "ca" below the guard's run folder.
 */
#ifndef ENSCALE_GUARD_AUTHORITY_H
#define ENSCALE_GUARD_AUTHORITY_H

#include "enscale_guard/guard.h"

/* Starts the first signer: before any socket, lock or log exists. */
int authority_start(struct guard *guard);
/* Has the event loop watch it, and tells which it is. */
int authority_watch(struct guard *guard);
/* Takes the key that is there now; the one before stays if that cannot be. */
void authority_renew(struct guard *guard);
void authority_stop(struct guard *guard);

#endif
