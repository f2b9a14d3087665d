/*
 * The CA's keys while they change: the current one at its path, "next" and
 * "previous" beside it with that suffix, each with its .pub. Nodes are to
 * trust all that exist. A step that was cut off is finished by doing it
 * again: at every instant there is a current key.
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

/* Where its private key is; the public one has .pub added. 0, ENS_E_LIMIT. */
int ca_slot_path(const char *ca, enum ca_slot slot,
    char ret_path[CONFIG_PATH_MAX]);
/* Is a file of it there, private or public? */
bool ca_slot_exists(const char *ca, enum ca_slot slot);
/* Was the making of it cut off before its public key, which nobody has? */
bool ca_slot_is_unfinished(const char *ca, enum ca_slot slot);
/* Current becomes previous, next becomes current. 0; -ENOENT when there is no
 * next; ENS_E_CORRUPT when its files are no pair, and nothing was changed;
 * -errno. */
int ca_slot_switch(const char *ca);
/* Deletes next or previous, the private key first. 0; -errno. */
int ca_slot_delete(const char *ca, enum ca_slot slot);

#endif
