/*
 * The view as it is published now: opened again when enscale-sync says so, or,
 * should its datagram be lost, when the manifest is seen to have changed (once
 * a second). Every change is passed to the judge.
 */
#ifndef ENSCALE_GUARD_PUBLISHED_H
#define ENSCALE_GUARD_PUBLISHED_H

#include "enscale_guard/guard.h"

/* Opens the view, if there is one, and waits for changes. 0 or -errno. */
int published_open(struct guard *guard);
void published_close(struct guard *guard);

#endif
