/* The directory, as an administrator changes it: a node's entry. */
#ifndef ENSCALECTL_NODE_DIRECTORY_H
#define ENSCALECTL_NODE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"

struct node_entry;

/* Who changes it, and where; everything is borrowed. */
struct node_directory {
	const struct config *config;
	const char *uri;           /* NULL: the first of the configuration */
	const char *bind_dn;       /* "": SASL EXTERNAL */
	const char *password_file; /* "": none */
};

/*
 * Adds the entry below that of the environment, or changes in it what differs
 * (but the state, which is the directory's to say), and prints what; dry_run:
 * prints only. Without an entry looks whether one could be added. A URI of
 * file: is not written to: the entry is printed. Complains and returns an exit
 * code.
 */
int node_directory_put(const struct node_directory *directory, uint32_t node,
    const char *environment, const struct node_entry *entry, bool dry_run);

#endif
