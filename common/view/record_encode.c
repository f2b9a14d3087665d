/*
 * Encoding the records of the view: only what record.c decodes again. A
 * field over its limit or rows out of order refuse the whole record.
 */
#include <config.h>

#include "common/view/record.h"

#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"

static void
fail(struct wire_writer *writer, int error)
{
	if (writer->error == 0)
		writer->error = error;
}

static void
begin(struct wire_writer *writer, enum record_kind kind,
    const struct record_key *key)
{
	if (key->len == 0 || writer->len != 0)
		fail(writer, ENS_E_RANGE);
	wire_write_u8(writer, RECORD_VERSION);
	wire_write_u8(writer, (uint8_t)kind);
	wire_write_u16(writer, (uint16_t)key->len);
	wire_write_bytes(writer, key->data, key->len);
}

static int
finish(struct wire_writer *writer)
{
	if (writer->error == 0)
		wire_write_u32(writer, crc32c(0, writer->data, writer->len));
	if (writer->error == 0 && writer->len > RECORD_SIZE_MAX)
		fail(writer, ENS_E_LIMIT);
	return writer->error;
}

/* A text that must not be empty. */
static void
put_name(struct wire_writer *writer, const char *text, size_t max)
{
	if (*text == '\0')
		fail(writer, ENS_E_RANGE);
	if (strlen(text) > max)
		fail(writer, ENS_E_LIMIT);
	wire_write_text(writer, text);
}

static void
put_time(struct wire_writer *writer, int64_t seconds)
{
	if (seconds < 0)
		fail(writer, ENS_E_RANGE);
	wire_write_u64(writer, (uint64_t)seconds);
}

static void
put_count(struct wire_writer *writer, uint32_t count, uint32_t max)
{
	if (count > max)
		fail(writer, ENS_E_LIMIT);
	wire_write_u32(writer, count);
}

static void
put_blob(struct wire_writer *writer, struct bytes blob)
{
	if (blob.len == 0)
		fail(writer, ENS_E_RANGE);
	if (blob.len > KEY_BLOB_MAX)
		fail(writer, ENS_E_LIMIT);
	wire_write_string(writer, blob.data, blob.len);
}

static void
put_nodes(struct wire_writer *writer, const uint32_t *nodes, uint32_t count,
    uint32_t max)
{
	uint32_t last = 0;

	put_count(writer, count, max);
	for (uint32_t i = 0; i < count && writer->error == 0; i++) {
		if (nodes[i] <= last || nodes[i] > NODE_ID_MAX)
			fail(writer, ENS_E_RANGE);
		wire_write_u32(writer, nodes[i]);
		last = nodes[i];
	}
}

static void
check_account(struct wire_writer *writer, uint32_t account)
{
	if (account == 0 || account > ACCOUNT_ID_MAX)
		fail(writer, ENS_E_RANGE);
}

static void
check_role(struct wire_writer *writer, enum environment_role role)
{
	if (role != ROLE_LIMITED && role != ROLE_FULL && role != ROLE_OWNER)
		fail(writer, ENS_E_RANGE);
}

int
record_encode_tombstone(struct wire_writer *writer,
    const struct record_key *key)
{
	begin(writer, RECORD_TOMBSTONE, key);
	return finish(writer);
}

int
record_encode_account(struct wire_writer *writer,
    const struct account_record *account)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, account->account);

	check_account(writer, account->account);
	begin(writer, RECORD_ACCOUNT, &key);
	fields_write(writer, &account_fields, &account->fields);
	return finish(writer);
}

int
record_encode_key(struct wire_writer *writer, const struct key_record *found)
{
	struct record_key key = record_key_key(found->account,
	    found->fingerprint);

	check_account(writer, found->account);
	begin(writer, RECORD_KEY, &key);
	fields_write(writer, &key_fields, &found->fields);
	put_time(writer, found->added);
	put_blob(writer, found->blob);
	return finish(writer);
}

