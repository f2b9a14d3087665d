/*
 * Distinguished names, only so that a child can find its parent, and an
 * environment who may enter it: a digest of the normalized name. Attribute types
 * and values are compared without regard to case and to runs of spaces, as
 * caseIgnoreMatch does.
 */
#ifndef ENSCALE_LDAP_LDAP_DN_H
#define ENSCALE_LDAP_LDAP_DN_H

#include <stddef.h>
#include <stdint.h>

#define LDAP_DN_HASH_LEN 16

struct ldap_dn_hash {
	uint8_t bytes[LDAP_DN_HASH_LEN];
};

/*
 * Digests of a name and of the name above it; NULL: not wanted. Returns 0,
 * ENS_E_SYNTAX (also for a name with nothing above it), -ENOMEM or
 * ENS_E_CRYPTO.
 */
int ldap_dn_hash(const char *dn, struct ldap_dn_hash *ret_self,
    struct ldap_dn_hash *ret_parent);

/* Of a name that is none of these, like a user's: it is the digest of no
 * distinguished name. 0, ENS_E_LIMIT, -ENOMEM, ENS_E_CRYPTO. */
int ldap_dn_hash_word(const void *word, size_t len,
    struct ldap_dn_hash *ret_hash);

/* The parent's name, as text: 0, ENS_E_SYNTAX, ENS_E_LIMIT, -ENOMEM. */
int ldap_dn_parent(const char *dn, char *buf, size_t size);

/* Is a name below another one, or the same? 0 when it is; ENS_E_NOTFOUND when
 * not. depth: how far below, at most; negative: however far. */
int ldap_dn_is_below(const char *dn, const char *base, int depth);

#endif
