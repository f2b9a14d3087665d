/* See host_address.h. Refuses to look a name up. */
#include <config.h>

#include "common/host_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static bool
is_same(const struct sockaddr *address, int family, const struct in6_addr *raw)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (address == NULL || address->sa_family != family)
		return false;
	if (family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		return memcmp(&in.sin_addr, raw, sizeof(in.sin_addr)) == 0;
	}
	memcpy(&in6, address, sizeof(in6));
	return memcmp(&in6.sin6_addr, raw, sizeof(in6.sin6_addr)) == 0;
}

bool
host_address_is_own(const char *address)
{
	const int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	struct ifaddrs *interfaces;
	struct in6_addr raw;
	bool is_own = false;

	if (inet_pton(family, address, &raw) != 1 ||
	    getifaddrs(&interfaces) != 0)
		return true;
	for (const struct ifaddrs *i = interfaces; i != NULL && !is_own;
	     i = i->ifa_next)
		is_own = is_same(i->ifa_addr, family, &raw);
	freeifaddrs(interfaces);
	return is_own;
}
