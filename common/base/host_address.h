/*
 * Addresses that lead users back into the gateway, or to no host at all: those
 * that a directory must not give a node. An IPv4 address is also recognized in
 * the forms that IPv6 has for it: mapped, NAT64 (RFC 6052, RFC 8215), 6to4.
 */
#ifndef ENSCALE_COMMON_BASE_HOST_ADDRESS_H
#define ENSCALE_COMMON_BASE_HOST_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* As inet_pton() writes it. Is it loopback, link-local, multicast, reserved, or
 * not an IPv6 address at all? */
bool host_address_is_no_hosts(int family, const uint8_t *binary);

/* Is the numeric address this host's own? Asks the kernel, as addresses come
 * and go; true also when that cannot be told. */
bool host_address_is_own(const char *address);

/* The same for many: the addresses that this host had when it was asked. */
struct host_addresses;
/* 0 or -errno. */
int host_addresses_new(struct host_addresses **ret_addresses);
void host_addresses_free(struct host_addresses *addresses);
/* False for what is not an address. */
bool host_addresses_have(const struct host_addresses *addresses,
    const char *address);

#endif
