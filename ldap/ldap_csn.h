/*
 * Change sequence numbers: how far a server is, one CSN per server id.
 * OpenLDAP's cookies are "rid=000,csn=A;B" and its contextCSN has the values
 * A and B; a CSN is "20251122225400.123456Z#000000#001#000000", and CSNs of
 * one server id (the third part) compare as text. A cookie from other server
 * software is opaque: it parses as empty, and nothing is concluded from it.
 */
#ifndef ENSCALE_LDAP_LDAP_CSN_H
#define ENSCALE_LDAP_LDAP_CSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSN_LEN         40
#define CSN_SERVERS_MAX 64
#define COOKIE_LEN_MAX  4096

struct csn_set {
	uint32_t count; /* ascending by server id, each once */
	struct {
		uint16_t server;
		char csn[CSN_LEN + 1];
	} rows[CSN_SERVERS_MAX];
};

/* Adds one CSN, or raises the existing one. 0, ENS_E_SYNTAX, ENS_E_LIMIT. */
int csn_set_add(struct csn_set *set, const char *csn, size_t len);
/* The CSNs of a cookie; empty when it has none in this form. */
void csn_set_from_cookie(struct csn_set *ret_set, const char *cookie,
    size_t len);
void csn_set_merge(struct csn_set *set, const struct csn_set *other);

/* Has the owner of set seen all that the owner of other has? */
bool csn_set_covers(const struct csn_set *set, const struct csn_set *other);
/* Has the owner of set seen the change with this CSN? False when unknown. */
bool csn_set_has_seen(const struct csn_set *set, const char *csn);
/* Is a older than b? Both must be of one entry; for two servers the time
 * counts. */
bool csn_is_older(const char *a, const char *b);

/* "csn=A;B" in size bytes; the length, or 0 when it does not fit. */
size_t csn_set_format(const struct csn_set *set, char *buf, size_t size);

#endif
