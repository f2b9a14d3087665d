/* See columns.h. It refuses to have a field that no table has. */
#include <config.h>

#include "enscalectl/columns.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "enscalectl/output.h"
#include "enscalectl/records.h"

const enum entry_kind columns_kinds[COLUMNS_KINDS] = { ENTRY_ACCOUNT, ENTRY_KEY,
	ENTRY_ENVIRONMENT, ENTRY_NODE };

/* ---- which there are ---------------------------------------------------- */

static struct column *
put(struct columns *columns, enum column_type type, enum schema_name attribute)
{
	struct column *column = &columns->each[columns->count++];

	column->type = type;
	column->attribute = attribute;
	request_attribute_name(attribute, column->name);
	return column;
}

/* What is in the text of a key has no column of its own. */
static void
put_fields(struct columns *columns, const struct field_table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->rows[i].attribute != SCHEMA_SSH_PUBLIC_KEY)
			put(columns, COLUMN_FIELD, table->rows[i].attribute)
			    ->field = &table->rows[i];
}

static void
make_account(struct columns *columns)
{
	put(columns, COLUMN_ID, SCHEMA_ACCOUNT_ID);
	put_fields(columns, &account_fields);
}

static void
make_key(struct columns *columns)
{
	put(columns, COLUMN_PARENT, SCHEMA_ACCOUNT_ID);
	put_fields(columns, &key_fields);
	put(columns, COLUMN_KEY, SCHEMA_SSH_PUBLIC_KEY);
}

static void
make_environment(struct columns *columns)
{
	put_fields(columns, &environment_fields);
	for (int i = 0; i < ACCESS_ROWS; i++)
		if (access_rows[i].role != ROLE_OWNER)
			put(columns, COLUMN_ACCESS, access_rows[i].attribute)
			    ->role = access_rows[i].role;
}

static void
make_node(struct columns *columns)
{
	put(columns, COLUMN_ID, SCHEMA_NODE_ID);
	columns->each[columns->count++] = (struct column){
		.name = "environment",
		.type = COLUMN_PARENT,
		.attribute = SCHEMA_COUNT,
	};
	put_fields(columns, &node_fields);
	put(columns, COLUMN_HOST_KEYS, SCHEMA_HOST_KEY);
}

const struct columns *
columns_of(enum entry_kind kind)
{
	static struct columns all[ENTRY_KINDS + 1];
	struct columns *own = &all[kind];

	if (own->count > 0)
		return own;
	switch (kind) {
	case ENTRY_ACCOUNT:
		make_account(own);
		break;
	case ENTRY_KEY:
		make_key(own);
		break;
	case ENTRY_ENVIRONMENT:
		make_environment(own);
		break;
	case ENTRY_NODE:
		make_node(own);
		break;
	case ENTRY_OTHER:
	default:
		break;
	}
	return own;
}

const struct column *
columns_find(const struct columns *columns, const char *name)
{
	for (uint32_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->each[i];

		if (strcmp(column->name, name) == 0 ||
		    (column->field != NULL &&
		        strcmp(column->field->name, name) == 0))
			return column;
	}
	return NULL;
}

const struct column *
columns_find_attribute(const struct columns *columns,
    const struct schema *schema, struct berval name)
{
	for (uint32_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->each[i];
		const char *own;

		if (column->attribute == SCHEMA_COUNT)
			continue;
		own = schema->names[column->attribute];
		if (strlen(own) == name.bv_len &&
		    strncasecmp(own, name.bv_val, name.bv_len) == 0)
			return column;
	}
	return NULL;
}

void
columns_text(const struct columns *columns, char buf[COLUMNS_TEXT_MAX])
{
	size_t used = (size_t)snprintf(buf, COLUMNS_TEXT_MAX, "kind");

	for (uint32_t i = 0; i < columns->count && used < COLUMNS_TEXT_MAX; i++)
		used += (size_t)snprintf(buf + used, COLUMNS_TEXT_MAX - used,
		    ", %s", columns->each[i].name);
}

/* ---- what an entry says ------------------------------------------------- */

const void *
columns_fields(const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		return &entry->account.fields;
	case ENTRY_KEY:
		return &entry->key.fields;
	case ENTRY_ENVIRONMENT:
		return &entry->environment.fields;
	case ENTRY_NODE:
		return &entry->node.fields;
	case ENTRY_OTHER:
	default:
		return NULL;
	}
}

