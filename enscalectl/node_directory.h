/* Writing a node's entry to the directory, as an administrator. */
#ifndef ENSCALECTL_NODE_DIRECTORY_H
#define ENSCALECTL_NODE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "enscalectl/directory.h"

struct node_entry;

/*
 * Adds the entry below that of the environment, or changes in it what differs
 * (except the state, which the directory decides), and prints what; dry_run:
 * only prints. Without an entry, checks whether one could be added. With a
 * file: URI the entry is only printed. Complains and returns an exit code.
 */
int node_directory_put(const struct config *config,
    const struct directory_identity *identity, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run);

#endif
