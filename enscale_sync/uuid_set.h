/*
 * A set of UUIDs in little memory: eight bytes of each are kept, mixed from all
 * sixteen. Among five million the chance that two different ones are taken for
 * the same is one in a million.
 */
#ifndef ENSCALE_SYNC_UUID_SET_H
#define ENSCALE_SYNC_UUID_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "ldap/ldap_entry.h"

struct uuid_set {
	uint64_t *slots; /* owned; 0: free */
	uint32_t room;   /* a power of two */
	uint32_t count;
};

/* 0 or -ENOMEM; *ret_new: it was not there before. */
int uuid_set_add(struct uuid_set *set, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_new);
void uuid_set_free(struct uuid_set *set);

#endif
