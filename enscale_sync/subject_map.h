/*
 * Which entry was the first with this number or name, while entries are read
 * one after the other: the oldest, and of those with the same age the one that
 * came first. It is kept only in memory, at most about a hundred bytes for
 * each.
 */
#ifndef ENSCALE_SYNC_SUBJECT_MAP_H
#define ENSCALE_SYNC_SUBJECT_MAP_H

#include <stdint.h>

#include "common/view/record.h"
#include "ldap/ldap_entry.h"

struct subject_slot;

struct subject_map {
	struct subject_slot *slots; /* owned */
	uint32_t room;              /* a power of two */
	uint32_t count;
};

/*
 * Adds an entry, which may become the first of its subject. *ret_first: one of
 * the same age that came before it, borrowed until the next call; NULL if there
 * is none. 0, -ENOMEM, ENS_E_CRYPTO.
 */
int subject_map_add(struct subject_map *map, const struct record_key *subject,
    const struct entry *entry, const uint8_t **ret_first);
void subject_map_free(struct subject_map *map);

#endif
