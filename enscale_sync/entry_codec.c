/* A struct entry as bytes. See entry_codec.h. */
#include <config.h>

#include "enscale_sync/entry_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"

void
entry_rows_free(struct entry_rows *rows)
{
	free(rows->keys);
	free(rows->names);
	free(rows->members);
	free(rows->host_keys);
	*rows = (struct entry_rows){ 0 };
}

/* ---- writing ----------------------------------------------------------- */

static void
write_key(struct wire_writer *writer, const struct entry_key *key)
{
	wire_write_bytes(writer, key->fingerprint, SHA256_LEN);
	wire_write_string(writer, key->blob.data, key->blob.len);
	fields_write(writer, &key_fields, &key->fields);
}

static void
write_names(struct wire_writer *writer, const struct entry *account)
{
	uint32_t count = account->account.name_count;

	if (count == 0)
		return;
	wire_write_u32(writer, count);
	for (uint32_t i = 0; i < count; i++)
		wire_write_bytes(writer, account->account.names[i].bytes,
		    LDAP_DN_HASH_LEN);
}

static void
write_account(struct wire_writer *writer, const struct entry *entry)
{
	wire_write_u32(writer, entry->id);
	fields_write(writer, &account_fields, &entry->account.fields);
	wire_write_u32(writer, entry->account.key_count);
	for (uint32_t i = 0; i < entry->account.key_count; i++)
		write_key(writer, &entry->account.keys[i]);
	write_names(writer, entry);
}

/* How many are there by their numbers: they come first. */
static uint32_t
count_numbered(const struct entry *environment)
{
	uint32_t count = environment->environment.member_count;

	while (count > 0 &&
	    environment->environment.members[count - 1].account == 0)
		count--;
	return count;
}

static void
write_environment(struct wire_writer *writer, const struct entry *entry)
{
	const struct entry_member *members = entry->environment.members;
	uint32_t count = entry->environment.member_count;
	uint32_t numbered = count_numbered(entry);

	fields_write(writer, &environment_fields, &entry->environment.fields);
	wire_write_u32(writer, numbered);
	for (uint32_t i = 0; i < numbered; i++) {
		wire_write_u32(writer, members[i].account);
		wire_write_u8(writer, (uint8_t)members[i].role);
	}
	if (numbered == count)
		return;
	wire_write_u32(writer, count - numbered);
	for (uint32_t i = numbered; i < count; i++) {
		wire_write_bytes(writer, members[i].name.bytes,
		    LDAP_DN_HASH_LEN);
		wire_write_u8(writer, (uint8_t)members[i].role);
	}
}

static void
write_node(struct wire_writer *writer, const struct entry *entry)
{
	wire_write_u32(writer, entry->id);
	fields_write(writer, &node_fields, &entry->node.fields);
	wire_write_u32(writer, entry->node.host_key_count);
	for (uint32_t i = 0; i < entry->node.host_key_count; i++) {
		const struct entry_host_key *key = &entry->node.host_keys[i];

		wire_write_bytes(writer, key->fingerprint, SHA256_LEN);
		wire_write_string(writer, key->blob.data, key->blob.len);
	}
}

static void
write_entry(struct wire_writer *writer, const struct entry *entry)
{
	wire_write_u8(writer, (uint8_t)entry->kind);
	wire_write_u8(writer, entry->refused);
	wire_write_text(writer, entry->dn);
	wire_write_text(writer, entry->csn);
	wire_write_u64(writer, (uint64_t)entry->created);
	wire_write_text(writer, entry->reason);
	wire_write_text(writer, entry->warning);
	if (entry->refused) {
		if (entry->kind == ENTRY_ACCOUNT)
			write_names(writer, entry);
		return;
	}
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		write_account(writer, entry);
		break;
	case ENTRY_KEY:
		write_key(writer, &entry->key);
		break;
	case ENTRY_ENVIRONMENT:
		write_environment(writer, entry);
		break;
	case ENTRY_NODE:
		write_node(writer, entry);
		break;
	case ENTRY_OTHER:
	default:
		break;
	}
}

