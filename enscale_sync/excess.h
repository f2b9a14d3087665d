/*
 * What is over limits, from the derivation that finds it to the state that
 * keeps it: a publication reads the state, so what it finds waits until its
 * transaction has ended. What is new is logged, and so is what is over. It
 * decides nothing: derive.c has left out by then what it names.
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
	bool all; /* of all subjects: what is not here is over */
};

void excess_free(struct excess *excess);

/* Takes down what derivation says of a subject, when the state knows it
 * otherwise. Within a transaction of the state. 0; -ENOMEM; errors of state. */
int excess_note(struct excess *excess, struct state *state,
    const struct record_key *subject, const struct derive_excess *found);
/* Writes it into the state, if there is anything to write, in a transaction
 * of its own. */
int excess_keep(const struct excess *excess, struct state *state);

#endif
