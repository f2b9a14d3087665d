/* The attributes of an entry in a message, in the form for entry_parse(). */
#ifndef ENSCALE_LDAP_LDAP_ATTRIBUTES_H
#define ENSCALE_LDAP_LDAP_ATTRIBUTES_H

#include <ldap.h>

#include "ldap/ldap_entry.h"

/* The most attributes of one entry that are read; we ask for about twenty. */
#define LDAP_ATTRIBUTES_MAX 40

struct ldap_attributes {
	struct berval dn; /* borrowed from the message */
	struct entry_attribute rows[LDAP_ATTRIBUTES_MAX];
	struct berval *values[LDAP_ATTRIBUTES_MAX]; /* owned */
	uint32_t count;
};

/* 0 or ENS_E_PROTOCOL. The result borrows from the message, too. In any case
 * call ldap_attributes_clear() before the next one. */
int ldap_attributes_read(LDAP *ld, LDAPMessage *message,
    struct ldap_attributes *attributes);
void ldap_attributes_clear(struct ldap_attributes *attributes);

#endif