int
record_encode_account_keys(struct wire_writer *writer, uint32_t account,
    const uint8_t (*fingerprints)[SHA256_LEN], uint32_t count)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, account);

	check_account(writer, account);
	begin(writer, RECORD_ACCOUNT_KEYS, &key);
	put_count(writer, count, ACCOUNT_KEYS_MAX);
	for (uint32_t i = 0; i < count && writer->error == 0; i++) {
		if (i > 0 &&
		    memcmp(fingerprints[i - 1], fingerprints[i], SHA256_LEN) >=
		        0)
			fail(writer, ENS_E_RANGE);
		wire_write_bytes(writer, fingerprints[i], SHA256_LEN);
	}
	return finish(writer);
}

static void
put_members(struct wire_writer *writer, uint32_t owner,
    const struct environment_member *members, uint32_t count)
{
	bool owner_seen = owner == 0;
	uint32_t last = 0;

	put_count(writer, count, ENVIRONMENT_MEMBERS_MAX);
	for (uint32_t i = 0; i < count && writer->error == 0; i++) {
		bool is_owner = members[i].account == owner;

		check_account(writer, members[i].account);
		check_role(writer, members[i].role);
		if (members[i].account <= last ||
		    is_owner != (members[i].role == ROLE_OWNER))
			fail(writer, ENS_E_RANGE);
		wire_write_u32(writer, members[i].account);
		wire_write_u8(writer, (uint8_t)members[i].role);
		owner_seen = owner_seen || is_owner;
		last = members[i].account;
	}
	if (!owner_seen)
		fail(writer, ENS_E_RANGE);
}

int
record_encode_environment(struct wire_writer *writer,
    const struct environment_fields *fields,
    const struct environment_member *members, uint32_t member_count,
    const uint32_t *nodes, uint32_t node_count)
{
	struct record_key key = record_key_environment(fields->name);

	if (strlen(fields->name) > NAME_TEXT_MAX)
		fail(writer, ENS_E_LIMIT);
	begin(writer, RECORD_ENVIRONMENT, &key);
	fields_write(writer, &environment_fields, fields);
	put_members(writer, fields->owner, members, member_count);
	put_nodes(writer, nodes, node_count, ENVIRONMENT_NODES_MAX);
	return finish(writer);
}

int
record_encode_environments(struct wire_writer *writer, uint32_t account,
    const struct account_environment *rows, uint32_t count)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, account);

	check_account(writer, account);
	begin(writer, RECORD_ENVIRONMENTS, &key);
	put_count(writer, count, ACCOUNT_ENVIRONMENTS_MAX);
	for (uint32_t i = 0; i < count && writer->error == 0; i++) {
		check_role(writer, rows[i].role);
		if (i > 0 && strcmp(rows[i - 1].name, rows[i].name) >= 0)
			fail(writer, ENS_E_RANGE);
		wire_write_u8(writer, (uint8_t)rows[i].role);
		put_name(writer, rows[i].name, NAME_TEXT_MAX);
	}
	return finish(writer);
}

int
record_encode_node(struct wire_writer *writer, const struct node_record *node,
    const struct bytes *host_keys)
{
	struct record_key key = record_key_id(RECORD_NODE, node->node);

	if (node->node == 0 || node->node > NODE_ID_MAX)
		fail(writer, ENS_E_RANGE);
	begin(writer, RECORD_NODE, &key);
	put_name(writer, node->environment, NAME_TEXT_MAX);
	fields_write(writer, &node_fields, &node->fields);
	put_count(writer, node->host_key_count, NODE_HOST_KEYS_MAX);
	for (uint32_t i = 0; i < node->host_key_count && writer->error == 0;
	     i++)
		put_blob(writer, host_keys[i]);
	return finish(writer);
}

int
record_encode_host_key(struct wire_writer *writer,
    const uint8_t fingerprint[SHA256_LEN], const uint32_t *nodes,
    uint32_t count)
{
	struct record_key key = record_key_host(fingerprint);

	begin(writer, RECORD_HOST_KEY, &key);
	put_nodes(writer, nodes, count, HOST_KEY_NODES_MAX);
	return finish(writer);
}
