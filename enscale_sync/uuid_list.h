/*
 * Any number of UUIDs in 8 MiB of memory: they are sorted in batches of a
 * quarter of a million, written to a file without a name, and can be looked up
 * in ascending order, as a walk of the state meets them.
 */
#ifndef ENSCALE_SYNC_UUID_LIST_H
#define ENSCALE_SYNC_UUID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ldap/ldap_entry.h"

struct uuid_list;

/* The file is made in folder dir_fd, which is borrowed, when there are more
 * than fit into memory. 0 or -ENOMEM. */
int uuid_list_new(int dir_fd, struct uuid_list **ret_list);
void uuid_list_free(struct uuid_list *list);

/* 0; -errno, and then only uuid_list_free() may be called. Not after the first
 * lookup. */
int uuid_list_add(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN]);
/* Begins the lookups (again). 0; -errno. */
int uuid_list_rewind(struct uuid_list *list);
/* Is it there? It must not be below one that was looked up since
 * uuid_list_rewind(). 0 or -errno. */
int uuid_list_has(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_has);

#endif
