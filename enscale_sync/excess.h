/*
 * What is over a limit, from the derivation that finds it to the state that
 * keeps it: a publication reads the state, so what it finds waits until its
 * transaction has ended. It is logged when a subject gets over a limit, and
 * when it no longer is. It decides nothing: by then derive.c has left out what
 * it names.
 */
#ifndef ENSCALE_SYNC_EXCESS_H
#define ENSCALE_SYNC_EXCESS_H

#include <stdbool.h>

#include "enscale_sync/derive.h"
#include "enscale_sync/state.h"

struct excess_row;

/* What one publication has found. */
struct excess {
	struct excess_row *rows; /* owned */
	size_t count, room;
	bool all; /* of all subjects: others are within limits */
};

void excess_free(struct excess *excess);

/* Records what derivation says of a subject, if the state says otherwise.
 * Within a transaction of the state. 0; -ENOMEM; errors of state. */
int excess_note(struct excess *excess, struct state *state,
    const struct record_key *subject, const struct derive_excess *found);
/* Writes it into the state, in a transaction of its own, if there is anything
 * to write. */
int excess_keep(const struct excess *excess, struct state *state);

#endif
