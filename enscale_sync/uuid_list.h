/*
 * UUIDs without end in 8 MiB of memory: they are sorted by the quarter of a
 * million, written to a file without a name, and can be asked for in ascending
 * order, as a walk of the state meets them.
 */
#ifndef ENSCALE_SYNC_UUID_LIST_H
#define ENSCALE_SYNC_UUID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ldap/ldap_entry.h"

struct uuid_list;

/* The file is made in folder dir_fd, which is borrowed, when there are more
 * than memory is there for. 0 or -ENOMEM. */
int uuid_list_new(int dir_fd, struct uuid_list **ret_list);
void uuid_list_free(struct uuid_list *list);

/* 0; -errno, and then the list is good for uuid_list_free() alone. Not after
 * the first question. */
int uuid_list_add(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN]);
/* Questions begin (again). 0; -errno. */
int uuid_list_rewind(struct uuid_list *list);
/* Is it there? Not below one that was asked for since uuid_list_rewind(). 0
 * or -errno. */
int uuid_list_has(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_has);

#endif