/* Whose it is belongs to what it says. */
static uint32_t
checksum(const uint8_t uuid[ENTRY_UUID_LEN], const uint8_t *data, size_t len)
{
	return crc32c(crc32c(0, uuid, ENTRY_UUID_LEN), data, len);
}

void
entry_encode(struct wire_writer *writer, const struct entry *entry)
{
	size_t begin = writer->len;

	write_entry(writer, entry);
	if (writer->error == 0)
		wire_write_u32(writer,
		    checksum(entry->uuid, writer->data + begin,
		        writer->len - begin));
}

int
entry_compare(struct wire_writer *writer, const struct entry *a,
    const struct entry *b, bool *ret_same)
{
	struct entry named = *b;
	size_t half;

	named.dn = a->dn;
	writer->len = 0;
	entry_encode(writer, a);
	half = writer->len;
	entry_encode(writer, &named);
	if (writer->error != 0)
		return writer->error;
	*ret_same = writer->len == 2 * half &&
	    memcmp(writer->data, writer->data + half, half) == 0;
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

/* Takes the checksum off the end. ENS_E_CORRUPT when it is another. */
static int
check(const uint8_t uuid[ENTRY_UUID_LEN], struct bytes *data)
{
	const size_t len = sizeof(uint32_t);
	struct wire_reader reader;

	if (data->len < len)
		return ENS_E_CORRUPT;
	data->len -= len;
	wire_read_init(&reader, data->data + data->len, len);
	return wire_read_u32(&reader) == checksum(uuid, data->data, data->len)
	    ? 0
	    : ENS_E_CORRUPT;
}

static int
make_room(void *array, uint32_t *room, uint32_t count, uint32_t max,
    size_t size)
{
	void *old, *grown;

	if (count > max)
		return ENS_E_CORRUPT;
	if (count <= *room)
		return 0;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, count * size);
	if (grown == NULL)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = count;
	return 0;
}

static void
read_key(struct wire_reader *reader, struct entry_key *key)
{
	struct bytes fingerprint = wire_read_bytes(reader, SHA256_LEN);

	if (fingerprint.len == SHA256_LEN)
		memcpy(key->fingerprint, fingerprint.data, SHA256_LEN);
	key->blob = wire_read_string(reader);
	fields_read(reader, &key_fields, &key->fields);
}

static void
read_name(struct wire_reader *reader, struct ldap_dn_hash *name)
{
	struct bytes bytes = wire_read_bytes(reader, LDAP_DN_HASH_LEN);

	if (bytes.len == LDAP_DN_HASH_LEN)
		memcpy(name->bytes, bytes.data, LDAP_DN_HASH_LEN);
}

/* Rows by name are there only if there are any. */
static uint32_t
read_name_count(struct wire_reader *reader)
{
	return reader->left == 0 ? 0 : wire_read_u32(reader);
}

static int
read_names(struct wire_reader *reader, struct entry_rows *rows,
    struct entry *account)
{
	uint32_t count = read_name_count(reader);
	int r = make_room(&rows->names, &rows->name_room, count,
	    ACCOUNT_NAMES_MAX, sizeof(rows->names[0]));

	for (uint32_t i = 0; r == 0 && i < count; i++)
		read_name(reader, &rows->names[i]);
	account->account.names = rows->names;
	account->account.name_count = count;
	return r;
}

static int
read_account(struct wire_reader *reader, struct entry_rows *rows,
    struct entry *entry)
{
	uint32_t count;
	int r;

	entry->id = wire_read_u32(reader);
	fields_read(reader, &account_fields, &entry->account.fields);
	count = wire_read_u32(reader);
	r = make_room(&rows->keys, &rows->key_room, count, ACCOUNT_KEYS_MAX,
	    sizeof(rows->keys[0]));
	for (uint32_t i = 0; r == 0 && i < count; i++)
		read_key(reader, &rows->keys[i]);
	entry->account.keys = rows->keys;
	entry->account.key_count = count;
	return r == 0 ? read_names(reader, rows, entry) : r;
}

