/* From a directory entry to a struct entry. See ldap_entry.h. */
#include <config.h>

#include "ldap/ldap_entry_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/errors.h"
#include "ldap/ldap_time.h"

/* What one entry may take, and what is kept for the next one. */
#define ARENA_MAX  ((size_t)64 << 20)
#define ARENA_KEEP ((size_t)1 << 20)

static const enum entry_kind kinds[SCHEMA_CLASSES] = {
	[SCHEMA_ACCOUNT] = ENTRY_ACCOUNT,
	[SCHEMA_ACCOUNT_AUX] = ENTRY_ACCOUNT,
	[SCHEMA_KEY] = ENTRY_KEY,
	[SCHEMA_ENVIRONMENT] = ENTRY_ENVIRONMENT,
	[SCHEMA_NODE] = ENTRY_NODE,
};

int
entry_parser_new(const struct schema *schema, struct entry_parser **ret_parser)
{
	struct entry_parser *parser = calloc(1, sizeof(*parser));

	if (parser == NULL)
		return -ENOMEM;
	parser->schema = schema;
	*ret_parser = parser;
	return 0;
}

void
entry_parser_free(struct entry_parser *parser)
{
	if (parser == NULL)
		return;
	free(parser->arena.data);
	free(parser);
}

/* An account may also be of another class, and have ours beside it. */
enum schema_name
entry_kind_class(enum entry_kind kind)
{
	int which = 0;

	while (which < SCHEMA_CLASSES - 1 && kinds[which] != kind)
		which++;
	return (enum schema_name)which;
}

const char *
entry_kind_text(enum entry_kind kind)
{
	switch (kind) {
	case ENTRY_ACCOUNT:
		return "account";
	case ENTRY_KEY:
		return "key";
	case ENTRY_ENVIRONMENT:
		return "environment";
	case ENTRY_NODE:
		return "node";
	case ENTRY_OTHER:
	default:
		return "other";
	}
}

/* ---- memory ------------------------------------------------------------ */

/* Everything that an entry keeps is no longer than what came, but for a NUL
 * and the alignment of rows; so one size, known before, serves it all. */
static int
arena_reserve(struct arena *arena, size_t size)
{
	uint8_t *data;

	arena->used = 0;
	if (size <= arena->size && arena->size <= ARENA_KEEP)
		return 0;
	data = realloc(arena->data, size);
	if (data == NULL)
		return -ENOMEM;
	arena->data = data;
	arena->size = size;
	return 0;
}

void *
entry_take(struct parse *p, size_t len)
{
	struct arena *arena = &p->parser->arena;
	size_t at = (arena->used + 7) & ~(size_t)7;

	if (at > arena->size || len > arena->size - at) {
		p->error = -ENOMEM;
		return NULL;
	}
	arena->used = at + len;
	return arena->data + at;
}

const char *
entry_keep_text(struct parse *p, const char *text, size_t len)
{
	char *copy = entry_take(p, len + 1);

	if (copy == NULL)
		return "";
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static size_t
value_room(const struct entry_attribute *attribute, enum schema_name which)
{
	size_t row = 2 * sizeof(struct entry_member), size = 0;

	if (which == SCHEMA_HOST_KEY)
		row = 64 + sizeof(struct entry_host_key);
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		size += attribute->values[i].bv_len + row;
		if (which == SCHEMA_SSH_PUBLIC_KEY)
			size += entry_keys_most(&attribute->values[i]) *
			    (64 + sizeof(struct entry_key) +
			        sizeof(struct entry_key *));
	}
	return size;
}

/* ---- the entry --------------------------------------------------------- */

static bool
is_named(struct berval value, const char *name)
{
	return value.bv_len == strlen(name) &&
	    strncasecmp(value.bv_val, name, value.bv_len) == 0;
}

static enum entry_kind
kind_of(const struct parse *p)
{
	const struct entry_attribute *classes = entry_has(p,
	    SCHEMA_OBJECT_CLASS);
	enum entry_kind kind = ENTRY_OTHER;

	for (uint32_t i = 0; classes != NULL && i < classes->value_count; i++) {
		for (int k = 0; k < SCHEMA_CLASSES; k++) {
			if (!is_named(classes->values[i],
			        p->parser->schema->names[k]))
				continue;
			if (kind != ENTRY_OTHER && kind != kinds[k])
				return ENTRY_OTHER;
			kind = kinds[k];
		}
	}
	return kind;
}

bool
entry_is_ours(const struct entry_parser *parser,
    const struct entry_attribute *attributes, uint32_t attribute_count)
{
	const struct schema *schema = parser->schema;

	for (uint32_t i = 0; i < attribute_count; i++) {
		if (!is_named(attributes[i].name,
		        schema->names[SCHEMA_OBJECT_CLASS]))
			continue;
		for (uint32_t v = 0; v < attributes[i].value_count; v++) {
			for (int k = 0; k < SCHEMA_CLASSES; k++) {
				if (is_named(attributes[i].values[v],
				        schema->names[k]))
					return true;
			}
		}
	}
	return false;
}

