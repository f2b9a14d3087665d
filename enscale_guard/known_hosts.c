/* See known_hosts.h. */
#include <config.h>

#include "enscale_guard/known_hosts.h"

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/keys/ssh_key.h"

void
known_hosts_alias(uint32_t node, char ret_alias[KNOWN_HOSTS_ALIAS_SIZE])
{
	snprintf(ret_alias, KNOWN_HOSTS_ALIAS_SIZE, "node%u", node);
}

int
known_hosts_format(const struct node_record *node, char *buf, size_t size)
{
	struct bytes cursor = node->host_keys, blob;
	char alias[KNOWN_HOSTS_ALIAS_SIZE];
	size_t used = 0;

	known_hosts_alias(node->node, alias);
	buf[0] = '\0';
	while (node_record_next_host_key(&cursor, &blob) == 0) {
		size_t len = strlen(alias);

		if (used + len + 2 >= size)
			return ENS_E_LIMIT;
		memcpy(buf + used, alias, len);
		used += len;
		buf[used++] = ' ';
		len = ssh_key_format(blob, buf + used, size - used);
		if (len == 0 || used + len + 2 > size)
			return ENS_E_LIMIT;
		used += len;
		buf[used++] = '\n';
		buf[used] = '\0';
	}
	return used > 0 ? 0 : ENS_E_NOTFOUND;
}
