/* The host keys of a node, as ssh reads them. */
#ifndef ENSCALE_GUARD_KNOWN_HOSTS_H
#define ENSCALE_GUARD_KNOWN_HOSTS_H

#include <stddef.h>

#include "common/base/limits.h"
#include "common/view/record.h"

#define KNOWN_HOSTS_ALIAS_SIZE (sizeof("node") + LOGIN_DIGITS_MAX)
#define KNOWN_HOSTS_MAX \
	(NODE_HOST_KEYS_MAX * (KEY_LINE_MAX + KNOWN_HOSTS_ALIAS_SIZE))

/* The node's name there: "node124718". */
void known_hosts_alias(uint32_t node, char ret_alias[KNOWN_HOSTS_ALIAS_SIZE]);
/*
 * A line for each key, under that name. buf must have room for KNOWN_HOSTS_MAX.
 * 0; ENS_E_NOTFOUND when the node has none; ENS_E_LIMIT.
 */
int known_hosts_format(const struct node_record *node, char *buf, size_t size);

#endif
