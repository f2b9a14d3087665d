/*
 * The entry of a node, as its host shows it (enscale-node show), and as the view
 * has it. What a host says about itself is outside input: it is parsed as
 * enscale-sync parses it, and must be the node that was asked for.
 */
#ifndef ENSCALECTL_NODE_ENTRY_H
#define ENSCALECTL_NODE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"
#include "ldap/ldap_entry.h"

struct node_entry;

/* Parses len bytes of LDIF. Complains and returns an exit code. */
int node_entry_parse(const char *ldif, size_t len, uint32_t node,
    struct node_entry **ret_entry);
void node_entry_free(struct node_entry *entry);
const char *node_entry_user(const struct node_entry *entry);
/* The values of an attribute as the host showed them; NULL: none. */
const struct entry_attribute *node_entry_shown(const struct node_entry *entry,
    enum schema_name name);

/* Does the view have the same, apart from state and service? */
bool node_entry_is_published(const struct config *config,
    const char *environment, const struct node_entry *entry);
/* Waits until it has (published.h). Complains and returns an exit code. */
int node_entry_wait(const struct config *config, const char *environment,
    const struct node_entry *entry);

#endif
