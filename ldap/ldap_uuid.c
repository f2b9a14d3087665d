/* Identifying an entry. See ldap_uuid.h. */
#include <config.h>

#include "ldap/ldap_uuid.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "ldap/ldap_dn.h"

/* Marks 16 bytes of a digest as an UUID of one's own making (RFC 9562, 8). */
static void
take_digest(const uint8_t *digest, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	memcpy(ret_uuid, digest, ENTRY_UUID_LEN);
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x80);
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
}

static bool
take_text(const struct berval *value, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	char digits[2 * ENTRY_UUID_LEN + 1];
	size_t count = 0;

	for (size_t i = 0; i < value->bv_len; i++) {
		if (value->bv_val[i] == '-')
			continue;
		if (count == sizeof(digits) - 1)
			return false;
		digits[count++] = value->bv_val[i];
	}
	digits[count] = '\0';
	return count == sizeof(digits) - 1 &&
	    hex_decode(digits, ret_uuid, ENTRY_UUID_LEN) == 0;
}

static int
take_value(const struct berval *value, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	uint8_t digest[SHA256_LEN];
	int r;

	if (take_text(value, ret_uuid))
		return 0;
	if (value->bv_len == ENTRY_UUID_LEN) {
		memcpy(ret_uuid, value->bv_val, ENTRY_UUID_LEN);
		return 0;
	}
	r = fingerprint_sha256(
	    (struct bytes){ (const uint8_t *)value->bv_val, value->bv_len },
	    digest);
	if (r == 0)
		take_digest(digest, ret_uuid);
	return r;
}

/* The one value of the schema's entryUUID; NULL without. */
static const struct berval *
find_value(const struct schema *schema,
    const struct entry_attribute *attributes, uint32_t attribute_count)
{
	const char *name = schema->names[SCHEMA_UUID];

	for (uint32_t i = 0; i < attribute_count; i++) {
		if (attributes[i].value_count == 1 &&
		    attributes[i].name.bv_len == strlen(name) &&
		    strncasecmp(attributes[i].name.bv_val, name,
		        strlen(name)) == 0)
			return attributes[i].values;
	}
	return NULL;
}

int
ldap_uuid_of(const struct schema *schema, const char *dn,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	const struct berval *value = find_value(schema, attributes,
	    attribute_count);
	struct ldap_dn_hash self;
	int r;

	if (value != NULL)
		return take_value(value, ret_uuid);
	r = ldap_dn_hash(dn, &self, NULL);
	if (r == 0)
		take_digest(self.bytes, ret_uuid);
	return r;
}

void
ldap_uuid_text(const uint8_t uuid[ENTRY_UUID_LEN],
    char ret_text[LDAP_UUID_TEXT_LEN + 1])
{
	char *at = ret_text;

	for (int i = 0; i < ENTRY_UUID_LEN; i++)
		at += snprintf(at, 4, "%s%02x",
		    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

bool
ldap_uuid_named(const struct schema *schema,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	const struct berval *value = find_value(schema, attributes,
	    attribute_count);

	return value != NULL && value->bv_len == LDAP_UUID_TEXT_LEN &&
	    value->bv_val[8] == '-' && value->bv_val[13] == '-' &&
	    value->bv_val[18] == '-' && value->bv_val[23] == '-' &&
	    take_text(value, ret_uuid);
}

bool
ldap_uuid_is_named(const struct schema *schema,
    const struct entry_attribute *attributes, uint32_t attribute_count,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint8_t said[ENTRY_UUID_LEN];

	return ldap_uuid_named(schema, attributes, attribute_count, said) &&
	    memcmp(said, uuid, ENTRY_UUID_LEN) == 0;
}
