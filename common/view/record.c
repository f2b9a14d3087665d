/*
 * Decoding the records of the view. Every bound, count, order and enum is
 * checked here, so that the users of a decoded record need not do it; a record
 * that breaks a rule says nothing at all.
 */
#include <config.h>

#include "common/view/record.h"

#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"

#define CRC_LEN       4
#define MEMBER_LEN    5 /* u32 account, u8 role */
#define NODE_ROW_LEN  4
#define ID_KEY_LEN    5
#define PLACES_OF_KEY 4 /* version, kind, u16 length: the key lies behind */

static uint32_t
load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	    (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static void
append(struct record_key *key, const void *data, size_t len)
{
	memcpy(key->data + key->len, data, len);
	key->len += len;
}

struct record_key
record_key_id(enum record_kind kind, uint32_t id)
{
	return (struct record_key){
		.data = { (uint8_t)kind, (uint8_t)(id >> 24),
		    (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id },
		.len = ID_KEY_LEN,
	};
}

struct record_key
record_key_key(uint32_t account, const uint8_t fingerprint[SHA256_LEN])
{
	struct record_key key = record_key_id(RECORD_KEY, account);

	append(&key, fingerprint, SHA256_LEN);
	return key;
}

struct record_key
record_key_host(const uint8_t fingerprint[SHA256_LEN])
{
	struct record_key key = { .data = { RECORD_HOST_KEY }, .len = 1 };

	append(&key, fingerprint, SHA256_LEN);
	return key;
}

struct record_key
record_key_environment(const char *name)
{
	struct record_key key = { .data = { RECORD_ENVIRONMENT }, .len = 1 };
	size_t len = strnlen(name, NAME_TEXT_MAX + 1);

	if (len == 0 || len > NAME_TEXT_MAX)
		return (struct record_key){ .len = 0 };
	append(&key, name, len);
	for (size_t i = 1; i < key.len; i++) {
		if (key.data[i] >= 'A' && key.data[i] <= 'Z')
			key.data[i] = (uint8_t)(key.data[i] - 'A' + 'a');
	}
	return key;
}

static bool
is_key_of(const struct record_key *key, const char *environment)
{
	const struct record_key own = record_key_environment(environment);

	return bytes_equal((struct bytes){ key->data, key->len },
	    (struct bytes){ own.data, own.len });
}

/* Checks what all records have; *ret_body stands at the body, and
 * *ret_key_at is the key as the record holds it. */
static int
open_record(struct bytes record, const struct record_key *key,
    uint8_t *ret_kind, const uint8_t **ret_key_at, struct wire_reader *ret_body)
{
	struct wire_reader reader;
	struct bytes filed;
	size_t len = record.len;
	uint8_t version, kind;

	if (len < PLACES_OF_KEY + CRC_LEN || len > RECORD_SIZE_MAX)
		return ENS_E_CORRUPT;
	len -= CRC_LEN;
	wire_read_init(&reader, record.data, len);
	version = wire_read_u8(&reader);
	if (version < RECORD_VERSION_OLDEST || version > RECORD_VERSION)
		return ENS_E_VERSION;
	if (crc32c(0, record.data, len) != load_u32(record.data + len))
		return ENS_E_CORRUPT;
	kind = wire_read_u8(&reader);
	filed = wire_read_bytes(&reader, wire_read_u16(&reader));
	if (reader.error != 0 || filed.len == 0 ||
	    !bytes_equal(filed, (struct bytes){ key->data, key->len }))
		return ENS_E_CORRUPT;
	*ret_kind = kind;
	*ret_key_at = filed.data;
	*ret_body = reader;
	return 0;
}

int
record_check(struct bytes record, const struct record_key *key)
{
	struct wire_reader body;
	const uint8_t *key_at;
	uint8_t kind;
	int r;

	r = open_record(record, key, &kind, &key_at, &body);
	if (r != 0)
		return r;
	if (kind == RECORD_TOMBSTONE)
		return body.left == 0 ? ENS_E_NOTFOUND : ENS_E_CORRUPT;
	return kind == key->data[0] ? 0 : ENS_E_CORRUPT;
}

bool
record_is_tombstone(struct bytes record, const struct record_key *key)
{
	return record_check(record, key) == ENS_E_NOTFOUND;
}

/* Opens a record of one kind, whose key has this length (0: any). */
static int
open_kind(struct bytes record, const struct record_key *key,
    enum record_kind wanted, size_t key_len, const uint8_t **ret_key_at,
    struct wire_reader *ret_body)
{
	struct wire_reader body;
	const uint8_t *key_at;
	uint8_t kind;
	int r;

	r = open_record(record, key, &kind, &key_at, &body);
	if (r != 0)
		return r;
	if (kind == RECORD_TOMBSTONE && body.left == 0)
		return ENS_E_NOTFOUND;
	if (kind != (uint8_t)wanted || key->data[0] != (uint8_t)wanted ||
	    (key_len != 0 && key->len != key_len))
		return ENS_E_CORRUPT;
	*ret_key_at = key_at;
	*ret_body = body;
	return 0;
}

static bool
is_account(uint32_t id)
{
	return id >= 1 && id <= ACCOUNT_ID_MAX;
}

static bool
is_node(uint32_t id)
{
	return id >= 1 && id <= NODE_ID_MAX;
}

/* Seconds since the epoch, never negative. */
static int64_t
read_time(struct wire_reader *body)
{
	uint64_t value = wire_read_u64(body);

	if (value > INT64_MAX) {
		body->error = ENS_E_CORRUPT;
		return 0;
	}
	return (int64_t)value;
}

static uint32_t
read_count(struct wire_reader *body, uint32_t max)
{
	uint32_t count = wire_read_u32(body);

	if (count > max) {
		body->error = ENS_E_CORRUPT;
		return 0;
	}
	return count;
}

/* A text that must not be empty. */
static const char *
read_name(struct wire_reader *body, size_t max)
{
	const char *text = wire_read_text(body, max);

	if (*text == '\0')
		body->error = ENS_E_CORRUPT;
	return text;
}

/* ROLE_NONE for anything that is not a role in a row. */
static enum environment_role
to_role(uint8_t value)
{
	for (int i = 0; i < ACCESS_ROWS; i++) {
		if (access_rows[i].role == value)
			return access_rows[i].role;
	}
	return ROLE_NONE;
}

static void
read_fields(struct bytes record, struct wire_reader *body,
    const struct field_table *table, void *ret_fields)
{
	if (record.data[0] == RECORD_VERSION_OLDEST)
		fields_read_first(body, table, ret_fields);
	else
		fields_read(body, table, ret_fields);
}

int
record_decode_account(struct bytes record, const struct record_key *key,
    struct account_record *ret_account)
{
	struct account_record account = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_ACCOUNT, ID_KEY_LEN, &key_at, &body);
	if (r != 0)
		return r;
	account.account = load_u32(key_at + 1);
	read_fields(record, &body, &account_fields, &account.fields);
	if (!is_account(account.account))
		return ENS_E_CORRUPT;
	r = wire_read_end(&body);
	if (r == 0)
		*ret_account = account;
	return r;
}

int
record_decode_key(struct bytes record, const struct record_key *key,
    struct key_record *ret_key)
{
	struct key_record found = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_KEY, ID_KEY_LEN + SHA256_LEN, &key_at,
	    &body);
	if (r != 0)
		return r;
	found.account = load_u32(key_at + 1);
	found.fingerprint = key_at + ID_KEY_LEN;
	read_fields(record, &body, &key_fields, &found.fields);
	found.added = read_time(&body);
	found.blob = wire_read_string(&body);
	if (!is_account(found.account) || found.blob.len == 0 ||
	    found.blob.len > KEY_BLOB_MAX)
		return ENS_E_CORRUPT;
	r = wire_read_end(&body);
	if (r == 0)
		*ret_key = found;
	return r;
}

