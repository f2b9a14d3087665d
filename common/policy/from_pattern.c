/* See from_pattern.h. Whatever it does not understand matches nobody. */
#include <config.h>

#include "common/policy/from_pattern.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/names/login_name.h"

struct address {
	int family;
	size_t len; /* 4 or 16 */
	uint8_t data[16];
};

static bool
parse_address(const char *text, struct address *ret_address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct address address = { .family = AF_INET, .len = 4 };

	if (inet_pton(AF_INET, text, address.data) == 1) {
		*ret_address = address;
		return true;
	}
	address = (struct address){ .family = AF_INET6, .len = 16 };
	if (inet_pton(AF_INET6, text, address.data) != 1)
		return false;
	if (memcmp(address.data, mapped, sizeof(mapped)) == 0) {
		address.family = AF_INET;
		address.len = 4;
		memmove(address.data, address.data + 12, 4);
		memset(address.data + 4, 0, 12);
	}
	*ret_address = address;
	return true;
}

/* Is the bit-th bit set, counted from the front? */
static bool
address_bit(const struct address *address, uint32_t bit)
{
	return address->data[bit / 8] >> (7 - bit % 8) & 1;
}

enum pattern {
	PATTERN_NO_ADDRESS, /* neither address nor CIDR: a wildcard */
	PATTERN_WRONG,      /* bits set behind the mask: sshd refuses all */
	PATTERN_MATCHES,
	PATTERN_DIFFERS,
};

/* "address" or "address/bits". */
static enum pattern
match_cidr(const char *pattern, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX + sizeof("/128")];
	struct address net;
	uint32_t bits;
	char *slash;

	if (strlen(pattern) >= sizeof(text))
		return PATTERN_NO_ADDRESS;
	memcpy(text, pattern, strlen(pattern) + 1);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!parse_address(text, &net))
		return PATTERN_NO_ADDRESS;
	bits = (uint32_t)net.len * 8;
	if (slash != NULL && parse_u32(slash + 1, bits, &bits) != 0)
		return PATTERN_WRONG;
	for (uint32_t i = bits; i < net.len * 8; i++) {
		if (address_bit(&net, i))
			return PATTERN_WRONG;
	}
	if (net.family != address->family)
		return PATTERN_DIFFERS;
	for (uint32_t i = 0; i < bits; i++) {
		if (address_bit(&net, i) != address_bit(address, i))
			return PATTERN_DIFFERS;
	}
	return PATTERN_MATCHES;
}

/* '*' and '?', without recursion: the last star takes one more each time. */
static bool
match_wildcard(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
from_pattern_matches(const char *from, const char *address)
{
	char list[FROM_TEXT_MAX + 1], plain[INET6_ADDRSTRLEN];
	struct address parsed;
	char *rest = list, *word;
	bool found = false, negated, matches;
	enum pattern pattern;

	if (strlen(from) >= sizeof(list) || !parse_address(address, &parsed) ||
	    inet_ntop(parsed.family, parsed.data, plain, sizeof(plain)) == NULL)
		return false;
	memcpy(list, from, strlen(from) + 1);
	while ((word = strsep(&rest, ",")) != NULL) {
		negated = *word == '!';
		word += negated;
		if (*word == '\0')
			return false;
		pattern = match_cidr(word, &parsed);
		if (pattern == PATTERN_WRONG)
			return false;
		matches = pattern == PATTERN_NO_ADDRESS
		    ? match_wildcard(word, plain)
		    : pattern == PATTERN_MATCHES;
		if (matches && negated)
			return false;
		found = found || matches;
	}
	return found;
}
