/* See records.h. It refuses to leave a member out. */
#include <config.h>

#include "enscalectl/records.h"

#include "common/keys/fingerprint.h"
#include "enscalectl/output.h"
#include "enscalectl/request.h"

json_t *
record_field(const struct field *field, const void *fields)
{
	char options[KEY_OPTIONS_TEXT_MAX + 1];
	uint64_t number;

	if (field_has_words(field))
		return json_string(field_word(field, fields));
	if (field_is_text(field))
		return output_text(field_text(field, fields));
	number = field_number(field, fields);
	if (field->type == FIELD_TIME)
		return output_time((int64_t)number);
	if (field->type == FIELD_OPTIONS) {
		ssh_key_format_options((uint8_t)number, options);
		return output_text(options);
	}
	return number > 0 ? json_integer((json_int_t)number) : json_null();
}

/* fields NULL: the entry is refused, and they mean nothing. */
static void
add_fields(json_t *object, const struct field_table *table, const void *fields)
{
	char name[REQUEST_NAME_MAX];

	for (uint32_t i = 0; i < table->count; i++) {
		request_field_name(&table->rows[i], name);
		(void)json_object_set_new(object, name,
		    fields != NULL ? record_field(&table->rows[i], fields)
		                   : json_null());
	}
}

static json_t *
begin(const char *kind, bool with_kind)
{
	json_t *object = json_object();

	if (with_kind)
		(void)json_object_set_new(object, "kind", json_string(kind));
	return object;
}

static json_t *
number_or_null(uint32_t number)
{
	return number > 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *
end(json_t *object, const struct entry *entry)
{
	(void)json_object_set_new(object, "dn", output_text(entry->dn));
	(void)json_object_set_new(object, "refused",
	    entry->refused ? output_text(entry->reason) : json_null());
	return object;
}

static void
add_id(json_t *object, enum schema_name attribute, uint32_t id)
{
	char name[REQUEST_NAME_MAX];

	request_attribute_name(attribute, name);
	(void)json_object_set_new(object, name, number_or_null(id));
}

json_t *
record_account(const struct entry *entry, bool kind)
{
	json_t *object = begin("account", kind);

	add_id(object, SCHEMA_ACCOUNT_ID, entry->id);
	add_fields(object, &account_fields,
	    entry->refused ? NULL : &entry->account.fields);
	return end(object, entry);
}

static json_t *
members_with(const struct entry *entry, enum environment_role role)
{
	json_t *list = json_array();

	for (uint32_t i = 0;
	     !entry->refused && i < entry->environment.member_count; i++)
		if (entry->environment.members[i].role == role &&
		    entry->environment.members[i].account != 0)
			(void)json_array_append_new(list,
			    json_integer(
			        entry->environment.members[i].account));
	return list;
}

json_t *
record_environment(const struct entry *entry, bool kind)
{
	json_t *object = begin("environment", kind);
	char name[REQUEST_NAME_MAX];

	add_fields(object, &environment_fields,
	    entry->refused ? NULL : &entry->environment.fields);
	for (int i = 0; i < ACCESS_ROWS; i++) {
		if (access_rows[i].role == ROLE_OWNER)
			continue;
		request_attribute_name(access_rows[i].attribute, name);
		(void)json_object_set_new(object, name,
		    members_with(entry, access_rows[i].role));
	}
	return end(object, entry);
}

static json_t *
host_keys(const struct entry *entry)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	json_t *list = json_array();

	for (uint32_t i = 0; !entry->refused && i < entry->node.host_key_count;
	     i++) {
		fingerprint_format_sha256(entry->node.host_keys[i].fingerprint,
		    text);
		(void)json_array_append_new(list, json_string(text));
	}
	return list;
}

json_t *
record_node(const struct entry *entry, const char *environment, bool kind)
{
	json_t *object = begin("node", kind);
	char name[REQUEST_NAME_MAX];

	add_id(object, SCHEMA_NODE_ID, entry->id);
	(void)json_object_set_new(object, "environment",
	    output_text(environment));
	add_fields(object, &node_fields,
	    entry->refused ? NULL : &entry->node.fields);
	request_attribute_name(SCHEMA_HOST_KEY, name);
	(void)json_object_set_new(object, name, host_keys(entry));
	return end(object, entry);
}

bool
record_key_facts(struct bytes blob, struct record_key_facts *ret_facts)
{
	uint8_t sha256[SHA256_LEN], md5[MD5_LEN];
	enum ssh_key_type type;

	if (ssh_key_check_blob(blob, &type, &ret_facts->bits) != 0 ||
	    fingerprint_sha256(blob, sha256) != 0)
		return false;
	ret_facts->type = ssh_key_type_short_name(type);
	fingerprint_format_sha256(sha256, ret_facts->sha256);
	ret_facts->md5[0] = '\0';
	/* Where the host has switched it off, it has none. */
	if (fingerprint_md5(blob, md5) == 0)
		fingerprint_format_md5(md5, ret_facts->md5);
	return true;
}

json_t *
record_key(const struct entry_key *key, uint32_t account,
    const struct entry *entry, bool kind)
{
	struct record_key_facts facts = { .type = NULL };
	json_t *object = begin("key", kind);

	if (key != NULL)
		(void)record_key_facts(key->blob, &facts);
	add_id(object, SCHEMA_ACCOUNT_ID, account);
	(void)json_object_set_new(object, "fingerprint",
	    output_text(facts.sha256));
	(void)json_object_set_new(object, "md5", output_text(facts.md5));
	(void)json_object_set_new(object, "type", output_text(facts.type));
	(void)json_object_set_new(object, "bits", number_or_null(facts.bits));
	add_fields(object, &key_fields, key != NULL ? &key->fields : NULL);
	(void)json_object_set_new(object, "added", output_time(entry->created));
	return end(object, entry);
}
