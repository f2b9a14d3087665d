/*
 * Names to ask the server about. A server says nothing about the entries below
 * one that it renames; so a key that comes later may be below a name that we
 * know by an older one. Asked which entry has that name, the server tells its
 * entryUUID, and the key finds its account.
 */
#ifndef ENSCALE_SYNC_ORPHANS_H
#define ENSCALE_SYNC_ORPHANS_H

#include <stdint.h>

/* The most names that are asked about between two full refreshes. */
#define ORPHANS_MAX 1000

struct orphans {
	char *names[ORPHANS_MAX]; /* owned */
	uint32_t count, asked;
};

/* Adds the name above that of a child, once. 0, -ENOMEM, ENS_E_SYNTAX,
 * ENS_E_LIMIT (too many: a full refresh is needed). */
int orphans_add(struct orphans *orphans, const char *child);
/* The name to ask about now; NULL: none is left. */
const char *orphans_first(const struct orphans *orphans);
/* It was answered. */
void orphans_next(struct orphans *orphans);
void orphans_clear(struct orphans *orphans);

#endif
