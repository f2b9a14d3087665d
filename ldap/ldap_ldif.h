/*
 * Entries from an LDIF file (RFC 2849), one at a time; libldap parses the
 * lines. It refuses what would make a file mean more than it says: other files
 * (include, "<"), changes, controls.
 */
#ifndef ENSCALE_LDAP_LDAP_LDIF_H
#define ENSCALE_LDAP_LDAP_LDIF_H

#include "ldap/ldap_entry.h"

#define LDAP_LDIF_REASON_MAX 1024

struct ldap_ldif;

struct ldap_ldif_entry {
	unsigned long line; /* of the first of its lines */
	struct berval dn;
	const struct entry_attribute *attributes;
	uint32_t attribute_count;
};

/* Reads fd, which the caller keeps, from its beginning. 0 or -errno. */
int ldap_ldif_open(int fd, struct ldap_ldif **ret_ldif);
void ldap_ldif_close(struct ldap_ldif *ldif);

/*
 * The next entry, which is valid until the next call. Returns 0; ENS_E_NOTFOUND
 * at the end; -errno, ENS_E_SYNTAX or ENS_E_LIMIT, with ret_reason naming line
 * and, if there is one, DN.
 */
int ldap_ldif_next(struct ldap_ldif *ldif, struct ldap_ldif_entry *ret_entry,
    char ret_reason[LDAP_LDIF_REASON_MAX]);
/* Words other errors in an entry in the same form. */
void ldap_ldif_reason(const struct ldap_ldif_entry *entry, const char *wrong,
    char ret_reason[LDAP_LDIF_REASON_MAX]);

#endif
