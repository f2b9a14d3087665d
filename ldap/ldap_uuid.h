/*
 * Identifying an entry. RFC 4533 does; elsewhere an attribute does, or the
 * entry's name must.
 */
#ifndef ENSCALE_LDAP_LDAP_UUID_H
#define ENSCALE_LDAP_LDAP_UUID_H

#include "ldap/ldap_entry.h"

#define LDAP_UUID_TEXT_LEN 36

/*
 * From the attribute that the schema has for entryUUID: an UUID as text (RFC
 * 4530), 32 hexadecimal digits in other groups (nsUniqueId), 16 bytes
 * (objectGUID), or else a digest of the value. Without the attribute a digest
 * of the DN, always the same. Returns 0, ENS_E_SYNTAX (the DN is none),
 * -ENOMEM, ENS_E_CRYPTO.
 */
int ldap_uuid_of(const struct schema *schema, const char *dn,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    uint8_t ret_uuid[ENTRY_UUID_LEN]);

/* "6ba7b810-9dad-11d1-80b4-00c04fd430c8" (RFC 4530) */
void ldap_uuid_text(const uint8_t uuid[ENTRY_UUID_LEN],
    char ret_text[LDAP_UUID_TEXT_LEN + 1]);
/* The UUID in the attribute that the schema has for entryUUID, as text; false:
 * it is missing, or has another form. */
bool ldap_uuid_named(const struct schema *schema,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    uint8_t ret_uuid[ENTRY_UUID_LEN]);
/*
 * Is it this UUID? Then a filter can find the entry by it. 389 Directory
 * Server's entryUUID differs from the one of RFC 4533 there.
 */
bool ldap_uuid_is_named(const struct schema *schema,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    const uint8_t uuid[ENTRY_UUID_LEN]);

#endif
