/* Change sequence numbers. See ldap_csn.h. */
#include <config.h>

#include "ldap/ldap_csn.h"

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"

/* '0' stands for a digit, 'x' for a hexadecimal one, the rest for itself. */
static const char csn_form[] = "00000000000000.000000Z#xxxxxx#xxx#xxxxxx";
#define CSN_SERVER_AT 30

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
is_csn(const char *text, size_t len)
{
	if (len != CSN_LEN)
		return false;
	for (size_t i = 0; i < CSN_LEN; i++) {
		if (csn_form[i] == '0') {
			if (text[i] < '0' || text[i] > '9')
				return false;
		} else if (csn_form[i] == 'x') {
			if (hex_value(text[i]) < 0)
				return false;
		} else if (text[i] != csn_form[i]) {
			return false;
		}
	}
	return true;
}

static uint16_t
server_of(const char *csn)
{
	int id = 0;

	for (int i = 0; i < 3; i++)
		id = id * 16 + hex_value(csn[CSN_SERVER_AT + i]);
	return (uint16_t)id;
}

int
csn_set_add(struct csn_set *set, const char *csn, size_t len)
{
	uint16_t server;
	uint32_t i = 0;

	if (!is_csn(csn, len))
		return ENS_E_SYNTAX;
	server = server_of(csn);
	while (i < set->count && set->rows[i].server < server)
		i++;
	if (i == set->count || set->rows[i].server != server) {
		if (set->count == CSN_SERVERS_MAX)
			return ENS_E_LIMIT;
		memmove(&set->rows[i + 1], &set->rows[i],
		    (set->count - i) * sizeof(set->rows[0]));
		set->rows[i].server = server;
		set->rows[i].csn[0] = '\0';
		set->count++;
	}
	if (memcmp(set->rows[i].csn, csn, CSN_LEN) < 0) {
		memcpy(set->rows[i].csn, csn, CSN_LEN);
		set->rows[i].csn[CSN_LEN] = '\0';
	}
	return 0;
}

/* The part "csn=..." of a cookie, up to a comma or its end. */
static const char *
csn_part(const char *cookie, size_t len, const char **ret_end)
{
	const char *at = cookie, *end = cookie + len, *comma;

	while (at < end) {
		comma = memchr(at, ',', (size_t)(end - at));
		if (comma == NULL)
			comma = end;
		if (comma - at >= 4 && memcmp(at, "csn=", 4) == 0) {
			*ret_end = comma;
			return at + 4;
		}
		at = comma == end ? end : comma + 1;
	}
	return NULL;
}

void
csn_set_from_cookie(struct csn_set *ret_set, const char *cookie, size_t len)
{
	struct csn_set set = { 0 };
	const char *at, *end = NULL, *stop;

	at = csn_part(cookie, len, &end);
	while (at != NULL && at < end) {
		stop = memchr(at, ';', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		if (csn_set_add(&set, at, (size_t)(stop - at)) != 0) {
			set.count = 0;
			break;
		}
		at = stop == end ? end : stop + 1;
	}
	*ret_set = set;
}

void
csn_set_merge(struct csn_set *set, const struct csn_set *other)
{
	for (uint32_t i = 0; i < other->count; i++)
		(void)csn_set_add(set, other->rows[i].csn, CSN_LEN);
}

bool
csn_set_has_seen(const struct csn_set *set, const char *csn)
{
	uint16_t server;

	if (!is_csn(csn, strlen(csn)))
		return false;
	server = server_of(csn);
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->rows[i].server == server)
			return memcmp(csn, set->rows[i].csn, CSN_LEN) <= 0;
	}
	return false;
}

bool
csn_set_covers(const struct csn_set *set, const struct csn_set *other)
{
	for (uint32_t i = 0; i < other->count; i++) {
		if (!csn_set_has_seen(set, other->rows[i].csn))
			return false;
	}
	return true;
}

bool
csn_is_older(const char *a, const char *b)
{
	return is_csn(a, strlen(a)) && is_csn(b, strlen(b)) &&
	    memcmp(a, b, CSN_LEN) < 0;
}

size_t
csn_set_format(const struct csn_set *set, char *buf, size_t size)
{
	size_t len = 4;

	if (size < 5 + (size_t)set->count * (CSN_LEN + 1))
		return 0;
	memcpy(buf, "csn=", 5);
	for (uint32_t i = 0; i < set->count; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
		    i == 0 ? "" : ";", set->rows[i].csn);
	return len;
}