static bool
is_same_field(const struct field *field, const struct entry *a,
    const struct entry *b)
{
	const void *x = columns_fields(a), *y = columns_fields(b);

	return field_is_text(field)
	    ? strcmp(field_text(field, x), field_text(field, y)) == 0
	    : field_number(field, x) == field_number(field, y);
}

/* The next of an environment's accounts with that role; NULL: none. */
static const struct entry_member *
next_member(const struct entry *entry, enum environment_role role, uint32_t *at)
{
	while (*at < entry->environment.member_count) {
		const struct entry_member *member =
		    &entry->environment.members[(*at)++];

		if (member->role == role)
			return member;
	}
	return NULL;
}

static bool
is_same_access(enum environment_role role, const struct entry *a,
    const struct entry *b)
{
	uint32_t i = 0, j = 0;
	const struct entry_member *x, *y;

	do {
		x = next_member(a, role, &i);
		y = next_member(b, role, &j);
	} while (x != NULL && y != NULL && entry_member_compare(x, y) == 0);
	return x == NULL && y == NULL;
}

static bool
has_host_key(const struct entry *entry, struct bytes blob)
{
	for (uint32_t i = 0; i < entry->node.host_key_count; i++)
		if (bytes_equal(entry->node.host_keys[i].blob, blob))
			return true;
	return false;
}

static bool
is_same_host_keys(const struct entry *a, const struct entry *b)
{
	bool same = a->node.host_key_count == b->node.host_key_count;

	for (uint32_t i = 0; same && i < a->node.host_key_count; i++)
		same = has_host_key(b, a->node.host_keys[i].blob) &&
		    has_host_key(a, b->node.host_keys[i].blob);
	return same;
}

static bool
is_same_key(const struct entry *a, const struct entry *b)
{
	return bytes_equal(a->key.blob, b->key.blob) &&
	    strcmp(a->key.from, b->key.from) == 0 &&
	    a->key.options == b->key.options;
}

bool
column_is_same(const struct column *column, const struct entry *a,
    const struct entry *b)
{
	switch (column->type) {
	case COLUMN_FIELD:
		return is_same_field(column->field, a, b);
	case COLUMN_ACCESS:
		return is_same_access(column->role, a, b);
	case COLUMN_KEY:
		return is_same_key(a, b);
	case COLUMN_HOST_KEYS:
		return is_same_host_keys(a, b);
	case COLUMN_ID:
		return a->id == b->id;
	case COLUMN_PARENT:
	default:
		return true;
	}
}

/* ---- for a record ------------------------------------------------------- */

static json_t *
access_list(const struct entry *entry, enum environment_role role)
{
	const struct entry_member *member;
	json_t *list = json_array();
	uint32_t i = 0;

	while ((member = next_member(entry, role, &i)) != NULL)
		(void)json_array_append_new(list,
		    json_integer(member->account));
	return list;
}

static json_t *
host_key_list(const struct entry *entry)
{
	char line[KEY_WRITTEN_MAX + 1];
	json_t *list = json_array();

	for (uint32_t i = 0; i < entry->node.host_key_count; i++)
		if (ssh_key_format(entry->node.host_keys[i].blob, line,
		        sizeof(line)) > 0)
			(void)json_array_append_new(list, json_string(line));
	return list;
}

static json_t *
key_line(const struct entry_key *entry)
{
	static struct ssh_key key; /* it is large */
	char line[KEY_WRITTEN_MAX + 1];

	if (entry->blob.len > sizeof(key.blob))
		return NULL;
	memcpy(key.blob, entry->blob.data, entry->blob.len);
	key.blob_len = entry->blob.len;
	key.options = entry->options;
	snprintf(key.from, sizeof(key.from), "%s", entry->from);
	return ssh_key_format_line(&key, line, sizeof(line)) > 0
	    ? json_string(line)
	    : NULL;
}

json_t *
column_value(const struct column *column, const struct entry *entry,
    json_t *parent)
{
	switch (column->type) {
	case COLUMN_ID:
		return json_integer(entry->id);
	case COLUMN_PARENT:
		return json_incref(parent);
	case COLUMN_FIELD:
		return record_field(column->field, columns_fields(entry));
	case COLUMN_ACCESS:
		return access_list(entry, column->role);
	case COLUMN_KEY:
		return key_line(&entry->key);
	case COLUMN_HOST_KEYS:
		return host_key_list(entry);
	default:
		return NULL;
	}
}