/* A directory may have one attribute for two of ours. */
static size_t
sort_out(struct parse *p, const struct entry_attribute *attributes,
    uint32_t count)
{
	const struct schema *schema = p->parser->schema;
	size_t room = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (int which = SCHEMA_CLASSES; which < SCHEMA_COUNT;
		     which++) {
			if (!is_named(attributes[i].name,
			        schema->names[which]) ||
			    attributes[i].value_count == 0)
				continue;
			p->found[which] = &attributes[i];
			room += value_room(&attributes[i],
			    (enum schema_name)which);
		}
	}
	return room;
}

/* Texts are cut, of keys one is refused. */
static bool
has_own_limit(enum schema_name which)
{
	return which == SCHEMA_SSH_PUBLIC_KEY || entry_is_for_people(which);
}

static bool
check_sizes(struct parse *p)
{
	for (int which = SCHEMA_CLASSES; which < SCHEMA_COUNT; which++) {
		const struct entry_attribute *attribute = p->found[which];

		if (attribute == NULL || has_own_limit((enum schema_name)which))
			continue;
		for (uint32_t i = 0; i < attribute->value_count; i++) {
			if (attribute->values[i].bv_len > ATTRIBUTE_VALUE_MAX)
				return entry_refuse(p, (enum schema_name)which,
				    error_text(ENS_E_LIMIT));
		}
	}
	return true;
}

/* Where a server has no entryCSN, the last change stands in for it, in its
 * form: names and order of time are what is compared. */
static bool
take_modified(struct parse *p, const struct berval *value, struct entry *entry)
{
	char csn[ENTRY_CSN_MAX + 1];
	int64_t time;

	if (ldap_time_parse(value->bv_val, value->bv_len, &time) != 0 ||
	    ldap_time_csn(time, csn) != 0)
		return entry_refuse(p, SCHEMA_MODIFIED,
		    error_text(ENS_E_SYNTAX));
	entry->csn = entry_keep_text(p, csn, strlen(csn));
	return true;
}

static bool
parse_csn(struct parse *p, struct entry *entry)
{
	bool ok = true;
	const struct berval *value = entry_single(p, SCHEMA_CSN, &ok);

	if (value == NULL && ok && entry_has(p, SCHEMA_MODIFIED) != NULL) {
		value = entry_single(p, SCHEMA_MODIFIED, &ok);
		return ok && take_modified(p, value, entry);
	}
	if (value == NULL)
		return ok;
	if (value->bv_len > ENTRY_CSN_MAX ||
	    memchr(value->bv_val, '\0', value->bv_len) != NULL)
		return entry_refuse(p, SCHEMA_CSN, error_text(ENS_E_SYNTAX));
	entry->csn = entry_keep_text(p, value->bv_val, value->bv_len);
	return true;
}

static bool
parse_operational(struct parse *p, struct entry *entry)
{
	bool ok = true;
	const struct berval *value;

	if (!parse_csn(p, entry))
		return false;
	value = entry_single(p, SCHEMA_CREATED, &ok);
	if (value != NULL &&
	    ldap_time_parse(value->bv_val, value->bv_len, &entry->created) != 0)
		return entry_refuse(p, SCHEMA_CREATED,
		    error_text(ENS_E_SYNTAX));
	if (entry->created < 0)
		entry->created = 0;
	return ok;
}

int
entry_parse(struct entry_parser *parser, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const struct entry_attribute *attributes,
    uint32_t attribute_count, struct entry *ret_entry)
{
	struct parse p = { .parser = parser };
	struct entry entry = { .csn = "", .reason = "", .warning = "" };
	size_t room = sort_out(&p, attributes, attribute_count);
	bool good, nobody;
	int r;

	parser->reason[0] = parser->warning[0] = '\0';
	if (dn.bv_len > ENTRY_DN_MAX ||
	    memchr(dn.bv_val, '\0', dn.bv_len) != NULL)
		return ENS_E_LIMIT;
	good = room <= ARENA_MAX;
	if (!good)
		entry_refuse(&p, SCHEMA_OBJECT_CLASS, error_text(ENS_E_LIMIT));
	r = arena_reserve(&parser->arena,
	    (good ? room : 0) + dn.bv_len + 256 * (size_t)SCHEMA_COUNT);
	if (r != 0)
		return r;
	memcpy(entry.uuid, uuid, sizeof(entry.uuid));
	entry.dn = entry_keep_text(&p, dn.bv_val, dn.bv_len);
	entry.kind = kind_of(&p);
	nobody = entry_lacks_account(&p, entry.kind);
	good = good && entry_keep_names(&p, &entry) && check_sizes(&p) &&
	    parse_operational(&p, &entry) && !nobody &&
	    entry_parse_kind(&p, &entry);
	if (p.error != 0)
		return p.error;
	entry.refused = !good;
	if (nobody)
		parser->reason[0] = '\0';
	entry.reason = parser->reason;
	if (good)
		entry.warning = parser->warning;
	*ret_entry = entry;
	return 0;
}