int
record_decode_account_keys(struct bytes record, const struct record_key *key,
    struct account_keys_record *ret_keys)
{
	struct account_keys_record keys = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_ACCOUNT_KEYS, ID_KEY_LEN, &key_at,
	    &body);
	if (r != 0)
		return r;
	keys.account = load_u32(key_at + 1);
	keys.count = read_count(&body, ACCOUNT_KEYS_MAX);
	keys.fingerprints =
	    wire_read_bytes(&body, (size_t)keys.count * SHA256_LEN).data;
	if (!is_account(keys.account) || wire_read_end(&body) != 0)
		return ENS_E_CORRUPT;
	for (uint32_t i = 1; i < keys.count; i++) {
		const uint8_t *at = keys.fingerprints + (size_t)i * SHA256_LEN;

		if (memcmp(at - SHA256_LEN, at, SHA256_LEN) >= 0)
			return ENS_E_CORRUPT;
	}
	*ret_keys = keys;
	return 0;
}

/* Ascending node ids in count rows. */
static bool
node_rows_ok(const uint8_t *rows, uint32_t count)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t node = load_u32(rows + (size_t)i * NODE_ROW_LEN);

		if (!is_node(node) || node <= last)
			return false;
		last = node;
	}
	return true;
}

/* Ascending accounts; the owner is there as owner, and nobody else is. */
static bool
members_ok(const struct environment_record *environment)
{
	bool owner_seen = environment->owner == 0;
	uint32_t last = 0;

	for (uint32_t i = 0; i < environment->member_count; i++) {
		struct environment_member member = environment_record_member(
		    environment, i);
		bool owner = member.account == environment->owner;

		if (!is_account(member.account) || member.account <= last ||
		    member.role == ROLE_NONE ||
		    owner != (member.role == ROLE_OWNER))
			return false;
		owner_seen = owner_seen || owner;
		last = member.account;
	}
	return owner_seen;
}

