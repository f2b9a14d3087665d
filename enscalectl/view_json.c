/* Records of the view as JSON objects. */
#include <config.h>

#include "enscalectl/view_json.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "common/keys/ssh_key.h"

static const char *
role_text(enum environment_role role)
{
	switch (role) {
	case ROLE_OWNER:
		return "owner";
	case ROLE_FULL:
		return "full";
	case ROLE_LIMITED:
		return "limited";
	case ROLE_NONE:
	default:
		return "none";
	}
}

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
	return made(json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:s}", "kind",
	                "account", "account", (json_int_t)found.account,
	                "status", account_status_text(found.status), "expires",
	                (json_int_t)found.expires, "max_sessions",
	                (json_int_t)found.max_sessions, "name", found.name,
	                "mail", found.mail),
	    ret_object);
}

static int
account_key(struct bytes record, const struct record_key *key,
    json_t **ret_object)
{
	char options[KEY_OPTIONS_TEXT_MAX + 1];
	struct key_record found;
	int r = record_decode_key(record, key, &found);

	if (r != 0)
		return r;
	ssh_key_format_options(found.options, options);
	return made(json_pack("{s:s, s:I, s:o, s:o, s:s, s:s, s:s, s:I, s:I}",
	                "kind", "key", "account", (json_int_t)found.account,
	                "fingerprint", fingerprint_json(found.fingerprint),
	                "blob", blob_json(found.blob), "title", found.title,
	                "from", found.from, "options", options, "expires",
	                (json_int_t)found.expires, "added",
	                (json_int_t)found.added),
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
	json_t *members, *nodes;
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
		        role_text(member.role)));
	}
	for (uint32_t i = 0; i < found.node_count; i++)
		(void)json_array_append_new(nodes,
		    json_integer(environment_record_node(&found, i)));
	return made(json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "kind",
	                "environment", "name", found.name, "state",
	                environment_state_text(found.state), "owner",
	                (json_int_t)found.owner, "members", members, "nodes",
	                nodes),
	    ret_object);
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
		        role_text(row.role)));
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
	json_t *host_keys;
	int r = record_decode_node(record, key, &found);

	if (r != 0)
		return r;
	host_keys = json_array();
	while (node_record_next_host_key(&found.host_keys, &blob) == 0)
		(void)json_array_append_new(host_keys, blob_json(blob));
	return made(json_pack("{s:s, s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:o}",
	                "kind", "node", "node", (json_int_t)found.node,
	                "environment", found.environment, "address",
	                found.address, "port", (json_int_t)found.port, "state",
	                environment_state_text(found.state), "service_type",
	                found.service_type, "system_user", found.system_user,
	                "host_keys", host_keys),
	    ret_object);
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
