/* Host keys of a node, from a file or from the network. */
#ifndef ENSCALECTL_HOST_KEYS_H
#define ENSCALECTL_HOST_KEYS_H

#include <lber.h>
#include <stdint.h>
#include <stdio.h>

#include "common/keys/ssh_key.h"

struct host_keys {
	uint32_t count;
	struct berval values[NODE_HOST_KEYS_MAX];            /* in lines */
	char lines[NODE_HOST_KEYS_MAX][KEY_WRITTEN_MAX + 1]; /* "type base64" */
};

/* Of a text: public keys, a line each. Complains; an exit code. */
int host_keys_read(const char *path, struct host_keys *ret_keys);
/* What the host shows to anybody who asks: it is no proof. Likewise. */
int host_keys_scan(const char *address, uint16_t port,
    struct host_keys *ret_keys);
/* Their types, bits and fingerprints, a line each. */
void host_keys_print(FILE *out, const struct host_keys *keys);

#endif