int
record_decode_environment(struct bytes record, const struct record_key *key,
    struct environment_record *ret_environment)
{
	struct environment_record found = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_ENVIRONMENT, 0, &key_at, &body);
	if (r != 0)
		return r;
	read_fields(record, &body, &environment_fields, &found.fields);
	found.member_count = read_count(&body, ENVIRONMENT_MEMBERS_MAX);
	found.members = wire_read_bytes(&body,
	    (size_t)found.member_count * MEMBER_LEN)
	                    .data;
	found.node_count = read_count(&body, ENVIRONMENT_NODES_MAX);
	found.nodes = wire_read_bytes(&body,
	    (size_t)found.node_count * NODE_ROW_LEN)
	                  .data;
	if (wire_read_end(&body) != 0)
		return ENS_E_CORRUPT;
	if (!is_key_of(key, found.name) || !members_ok(&found) ||
	    !node_rows_ok(found.nodes, found.node_count))
		return ENS_E_CORRUPT;
	*ret_environment = found;
	return 0;
}

/* One row of an account's environments. */
static struct account_environment
read_row(struct wire_reader *reader)
{
	struct account_environment row;

	row.role = to_role(wire_read_u8(reader));
	row.name = read_name(reader, NAME_TEXT_MAX);
	if (row.role == ROLE_NONE)
		reader->error = ENS_E_CORRUPT;
	return row;
}

int
record_decode_environments(struct bytes record, const struct record_key *key,
    struct account_environments_record *ret_environments)
{
	struct account_environments_record found = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	const char *last = "";
	int r;

	r = open_kind(record, key, RECORD_ENVIRONMENTS, ID_KEY_LEN, &key_at,
	    &body);
	if (r != 0)
		return r;
	found.account = load_u32(key_at + 1);
	found.count = read_count(&body, ACCOUNT_ENVIRONMENTS_MAX);
	found.rows = (struct bytes){ body.at, body.left };
	for (uint32_t i = 0; i < found.count && body.error == 0; i++) {
		struct account_environment row = read_row(&body);

		if (strcmp(last, row.name) >= 0)
			return ENS_E_CORRUPT;
		last = row.name;
	}
	if (!is_account(found.account) || wire_read_end(&body) != 0)
		return ENS_E_CORRUPT;
	*ret_environments = found;
	return 0;
}

