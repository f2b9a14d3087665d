/* The directory, as an administrator changes it: a node's entry. */
#ifndef ENSCALECTL_NODE_DIRECTORY_H
#define ENSCALECTL_NODE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "enscalectl/directory.h"

struct node_entry;

/*
 * Adds the entry below that of the environment, or changes in it what differs
 * (but the state, which is the directory's to say), and prints what; dry_run:
 * prints only. Without an entry looks whether one could be added. A URI of
 * file: is not written to: the entry is printed. Complains and returns an exit
 * code.
 */
int node_directory_put(const struct config *config,
    const struct directory_identity *identity, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run);

#endif
