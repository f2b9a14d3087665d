/*
 * The fields of an entry: a function for each type (common/view/fields.h) says
 * what its values must be. See ldap_entry_private.h.
 */
#include <config.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/host_address.h"
#include "common/base/text.h"
#include "ldap/ldap_entry_private.h"
#include "ldap/ldap_time.h"

/* ---- texts -------------------------------------------------------------- */

static int
compare_values(const struct berval *a, const struct berval *b)
{
	size_t len = a->bv_len < b->bv_len ? a->bv_len : b->bv_len;
	int r = memcmp(a->bv_val, b->bv_val, len);

	return r != 0 ? r : (a->bv_len > b->bv_len) - (a->bv_len < b->bv_len);
}

/* Directories give several values of cn and mail in any order, and what is
 * taken must not change by itself: the smallest one is. */
static const struct berval *
find_least(const struct parse *p, enum schema_name which)
{
	const struct entry_attribute *attribute = entry_has(p, which);
	const struct berval *least = NULL;

	for (uint32_t i = 0; attribute != NULL && i < attribute->value_count;
	     i++) {
		if (least == NULL ||
		    compare_values(&attribute->values[i], least) < 0)
			least = &attribute->values[i];
	}
	return least;
}

/* Made fit to be shown, which costs a warning and never the entry. False
 * without memory alone. */
static bool
parse_text(struct parse *p, const struct field *field, void *fields)
{
	const struct berval *value = find_least(p, field->attribute);
	char text[FIELD_TEXT_MAX + 1], words[96];
	bool changed;
	size_t len;

	if (value == NULL)
		return true;
	len = text_display(value->bv_val, value->bv_len, text, field->limit + 1,
	    &changed);
	if (changed && value->bv_len > field->limit)
		(void)snprintf(words, sizeof(words),
		    "a text of %zu bytes, of which %zu are shown",
		    (size_t)value->bv_len, len);
	else if (changed)
		(void)snprintf(words, sizeof(words), "%s",
		    "characters that cannot be shown are left out");
	if (changed)
		entry_warn(p, field->attribute, words);
	field_set_text(field, fields, entry_keep_text(p, text, len));
	return p->error == 0;
}

/* The one value that has to be there; NULL: refused. */
static const struct berval *
needed(struct parse *p, const struct field *field)
{
	bool ok = true;

	return entry_need(p, field->attribute)
	    ? entry_single(p, field->attribute, &ok)
	    : NULL;
}

static bool
parse_name(struct parse *p, const struct field *field, void *fields)
{
	const struct berval *value = needed(p, field);
	const char *name;

	if (value == NULL)
		return false;
	if (value->bv_len == 0)
		return entry_refuse(p, field->attribute, "empty");
	if (value->bv_len > field->limit)
		return entry_refuse(p, field->attribute,
		    error_text(ENS_E_LIMIT));
	name = entry_keep_text(p, value->bv_val, value->bv_len);
	if (!text_is_utf8(value->bv_val, value->bv_len) ||
	    !text_is_printable(name))
		return entry_refuse(p, field->attribute, "not printable text");
	field_set_text(field, fields, name);
	return p->error == 0;
}

/* Numeric only, and written the one way that inet_ntop() writes it. */
static bool
parse_address(struct parse *p, const struct field *field, void *fields)
{
	const struct berval *value = needed(p, field);
	char text[ENTRY_WORD_MAX + 1], canonical[INET6_ADDRSTRLEN];
	uint8_t binary[sizeof(struct in6_addr)];
	int family;

	if (value == NULL)
		return false;
	if (!entry_word(value, text))
		return entry_refuse(p, field->attribute, "not an address");
	family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, binary) != 1 ||
	    inet_ntop(family, binary, canonical, sizeof(canonical)) == NULL)
		return entry_refuse(p, field->attribute, "not an address");
	if (host_address_is_no_hosts(family, binary))
		return entry_refuse(p, field->attribute,
		    "a loopback, link-local, multicast or reserved address");
	field_set_text(field, fields,
	    entry_keep_text(p, canonical, strlen(canonical)));
	return p->error == 0;
}

