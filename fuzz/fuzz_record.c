/* The records of the view. Input: the length of the key, the key, the record;
 * tried as it is and with the checksum that it should have. */
#include <config.h>

#include <string.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"
#include "common/view/record.h"
#include "fuzz/fuzz.h"

#define CRC_LEN 4

/* So any length that one byte gives has room. */
_Static_assert(RECORD_KEY_MAX >= UINT8_MAX, "a key of 255 bytes");

/* Whatever is decoded is looked at to its last byte. */
static size_t seen;

static void
look(struct bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		seen += bytes.data[i];
}

static void
text(const char *text)
{
	seen += strlen(text);
}

static void
environments(struct bytes record, const struct record_key *key)
{
	struct account_environments_record list;
	struct account_environment row;
	uint32_t count = 0;

	if (record_decode_environments(record, key, &list) != 0)
		return;
	while (account_environments_next(&list.rows, &row) == 0) {
		text(row.name);
		count++;
	}
	MUST(count == list.count);
}

static void
environment(struct bytes record, const struct record_key *key)
{
	struct environment_record found;

	if (record_decode_environment(record, key, &found) != 0)
		return;
	text(found.name);
	for (uint32_t i = 0; i < found.member_count; i++) {
		struct environment_member member = environment_record_member(
		    &found, i);

		MUST(environment_record_role(&found, member.account) ==
		    member.role);
	}
	for (uint32_t i = 0; i < found.node_count; i++)
		seen += environment_record_node(&found, i);
}

static void
node(struct bytes record, const struct record_key *key)
{
	struct node_record found;
	struct bytes blob;
	uint32_t count = 0;

	if (record_decode_node(record, key, &found) != 0)
		return;
	text(found.environment);
	text(found.address);
	text(found.service_type);
	text(found.system_user);
	while (node_record_next_host_key(&found.host_keys, &blob) == 0) {
		look(blob);
		count++;
	}
	MUST(count == found.host_key_count);
}

static void
others(struct bytes record, const struct record_key *key)
{
	struct account_keys_record keys;
	struct host_key_record host_key;
	struct account_record account;
	struct key_record found;

	if (record_decode_account(record, key, &account) == 0) {
		text(account.name);
		text(account.mail);
	}
	if (record_decode_key(record, key, &found) == 0) {
		look((struct bytes){ found.fingerprint, SHA256_LEN });
		look(found.blob);
		text(found.title);
		text(found.from);
	}
	if (record_decode_account_keys(record, key, &keys) == 0)
		look((struct bytes){ keys.fingerprints,
		    (size_t)keys.count * SHA256_LEN });
	if (record_decode_host_key(record, key, &host_key) == 0) {
		for (uint32_t i = 0; i < host_key.count; i++)
			seen += host_key_record_node(&host_key, i);
	}
}

static void
decode(struct bytes record, const struct record_key *key)
{
	int r = record_check(record, key);

	MUST(record_is_tombstone(record, key) == (r == ENS_E_NOTFOUND));
	environments(record, key);
	environment(record, key);
	node(record, key);
	others(record, key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_key key = { .len = 0 };
	uint8_t *record;
	uint32_t crc;

	if (size < 1 || size - 1 < data[0])
		return 0;
	key.len = data[0];
	memcpy(key.data, data + 1, key.len);
	data += 1 + key.len;
	size -= 1 + key.len;
	decode((struct bytes){ data, size }, &key);
	if (size < CRC_LEN)
		return 0;
	record = malloc(size);
	MUST(record != NULL);
	memcpy(record, data, size);
	crc = crc32c(0, record, size - CRC_LEN);
	for (int i = 0; i < CRC_LEN; i++)
		record[size - 1 - (size_t)i] = (uint8_t)(crc >> 8 * i);
	decode((struct bytes){ record, size }, &key);
	free(record);
	return 0;
}
