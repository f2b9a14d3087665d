/* See host_address.h. Refuses to look a name up. */
#include <config.h>

#include "common/base/host_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define V4_LEN 4

struct host_addresses {
	struct ifaddrs *interfaces; /* owned */
};

/* ---- forms ---------------------------------------------------------- */

/* Where an IPv6 address contains an IPv4 one: after which prefix, at which
 * bytes. Networks may divide the prefix of RFC 8215 as they like. */
static const struct form {
	uint8_t prefix[12];
	size_t prefix_len;
	uint8_t at[V4_LEN];
} forms[] = {
	{ { 0x00, 0x64, 0xff, 0x9b }, 12, { 12, 13, 14, 15 } },
	{ { 0x20, 0x02 }, 2, { 2, 3, 4, 5 } },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, { 12, 13, 14, 15 } },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, { 6, 7, 9, 10 } },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, { 7, 9, 10, 11 } },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 6, { 9, 10, 11, 12 } },
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

static bool
has_form(const struct form *form, const uint8_t *six, uint8_t four[V4_LEN])
{
	if (memcmp(six, form->prefix, form->prefix_len) != 0)
		return false;
	for (size_t i = 0; i < V4_LEN; i++)
		four[i] = six[form->at[i]];
	return true;
}

static bool
is_no_hosts_four(const uint8_t *four)
{
	return four[0] == 0 || four[0] == 127 || four[0] >= 224 ||
	    (four[0] == 169 && four[1] == 254);
}

bool
host_address_is_no_hosts(int family, const uint8_t *binary)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zero[12];
	uint8_t four[V4_LEN];

	if (family == AF_INET)
		return is_no_hosts_four(binary);
	/* If an IPv4 address may be in several places, only the loopback is
	 * unambiguous. */
	for (size_t i = 0; i < FORMS; i++) {
		if (has_form(&forms[i], binary, four) &&
		    (i < 3 ? is_no_hosts_four(four) : four[0] == 127))
			return true;
	}
	/* ::, ::1 and two ways to write an IPv4 address; fe80::/10; ff00::/8 */
	return memcmp(binary, zero, sizeof(zero)) == 0 ||
	    memcmp(binary, mapped, sizeof(mapped)) == 0 || binary[0] == 0xff ||
	    (binary[0] == 0xfe && (binary[1] & 0xc0) == 0x80);
}

/* ---- this host's own ------------------------------------------------ */

int
host_addresses_new(struct host_addresses **ret_addresses)
{
	struct host_addresses *addresses = calloc(1, sizeof(*addresses));
	int r;

	if (addresses == NULL)
		return -ENOMEM;
	if (getifaddrs(&addresses->interfaces) != 0) {
		r = -errno;
		free(addresses);
		return r;
	}
	*ret_addresses = addresses;
	return 0;
}

void
host_addresses_free(struct host_addresses *addresses)
{
	if (addresses == NULL)
		return;
	freeifaddrs(addresses->interfaces);
	free(addresses);
}

static bool
is_same(const struct sockaddr *address, int family, const uint8_t *raw)
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

static bool
have_raw(const struct host_addresses *addresses, int family, const uint8_t *raw)
{
	const struct ifaddrs *i = addresses->interfaces;

	while (i != NULL && !is_same(i->ifa_addr, family, raw))
		i = i->ifa_next;
	return i != NULL;
}

static int
parse(const char *address, struct in6_addr *ret_raw)
{
	int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;

	return inet_pton(family, address, ret_raw) == 1 ? family : AF_UNSPEC;
}

bool
host_addresses_have(const struct host_addresses *addresses, const char *address)
{
	uint8_t raw[sizeof(struct in6_addr)], four[V4_LEN];
	struct in6_addr parsed;
	int family = parse(address, &parsed);

	if (family == AF_UNSPEC)
		return false;
	memcpy(raw, &parsed, sizeof(raw));
	if (have_raw(addresses, family, raw))
		return true;
	for (size_t i = 0; family == AF_INET6 && i < FORMS; i++) {
		if (has_form(&forms[i], raw, four) &&
		    have_raw(addresses, AF_INET, four))
			return true;
	}
	return false;
}

bool
host_address_is_own(const char *address)
{
	struct host_addresses *addresses = NULL;
	struct in6_addr raw;
	bool is_own;

	if (parse(address, &raw) == AF_UNSPEC)
		return true;
	(void)host_addresses_new(&addresses);
	is_own = addresses == NULL || host_addresses_have(addresses, address);
	host_addresses_free(addresses);
	return is_own;
}
