/*
 * Which CA signs: the signer, as the guard starts, watches and replaces it. The
 * file "ca" in the guard's run folder tells administrators which key signs.
 */
#ifndef ENSCALE_GUARD_AUTHORITY_H
#define ENSCALE_GUARD_AUTHORITY_H

#include "enscale_guard/guard.h"

/* Starts the first signer: before any socket, lock or log exists. */
int authority_start(struct guard *guard);
/* Has the event loop watch it, and publishes which key it has. */
int authority_watch(struct guard *guard);
/* Switches to the key that is there now; if that fails, the previous one stays.
 */
void authority_renew(struct guard *guard);
void authority_stop(struct guard *guard);

#endif
