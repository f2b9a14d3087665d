/*
 * A struct entry as bytes, for the state: written by one function, read by one
 * function, with every bound checked and a checksum: a bit that a disk flips
 * must not let anybody in. Equal entries give equal bytes.
 */
#ifndef ENSCALE_SYNC_ENTRY_CODEC_H
#define ENSCALE_SYNC_ENTRY_CODEC_H

#include "common/base/wire.h"
#include "ldap/ldap_entry.h"

/* Rows that a decoded entry points to; the memory is used again for the next
 * entry. */
struct entry_rows {
	struct entry_key *keys;           /* owned */
	struct ldap_dn_hash *names;       /* owned */
	struct entry_member *members;     /* owned */
	struct entry_host_key *host_keys; /* owned */
	uint32_t key_room, name_room, member_room, host_key_room;
};

void entry_rows_free(struct entry_rows *rows);

/* Appends the entry without its UUID, which the checksum covers. Errors are the
 * writer's. */
void entry_encode(struct wire_writer *writer, const struct entry *entry);

/* Is b the same as a, except for its name? Both are encoded, so that no field
 * is forgotten; that replaces what is in the writer. 0, or the writer's error.
 */
int entry_compare(struct wire_writer *writer, const struct entry *a,
    const struct entry *b, bool *ret_same);

/* *ret_entry borrows from data and rows. 0, -ENOMEM or ENS_E_CORRUPT. */
int entry_decode(struct bytes data, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry);

#endif