static bool
is_system_user(const char *name)
{
	const char *first = "abcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(name);

	return len > 0 && len <= SYSTEM_USER_MAX &&
	    strchr(first, name[0]) != NULL &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* The directory does not get to make anybody root on a node. */
static bool
parse_user(struct parse *p, const struct field *field, void *fields)
{
	const struct berval *value = needed(p, field);
	char text[ENTRY_WORD_MAX + 1];

	if (value == NULL)
		return false;
	if (!entry_word(value, text) || !is_system_user(text))
		return entry_refuse(p, field->attribute, "not a user name");
	if (strcmp(text, "root") == 0)
		return entry_refuse(p, field->attribute, "nobody may be root");
	field_set_text(field, fields, entry_keep_text(p, text, strlen(text)));
	return p->error == 0;
}

/* ---- words and numbers --------------------------------------------------- */

static bool
parse_word(struct parse *p, const struct field *field, void *fields)
{
	bool ok = true;
	const struct berval *value = entry_single(p, field->attribute, &ok);

	if (value == NULL)
		return ok;
	return field_set_word(field, fields,
	           (struct bytes){ (const uint8_t *)value->bv_val,
	               value->bv_len }) == 0 ||
	    entry_refuse(p, field->attribute, "an unknown word");
}

static bool
parse_time(struct parse *p, const struct field *field, void *fields)
{
	bool ok = true;
	const struct berval *value = entry_single(p, field->attribute, &ok);
	int64_t at;

	if (value == NULL)
		return ok;
	if (ldap_time_parse(value->bv_val, value->bv_len, &at) != 0)
		return entry_refuse(p, field->attribute,
		    error_text(ENS_E_SYNTAX));
	/* 0 means never: what ended at the epoch or before stays ended. */
	field_set_number(field, fields, at < 1 ? 1 : (uint64_t)at);
	return true;
}

static bool
parse_from(struct parse *p, const struct field *field, void *fields,
    uint32_t min)
{
	uint32_t value = (uint32_t)field_number(field, fields);

	if (!entry_get_number(p, field->attribute, min, field->limit, &value))
		return false;
	field_set_number(field, fields, value);
	return true;
}

static bool
parse_number(struct parse *p, const struct field *field, void *fields)
{
	return parse_from(p, field, fields, 0);
}

/* Where 0 is no value. */
static bool
parse_positive(struct parse *p, const struct field *field, void *fields)
{
	return parse_from(p, field, fields, 1);
}

/* ---- any field ----------------------------------------------------------- */

/* NULL: it comes with the key itself. */
static bool (*const parsers[FIELD_TYPES])(struct parse *p,
    const struct field *field, void *fields) = {
	[FIELD_TEXT] = parse_text,
	[FIELD_NAME] = parse_name,
	[FIELD_ADDRESS] = parse_address,
	[FIELD_USER] = parse_user,
	[FIELD_FROM] = NULL,
	[FIELD_STATUS] = parse_word,
	[FIELD_STATE] = parse_word,
	[FIELD_TIME] = parse_time,
	[FIELD_NUMBER] = parse_number,
	[FIELD_ID] = parse_positive,
	[FIELD_PORT] = parse_positive,
	[FIELD_OPTIONS] = NULL,
};

bool
entry_parse_fields(struct parse *p, const struct field_table *table,
    void *ret_fields)
{
	bool good = true;

	fields_init(table, ret_fields);
	for (uint32_t i = 0; good && i < table->count; i++) {
		const struct field *field = &table->rows[i];

		if (parsers[field->type] != NULL)
			good = parsers[field->type](p, field, ret_fields);
	}
	return good;
}

bool
entry_is_for_people(enum schema_name which)
{
	for (int i = 0; i < FIELD_TABLES; i++) {
		for (uint32_t k = 0; k < field_tables[i]->count; k++) {
			if (field_tables[i]->rows[k].attribute == which &&
			    field_tables[i]->rows[k].type == FIELD_TEXT)
				return true;
		}
	}
	return false;
}
