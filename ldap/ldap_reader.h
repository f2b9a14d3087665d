/* From the entry of a search to a struct entry; and what can be read of one
 * without that. */
#ifndef ENSCALE_LDAP_LDAP_READER_H
#define ENSCALE_LDAP_LDAP_READER_H

#include <ldap.h>

#include "ldap/ldap_entry.h"

struct ldap_reader;

/* schema is borrowed. */
int ldap_reader_new(const struct schema *schema,
    struct ldap_reader **ret_reader);
void ldap_reader_free(struct ldap_reader *reader);

/*
 * Reads a search result entry. *ret_entry is good until the next call, or
 * until raw is freed. Returns 0, -ENOMEM, ENS_E_CRYPTO, ENS_E_PROTOCOL.
 */
int ldap_reader_entry(struct ldap_reader *reader, LDAP *ld, LDAPMessage *raw,
    const uint8_t uuid[ENTRY_UUID_LEN], struct entry *ret_entry);

/*
 * entryUUID and the version of an entry that was asked for these two, by the
 * schema's names. Without a version ret_csn is "". Returns 0, ENS_E_PROTOCOL.
 */
int ldap_reader_stamps(const struct schema *schema, LDAP *ld, LDAPMessage *raw,
    uint8_t ret_uuid[ENTRY_UUID_LEN], char ret_csn[ENTRY_CSN_MAX + 1]);

#endif