static int
make_member_room(struct entry_rows *rows, uint32_t count, uint32_t more)
{
	return more > ENVIRONMENT_LISTED_MAX
	    ? ENS_E_CORRUPT
	    : make_room(&rows->members, &rows->member_room, count + more,
	          ENVIRONMENT_LISTED_MAX, sizeof(rows->members[0]));
}

static int
read_environment(struct wire_reader *reader, struct entry_rows *rows,
    struct entry *entry)
{
	struct entry_member *member;
	uint32_t numbered, named = 0;
	int r;

	fields_read(reader, &environment_fields, &entry->environment.fields);
	numbered = wire_read_u32(reader);
	r = make_member_room(rows, 0, numbered);
	for (uint32_t i = 0; r == 0 && i < numbered; i++) {
		member = &rows->members[i];
		*member = (struct entry_member){ .account = wire_read_u32(
			                             reader) };
		member->role = (enum environment_role)wire_read_u8(reader);
	}
	if (r == 0)
		named = read_name_count(reader);
	if (r == 0)
		r = make_member_room(rows, numbered, named);
	for (uint32_t i = 0; r == 0 && i < named; i++) {
		member = &rows->members[numbered + i];
		*member = (struct entry_member){ .account = 0 };
		read_name(reader, &member->name);
		member->role = (enum environment_role)wire_read_u8(reader);
	}
	entry->environment.members = rows->members;
	entry->environment.member_count = numbered + named;
	return r;
}

static int
read_node(struct wire_reader *reader, struct entry_rows *rows,
    struct entry *entry)
{
	struct bytes fingerprint;
	uint32_t count;
	int r;

	entry->id = wire_read_u32(reader);
	fields_read(reader, &node_fields, &entry->node.fields);
	count = wire_read_u32(reader);
	r = make_room(&rows->host_keys, &rows->host_key_room, count,
	    NODE_HOST_KEYS_MAX, sizeof(rows->host_keys[0]));
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		fingerprint = wire_read_bytes(reader, SHA256_LEN);
		if (fingerprint.len == SHA256_LEN)
			memcpy(rows->host_keys[i].fingerprint, fingerprint.data,
			    SHA256_LEN);
		rows->host_keys[i].blob = wire_read_string(reader);
	}
	entry->node.host_keys = rows->host_keys;
	entry->node.host_key_count = count;
	return r;
}

int
entry_decode(struct bytes data, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct wire_reader reader;
	struct entry entry = { 0 };
	uint8_t kind;
	int r = check(uuid, &data);

	if (r != 0)
		return r;
	wire_read_init(&reader, data.data, data.len);
	memcpy(entry.uuid, uuid, sizeof(entry.uuid));
	kind = wire_read_u8(&reader);
	entry.kind = (enum entry_kind)kind;
	entry.refused = wire_read_u8(&reader) != 0;
	entry.dn = wire_read_text(&reader, ENTRY_DN_MAX);
	entry.csn = wire_read_text(&reader, ENTRY_CSN_MAX);
	entry.created = (int64_t)wire_read_u64(&reader);
	entry.reason = wire_read_text(&reader, ENTRY_REASON_MAX);
	entry.warning = wire_read_text(&reader, ENTRY_REASON_MAX);
	if (kind < ENTRY_ACCOUNT || kind > ENTRY_OTHER)
		return ENS_E_CORRUPT;
	if (entry.refused && entry.kind == ENTRY_ACCOUNT)
		r = read_names(&reader, rows, &entry);
	if (!entry.refused) {
		switch (entry.kind) {
		case ENTRY_ACCOUNT:
			r = read_account(&reader, rows, &entry);
			break;
		case ENTRY_KEY:
			read_key(&reader, &entry.key);
			break;
		case ENTRY_ENVIRONMENT:
			r = read_environment(&reader, rows, &entry);
			break;
		case ENTRY_NODE:
			r = read_node(&reader, rows, &entry);
			break;
		case ENTRY_OTHER:
		default:
			return ENS_E_CORRUPT;
		}
	}
	if (r == 0)
		r = wire_read_end(&reader);
	if (r != 0)
		return r;
	*ret_entry = entry;
	return 0;
}
