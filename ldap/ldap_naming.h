/*
 * Does a server call things as [mapping] says? It answers with its own name of
 * an attribute, whatever alias it was asked for, so that any other would never
 * be found in what it sends: a status or an expiry would be as if absent.
 */
#ifndef ENSCALE_LDAP_LDAP_NAMING_H
#define ENSCALE_LDAP_LDAP_NAMING_H

#include <ldap.h>
#include <stdint.h>

#include "common/names/schema.h"
#include "ldap/ldap_connection.h"

/*
 * Compares what is mapped with the server's schema, as it is for base; asks
 * nothing when nothing is mapped, and takes a schema that is not shown for one
 * that agrees. Waits. Returns 0; ENS_E_CONFIG with what to write in ret_reason;
 * ENS_E_LDAP.
 */
int ldap_naming_check(LDAP *ld, const char *base, const struct schema *schema,
    uint32_t timeout, char ret_reason[LDAP_REASON_MAX]);

#endif
