/*
 * A change of keys in progress at enscale-keyd: one connection, one request,
 * one reply, without the guard ever waiting. A change outlives the shell that
 * asked for it, so that its outcome is always in the audit log.
 */
#ifndef ENSCALE_GUARD_KEY_CHANGE_H
#define ENSCALE_GUARD_KEY_CHANGE_H

#include "common/protocol/keyd_protocol.h"
#include "enscale_guard/guard.h"

/* The shell waits a little longer, enscale-keyd a little less. */
#define KEY_CHANGE_SECONDS 12
/* The most that are in progress at a time; per account, one. */
#define KEY_CHANGES_UNDER_WAY 64

/*
 * Sends the request of a shell that has a session; the shell is told the
 * outcome later, and shell->change is set until then. Returns 0; -EBUSY;
 * -errno when nothing was sent.
 */
int key_change_start(struct shell *shell, const struct keyd_request *request);
/* The shell has gone: nobody is told. */
void key_change_forget(struct shell *shell);
void key_change_close(struct guard *guard);

#endif
