/*
 * Is an address this host's own? A directory that gives a node the gateway's
 * address would lead users into the gateway itself.
 */
#ifndef ENSCALE_COMMON_HOST_ADDRESS_H
#define ENSCALE_COMMON_HOST_ADDRESS_H

#include <stdbool.h>

/* A numeric address. Asks the kernel, as addresses come and go; true also when
 * it cannot tell. */
bool host_address_is_own(const char *address);

#endif
