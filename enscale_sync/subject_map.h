/*
 * Which entry was the first with this number or name, as long as entries are
 * told one after the other: the oldest, and of those of one age the one that
 * came first. It is in memory alone, about a hundred bytes for each at most.
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
 * Adds an entry, which may be that of its subject from now on. *ret_first: the
 * one of its age that came before it, borrowed until the next call; NULL when
 * none did. 0, -ENOMEM, ENS_E_CRYPTO.
 */
int subject_map_add(struct subject_map *map, const struct record_key *subject,
    const struct entry *entry, const uint8_t **ret_first);
void subject_map_free(struct subject_map *map);

#endif
