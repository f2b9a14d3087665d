/*
 * Entries of the directory as records that verbs print (output.h): the id, the
 * fields of the kind in the order of their table, and what is beside them; last
 * "dn" and "refused", why gateways do not take it. The members are always the
 * same.
 */
#ifndef ENSCALECTL_RECORDS_H
#define ENSCALECTL_RECORDS_H

#include <jansson.h>

#include "ldap/ldap_entry.h"

/* A field in its struct: a text, a word, a number, a time; null for none. */
json_t *record_field(const struct field *field, const void *fields);

/* kind: begins with a member "kind", where records of several are printed. */
json_t *record_account(const struct entry *entry, bool kind);
json_t *record_environment(const struct entry *entry, bool kind);
/* environment: where it is; "" when that is not known. */
json_t *record_node(const struct entry *entry, const char *environment,
    bool kind);
/* account 0: not known; key NULL: the entry is refused. */
json_t *record_key(const struct entry_key *key, uint32_t account,
    const struct entry *entry, bool kind);

/* A key's type, bits and fingerprints; false without libcrypto. */
struct record_key_facts {
	const char *type; /* "ED25519" */
	uint32_t bits;
	char sha256[64], md5[64];
};
bool record_key_facts(struct bytes blob, struct record_key_facts *ret_facts);

#endif
