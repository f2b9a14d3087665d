/*
 * Names that the server is to be asked about. A server says nothing of the
 * entries below one that it renames; so a key that comes later may hang on a
 * name that we know by an older one. Asked what entry has that name, the
 * server tells its entryUUID, and the key finds its account.
 */
#ifndef ENSCALE_SYNC_ORPHANS_H
#define ENSCALE_SYNC_ORPHANS_H

#include <stdint.h>

/* Names asked about between two refreshes in full at most. */
#define ORPHANS_MAX 1000

struct orphans {
	char *names[ORPHANS_MAX]; /* owned */
	uint32_t count, asked;
};

/* Adds the name above that of a child, once. 0, -ENOMEM, ENS_E_SYNTAX,
 * ENS_E_LIMIT (too many: everything has to be asked anew). */
int orphans_add(struct orphans *orphans, const char *child);
/* The name to ask about now; NULL: none is left. */
const char *orphans_first(const struct orphans *orphans);
/* It was answered. */
void orphans_next(struct orphans *orphans);
void orphans_clear(struct orphans *orphans);

#endif
