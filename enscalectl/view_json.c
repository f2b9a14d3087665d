/* Records of the view as JSON objects. */
#include <config.h>

#include "enscalectl/view_json.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/keys/fingerprint_text.h"
#include "common/view/fields_json.h"

static json_t *
fingerprint_json(const uint8_t fingerprint[SHA256_LEN])
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];

	fingerprint_format_sha256(fingerprint, text);
	return json_string(text);
}

static json_t *
blob_json(struct bytes blob)
{
	char text[BASE64_LEN(KEY_BLOB_MAX) + 1];

	(void)base64_encode(blob.data, blob.len, text, sizeof(text));
	return json_string(text);
}

/* jansson takes NULL for an array that could not be made, and says so. */
static int
made(json_t *object, json_t **ret_object)
{
	if (object == NULL)
		return -ENOMEM;
	*ret_object = object;
	return 0;
}

static int
account(struct bytes record, const struct record_key *key, json_t **ret_object)
{
	struct account_record found;
	int r = record_decode_account(record, key, &found);

	if (r != 0)
		return r;
	return made(fields_to_json(json_pack("{s:s, s:I}", "kind", "account",
	                               "account", (json_int_t)found.account),
	                &account_fields, &found.fields,
	                FIELDS_FOR_ADMINISTRATORS),
	    ret_object);
}

static int
account_key(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	struct key_record found;
	json_t *object;
	int r = record_decode_key(record, key, &found);

	if (r != 0)
		return r;
	object = fields_to_json(json_pack("{s:s, s:I, s:o, s:o}", "kind", "key",
	                            "account", (json_int_t)found.account,
	                            "fingerprint",
	                            fingerprint_json(found.fingerprint), "blob",
	                            blob_json(found.blob)),
	    &key_fields, &found.fields, FIELDS_FOR_ADMINISTRATORS);
	return made(
	    json_with(object, "added", json_integer((json_int_t)found.added)),
	    ret_object);
}

static int
account_keys(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	struct account_keys_record found;
	json_t *list;
	int r = record_decode_account_keys(record, key, &found);

	if (r != 0)
		return r;
	list = json_array();
	for (uint32_t i = 0; i < found.count; i++)
		(void)json_array_append_new(list,
		    fingerprint_json(
		        found.fingerprints + (size_t)i * SHA256_LEN));
	return made(json_pack("{s:s, s:I, s:o}", "kind", "account-keys",
	                "account", (json_int_t)found.account, "fingerprints",
	                list),
	    ret_object);
}

static int
environment(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	struct environment_record found;
	json_t *members, *nodes, *object;
	int r = record_decode_environment(record, key, &found);

	if (r != 0)
		return r;
	members = json_array();
	nodes = json_array();
	for (uint32_t i = 0; i < found.member_count; i++) {
		struct environment_member member = environment_record_member(
		    &found, i);

		(void)json_array_append_new(members,
		    json_pack("{s:I, s:s}", "account",
		        (json_int_t)member.account, "role",
		        environment_role_text(member.role)));
	}
	for (uint32_t i = 0; i < found.node_count; i++)
		(void)json_array_append_new(nodes,
		    json_integer(environment_record_node(&found, i)));
	object = fields_to_json(json_pack("{s:s}", "kind", "environment"),
	    &environment_fields, &found.fields, FIELDS_FOR_ADMINISTRATORS);
	object = json_with(object, "members", members);
	return made(json_with(object, "nodes", nodes), ret_object);
}

static int
account_environments(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	struct account_environments_record found;
	struct account_environment row;
	json_t *list;
	int r = record_decode_environments(record, key, &found);

	if (r != 0)
		return r;
	list = json_array();
	while (account_environments_next(&found.rows, &row) == 0)
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s}", "name", row.name, "role",
		        environment_role_text(row.role)));
	return made(json_pack("{s:s, s:I, s:o}", "kind", "account-environments",
	                "account", (json_int_t)found.account, "environments",
	                list),
	    ret_object);
}

static int
node(struct bytes record, const struct record_key *key, json_t **ret_object)
{
	struct node_record found;
	struct bytes blob;
	json_t *host_keys, *object;
	int r = record_decode_node(record, key, &found);

	if (r != 0)
		return r;
	host_keys = json_array();
	while (node_record_next_host_key(&found.host_keys, &blob) == 0)
		(void)json_array_append_new(host_keys, blob_json(blob));
	object = fields_to_json(json_pack("{s:s, s:I, s:s}", "kind", "node",
	                            "node", (json_int_t)found.node,
	                            "environment", found.environment),
	    &node_fields, &found.fields, FIELDS_FOR_ADMINISTRATORS);
	return made(json_with(object, "host_keys", host_keys), ret_object);
}

static int
host_key(struct bytes record, const struct record_key *key, json_t **ret_object)
{
	struct host_key_record found;
	json_t *nodes;
	int r = record_decode_host_key(record, key, &found);

	if (r != 0)
		return r;
	nodes = json_array();
	for (uint32_t i = 0; i < found.count; i++)
		(void)json_array_append_new(nodes,
		    json_integer(host_key_record_node(&found, i)));
	return made(json_pack("{s:s, s:o, s:o}", "kind", "host-key",
	                "fingerprint", fingerprint_json(found.fingerprint),
	                "nodes", nodes),
	    ret_object);
}

int
view_json(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	static int (*const decoders[])(struct bytes, const struct record_key *,
	    json_t **) = {
		[RECORD_ACCOUNT] = account,
		[RECORD_KEY] = account_key,
		[RECORD_ACCOUNT_KEYS] = account_keys,
		[RECORD_ENVIRONMENT] = environment,
		[RECORD_ENVIRONMENTS] = account_environments,
		[RECORD_NODE] = node,
		[RECORD_HOST_KEY] = host_key,
	};
	uint8_t kind = key->len > 0 ? key->data[0] : 0;

	if (kind >= sizeof(decoders) / sizeof(decoders[0]) ||
	    decoders[kind] == NULL)
		return ENS_E_CORRUPT;
	return decoders[kind](record, key, ret_object);
}
