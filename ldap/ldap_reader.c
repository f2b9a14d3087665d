/* From the entry of a search to a struct entry. See ldap_reader.h. */
#include <config.h>

#include "ldap/ldap_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/errors.h"
#include "ldap/ldap_attributes.h"

struct ldap_reader {
	struct entry_parser *parser;       /* owned */
	struct ldap_attributes attributes; /* owned */
};

int
ldap_reader_new(const struct schema *schema, struct ldap_reader **ret_reader)
{
	struct ldap_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (reader == NULL)
		return -ENOMEM;
	r = entry_parser_new(schema, &reader->parser);
	if (r != 0) {
		free(reader);
		return r;
	}
	*ret_reader = reader;
	return 0;
}

void
ldap_reader_free(struct ldap_reader *reader)
{
	if (reader == NULL)
		return;
	ldap_attributes_clear(&reader->attributes);
	entry_parser_free(reader->parser);
	free(reader);
}

int
ldap_reader_entry(struct ldap_reader *reader, LDAP *ld, LDAPMessage *raw,
    const uint8_t uuid[ENTRY_UUID_LEN], struct entry *ret_entry)
{
	struct ldap_attributes *attributes = &reader->attributes;
	int r;

	ldap_attributes_clear(attributes);
	r = ldap_attributes_read(ld, raw, attributes);
	if (r != 0)
		return r;
	r = entry_parse(reader->parser, uuid, attributes->dn, attributes->rows,
	    attributes->count, ret_entry);
	return r == ENS_E_LIMIT ? ENS_E_PROTOCOL : r;
}

/* ---- stamps ------------------------------------------------------------ */

/* "6ba7b810-9dad-11d1-80b4-00c04fd430c8" */
static int
parse_uuid(struct berval text, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	char digits[2 * ENTRY_UUID_LEN + 1];
	size_t count = 0;

	for (size_t i = 0; i < text.bv_len && count < sizeof(digits) - 1; i++) {
		if (text.bv_val[i] != '-')
			digits[count++] = text.bv_val[i];
	}
	digits[count] = '\0';
	if (text.bv_len != 2 * ENTRY_UUID_LEN + 4 ||
	    count != sizeof(digits) - 1 ||
	    hex_decode(digits, ret_uuid, ENTRY_UUID_LEN) != 0)
		return ENS_E_PROTOCOL;
	return 0;
}

static void
cleanup_values(struct berval ***values)
{
	ldap_value_free_len(*values);
}

int
ldap_reader_stamps(const struct schema *schema, LDAP *ld, LDAPMessage *raw,
    uint8_t ret_uuid[ENTRY_UUID_LEN], char ret_csn[ENTRY_CSN_MAX + 1])
{
	struct berval **uuid AUTO(cleanup_values) = ldap_get_values_len(ld, raw,
	    schema->names[SCHEMA_UUID]);
	struct berval **csn AUTO(cleanup_values) = ldap_get_values_len(ld, raw,
	    schema->names[SCHEMA_CSN]);

	ret_csn[0] = '\0';
	if (csn != NULL && csn[0] != NULL && csn[0]->bv_len <= ENTRY_CSN_MAX) {
		memcpy(ret_csn, csn[0]->bv_val, csn[0]->bv_len);
		ret_csn[csn[0]->bv_len] = '\0';
	}
	return uuid == NULL || uuid[0] == NULL ? ENS_E_PROTOCOL
	                                       : parse_uuid(*uuid[0], ret_uuid);
}
