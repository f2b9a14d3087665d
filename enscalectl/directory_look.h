/*
 * What a server says of itself to whoever has connected: asked by enscalectl
 * setup before it configures a gateway, and by directory check. Each waits for
 * at most the configured timeout.
 */
#ifndef ENSCALECTL_DIRECTORY_LOOK_H
#define ENSCALECTL_DIRECTORY_LOOK_H

#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/config/config.h"

/* What to do about a reason of ldap_connection_open(), by how it begins. */
const char *directory_look_hint(const char *reason);

/* A search below dn, without attributes of the entries; control: NULL, or one
 * that it is to have. An LDAP result code; *ret_found is the caller's. */
int directory_look_search(LDAP *ld, const char *dn, int scope,
    const char *filter, int limit, const struct config *config,
    LDAPControl *control, LDAPMessage **ret_found);
/* Is the base there, and shown? LDAP_SUCCESS; LDAP_NO_SUCH_OBJECT; another
 * result code. */
int directory_look_base(LDAP *ld, const struct config *config);
/* The server's naming contexts, each in quotes: in case the base is wrong. */
void directory_look_contexts(LDAP *ld, const struct config *config, char *buf,
    size_t size);

/*
 * Is RFC 4533 done for this entry? A server may list the control and refuse it
 * there, as slapd does without the overlay syncprov. For the base it is what
 * method = sync needs. ret_message, unless NULL: the entry as it was answered,
 * with its control and its entryUUID; the caller's, or NULL.
 */
bool directory_look_sync(LDAP *ld, const struct config *config, const char *dn,
    LDAPMessage **ret_message);

#endif
