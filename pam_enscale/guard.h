/*
 * What the module tells the guard, and never asks it.
 */
#ifndef ENSCALE_PAM_GUARD_H
#define ENSCALE_PAM_GUARD_H

#include "common/config/config.h"
#include "common/protocol/login_refusal.h"

/* One datagram, which waits for nobody: without a guard, or with a busy one, it
 * is lost. */
void guard_tell(const struct config *config,
    const struct login_refusal *refusal);

#endif
