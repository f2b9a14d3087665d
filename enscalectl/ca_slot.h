/*
 * The CA's keys while they change: the current one at its path, "next" and
 * "previous" beside it with that suffix, each with its .pub. Nodes must trust
 * all that exist. A step that was interrupted is finished by repeating it: at
 * every instant there is a current key.
 */
#ifndef ENSCALECTL_CA_SLOT_H
#define ENSCALECTL_CA_SLOT_H

#include "enscalectl/ca_key.h"

enum ca_slot {
	CA_CURRENT = 0,
	CA_NEXT,
	CA_PREVIOUS,
	CA_SLOTS,
};

extern const char *const ca_slot_names[CA_SLOTS];

/* The path of its private key; that of the public one has .pub added. 0,
 * ENS_E_LIMIT. */
int ca_slot_path(const char *ca, enum ca_slot slot,
    char ret_path[CONFIG_PATH_MAX]);
/* Does a file of it exist, private or public? */
bool ca_slot_exists(const char *ca, enum ca_slot slot);
/* Was making it interrupted before its public key, so that nobody has that? */
bool ca_slot_is_unfinished(const char *ca, enum ca_slot slot);
/* Current becomes previous, next becomes current. 0; -ENOENT when there is no
 * next; ENS_E_CORRUPT when its files are not a pair, and nothing was changed;
 * -errno. */
int ca_slot_switch(const char *ca);
/* Deletes next or previous, the private key first. 0; -errno. */
int ca_slot_delete(const char *ca, enum ca_slot slot);

#endif
