/*
 * A search by pages (RFC 2696) over an open connection: message by message,
 * without ever waiting. Pages are requested as they are needed.
 */
#ifndef ENSCALE_LDAP_LDAP_PAGED_H
#define ENSCALE_LDAP_LDAP_PAGED_H

#include <ldap.h>

#include "ldap/ldap_attributes.h"
#include "ldap/ldap_connection.h"

enum ldap_paged_kind {
	LDAP_PAGED_NONE = 0, /* nothing at the moment */
	LDAP_PAGED_PASSED,   /* nothing for us, but there may be more */
	LDAP_PAGED_ENTRY,    /* attributes */
	LDAP_PAGED_END,      /* of all pages: code, reason */
};

struct ldap_paged_message {
	enum ldap_paged_kind kind;
	struct ldap_attributes attributes; /* until the next message */
	int code;                          /* an LDAP result code */
	char reason[LDAP_REASON_MAX];
};

struct ldap_paged;

/* Everything except the filter is borrowed as long as the search lasts. The
 * attributes end with NULL. 0, -ENOMEM, ENS_E_LDAP with ret_reason. */
int ldap_paged_start(LDAP *ld, const char *base, int scope, const char *filter,
    const char *const *attributes, struct ldap_paged **ret_paged,
    char ret_reason[LDAP_REASON_MAX]);
void ldap_paged_free(struct ldap_paged *paged);

/* message must be zeros before its first use, and can be used for one search
 * after the other. 0, -ENOMEM, ENS_E_PROTOCOL, ENS_E_LDAP (the connection is
 * gone: see reason). */
int ldap_paged_next(struct ldap_paged *paged,
    struct ldap_paged_message *message);

#endif
