/* The addresses of this host, to which certificates are bound. */
#include <config.h>

#include "enscale_guard/signer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"

static bool
is_wanted(const struct ifaddrs *interface)
{
	if (interface->ifa_addr == NULL ||
	    (interface->ifa_flags & IFF_LOOPBACK) != 0)
		return false;
	if (interface->ifa_addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, interface->ifa_addr, sizeof(in6));
		/* Nodes are called by their address, which has no scope. */
		return !IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr);
	}
	return interface->ifa_addr->sa_family == AF_INET;
}

static int
append_address(const struct sockaddr *address, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	size_t used = strlen(buf);
	const void *raw;
	int bits, len;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		raw = &in.sin_addr;
		bits = 32;
	} else {
		memcpy(&in6, address, sizeof(in6));
		raw = &in6.sin6_addr;
		bits = 128;
	}
	if (inet_ntop(address->sa_family, raw, text, sizeof(text)) == NULL)
		return -errno;
	len = snprintf(buf + used, size - used, "%s%s/%d", used > 0 ? "," : "",
	    text, bits);
	return (size_t)len < size - used ? 0 : ENS_E_LIMIT;
}

int
signer_host_addresses(char *buf, size_t size)
{
	struct ifaddrs *interfaces;
	int r = 0;

	if (getifaddrs(&interfaces) < 0)
		return -errno;
	buf[0] = '\0';
	for (const struct ifaddrs *i = interfaces; i != NULL && r == 0;
	     i = i->ifa_next)
		if (is_wanted(i))
			r = append_address(i->ifa_addr, buf, size);
	freeifaddrs(interfaces);
	if (r == 0 && buf[0] == '\0')
		r = ENS_E_NOTFOUND;
	return r;
}