static struct bytes
read_blob(struct wire_reader *reader)
{
	struct bytes blob = wire_read_string(reader);

	if (blob.len == 0 || blob.len > KEY_BLOB_MAX)
		reader->error = ENS_E_CORRUPT;
	return blob;
}

int
record_decode_node(struct bytes record, const struct record_key *key,
    struct node_record *ret_node)
{
	struct node_record node = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_NODE, ID_KEY_LEN, &key_at, &body);
	if (r != 0)
		return r;
	node.node = load_u32(key_at + 1);
	node.environment = read_name(&body, NAME_TEXT_MAX);
	read_fields(record, &body, &node_fields, &node.fields);
	node.host_key_count = read_count(&body, NODE_HOST_KEYS_MAX);
	node.host_keys = (struct bytes){ body.at, body.left };
	for (uint32_t i = 0; i < node.host_key_count; i++)
		read_blob(&body);
	if (!is_node(node.node))
		return ENS_E_CORRUPT;
	r = wire_read_end(&body);
	if (r == 0)
		*ret_node = node;
	return r;
}

int
record_decode_host_key(struct bytes record, const struct record_key *key,
    struct host_key_record *ret_host_key)
{
	struct host_key_record found = { 0 };
	struct wire_reader body;
	const uint8_t *key_at;
	int r;

	r = open_kind(record, key, RECORD_HOST_KEY, 1 + SHA256_LEN, &key_at,
	    &body);
	if (r != 0)
		return r;
	found.fingerprint = key_at + 1;
	found.count = read_count(&body, HOST_KEY_NODES_MAX);
	found.nodes =
	    wire_read_bytes(&body, (size_t)found.count * NODE_ROW_LEN).data;
	if (wire_read_end(&body) != 0 ||
	    !node_rows_ok(found.nodes, found.count))
		return ENS_E_CORRUPT;
	*ret_host_key = found;
	return 0;
}

struct environment_member
environment_record_member(const struct environment_record *environment,
    uint32_t i)
{
	const uint8_t *row;

	if (i >= environment->member_count)
		return (struct environment_member){ 0 };
	row = environment->members + (size_t)i * MEMBER_LEN;
	return (struct environment_member){ load_u32(row), to_role(row[4]) };
}

enum environment_role
environment_record_role(const struct environment_record *environment,
    uint32_t account)
{
	uint32_t low = 0, high = environment->member_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct environment_member member = environment_record_member(
		    environment, middle);

		if (member.account == account)
			return member.role;
		if (member.account < account)
			low = middle + 1;
		else
			high = middle;
	}
	return ROLE_NONE;
}

uint32_t
environment_record_node(const struct environment_record *environment,
    uint32_t i)
{
	if (i >= environment->node_count)
		return 0;
	return load_u32(environment->nodes + (size_t)i * NODE_ROW_LEN);
}

int
account_environments_next(struct bytes *cursor,
    struct account_environment *ret_row)
{
	struct account_environment row;
	struct wire_reader reader;

	wire_read_init(&reader, cursor->data, cursor->len);
	row = read_row(&reader);
	if (reader.error != 0)
		return ENS_E_NOTFOUND;
	*cursor = (struct bytes){ reader.at, reader.left };
	*ret_row = row;
	return 0;
}

int
node_record_next_host_key(struct bytes *cursor, struct bytes *ret_blob)
{
	struct wire_reader reader;
	struct bytes blob;

	wire_read_init(&reader, cursor->data, cursor->len);
	blob = read_blob(&reader);
	if (reader.error != 0)
		return ENS_E_NOTFOUND;
	*cursor = (struct bytes){ reader.at, reader.left };
	*ret_blob = blob;
	return 0;
}

uint32_t
host_key_record_node(const struct host_key_record *host_key, uint32_t i)
{
	if (i >= host_key->count)
		return 0;
	return load_u32(host_key->nodes + (size_t)i * NODE_ROW_LEN);
}
