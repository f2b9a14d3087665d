/*
 * Does a server use the names in [mapping]? It answers with its own name for an
 * attribute, whatever alias it was asked for, so any other name would never be
 * found in what it sends: a status or an expiry would seem absent.
 */
#ifndef ENSCALE_LDAP_LDAP_NAMING_H
#define ENSCALE_LDAP_LDAP_NAMING_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/names/schema.h"
#include "ldap/ldap_connection.h"

/*
 * Compares what is mapped with the server's schema for base; asks nothing if
 * nothing is mapped, and assumes that a schema that is not shown agrees. Waits.
 * Returns 0; ENS_E_CONFIG with what to write in ret_reason; ENS_E_LDAP.
 */
int ldap_naming_check(LDAP *ld, const char *base, const struct schema *schema,
    uint32_t timeout, char ret_reason[LDAP_REASON_MAX]);
/*
 * Which of the mappable names of the schema does the server not know at all? A
 * bit for each enum schema_name; *ret_shown false: it shows no schema. Waits.
 * Returns an LDAP result code.
 */
int ldap_naming_unknown(LDAP *ld, const char *base, const struct schema *schema,
    uint32_t timeout, bool *ret_shown, uint64_t *ret_unknown);

#endif
