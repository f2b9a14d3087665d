/*
 * The records of the view: each kind there and back, every bit of it turned,
 * every byte of it cut off, with and without a checksum that agrees.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/crc32c.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key.h"
#include "common/view/record.h"

static const uint8_t fp1[SHA256_LEN] = { 1, 2, 3 };
static const uint8_t fp2[SHA256_LEN] = { 1, 2, 4 };
static const struct bytes blob1 = { (const uint8_t *)"blob-one", 8 };
static const struct bytes blob2 = { (const uint8_t *)"b2", 2 };

static const struct account_record account1 = {
	.account = 25880,
	.status = ACCOUNT_ACTIVE,
	.expires = 1763850000,
	.max_sessions = 7,
	.name = "Ada Lovelace",
	.mail = "ada@example.org",
};

static const struct key_record key1 = {
	.account = 25880,
	.fingerprint = fp1,
	.blob = { (const uint8_t *)"blob-one", 8 },
	.title = "Enscale Demo Key",
	.from = "10.0.0.0/8,!10.1.1.1",
	.options = KEY_NO_PTY | KEY_VERIFY,
	.expires = 2,
	.added = 1763850000,
};

static const struct node_record node1 = {
	.node = 124718,
	.environment = "cool-waterfall-59",
	.address = "10.10.129.154",
	.port = 22,
	.state = ENVIRONMENT_RUNNING,
	.service_type = "apache",
	.system_user = "apache",
	.host_key_count = 2,
};

static int
encode_account(struct wire_writer *writer)
{
	return record_encode_account(writer, &account1);
}

static int
encode_key(struct wire_writer *writer)
{
	return record_encode_key(writer, &key1);
}

static int
encode_account_keys(struct wire_writer *writer)
{
	uint8_t rows[2][SHA256_LEN];

	memcpy(rows[0], fp1, SHA256_LEN);
	memcpy(rows[1], fp2, SHA256_LEN);
	return record_encode_account_keys(writer, 25880,
	    (const uint8_t(*)[SHA256_LEN])rows, 2);
}

static int
encode_environment(struct wire_writer *writer)
{
	const struct environment_member members[] = {
		{ 21296, ROLE_FULL },
		{ 25880, ROLE_OWNER },
		{ 30311, ROLE_LIMITED },
	};
	const uint32_t nodes[] = { 124718, 124719 };

	return record_encode_environment(writer,
	    &(struct environment_fields){ "cool-waterfall-59",
	        ENVIRONMENT_RUNNING, 25880 },
	    members, 3, nodes, 2);
}

static int
encode_environments(struct wire_writer *writer)
{
	const struct account_environment rows[] = {
		{ "cool-waterfall-59", ROLE_OWNER },
		{ "crimson-dust-8", ROLE_LIMITED },
	};

	return record_encode_environments(writer, 25880, rows, 2);
}

static int
encode_node(struct wire_writer *writer)
{
	const struct bytes host_keys[] = { blob1, blob2 };

	return record_encode_node(writer, &node1, host_keys);
}

static int
encode_host_key(struct wire_writer *writer)
{
	const uint32_t nodes[] = { 124718, 124719, 999999999 };

	return record_encode_host_key(writer, fp1, nodes, 3);
}

/* Reads all of a text, so that a tool sees a read too far. */
static size_t
walk_text(const char *text, size_t max)
{
	size_t len = strlen(text);

	assert_true(len <= max);
	return len;
}

static void
walk_bytes(struct bytes bytes)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < bytes.len; i++)
		sum = (uint8_t)(sum + bytes.data[i]);
}

static int
walk_account(struct bytes record, const struct record_key *key)
{
	struct account_record account;
	int r = record_decode_account(record, key, &account);

	if (r != 0)
		return r;
	walk_text(account.name, NAME_TEXT_MAX);
	walk_text(account.mail, MAIL_TEXT_MAX);
	assert_string_not_equal(account_status_text(account.status), "unknown");
	return 0;
}

static int
walk_key(struct bytes record, const struct record_key *key)
{
	struct key_record found;
	int r = record_decode_key(record, key, &found);

	if (r != 0)
		return r;
	walk_text(found.title, NAME_TEXT_MAX);
	walk_text(found.from, FROM_TEXT_MAX);
	walk_bytes(found.blob);
	walk_bytes((struct bytes){ found.fingerprint, SHA256_LEN });
	assert_in_range(found.blob.len, 1, KEY_BLOB_MAX);
	assert_true(found.expires >= 0 && found.added >= 0);
	assert_in_range(found.options, 0, KEY_OPTIONS);
	return 0;
}

static int
walk_account_keys(struct bytes record, const struct record_key *key)
{
	struct account_keys_record keys;
	int r = record_decode_account_keys(record, key, &keys);

	if (r != 0)
		return r;
	walk_bytes((struct bytes){ keys.fingerprints,
	    (size_t)keys.count * SHA256_LEN });
	return 0;
}

static int
walk_environment(struct bytes record, const struct record_key *key)
{
	struct environment_record environment;
	int r = record_decode_environment(record, key, &environment);

	if (r != 0)
		return r;
	walk_text(environment.name, NAME_TEXT_MAX);
	for (uint32_t i = 0; i < environment.member_count; i++) {
		struct environment_member member = environment_record_member(
		    &environment, i);

		assert_in_range(member.account, 1, ACCOUNT_ID_MAX);
		assert_int_equal(
		    environment_record_role(&environment, member.account),
		    member.role);
		assert_int_not_equal(member.role, ROLE_NONE);
	}
	for (uint32_t i = 0; i < environment.node_count; i++)
		assert_in_range(environment_record_node(&environment, i), 1,
		    NODE_ID_MAX);
	return 0;
}

static int
walk_environments(struct bytes record, const struct record_key *key)
{
	struct account_environments_record environments;
	struct account_environment row;
	struct bytes cursor;
	uint32_t count = 0;
	int r = record_decode_environments(record, key, &environments);

	if (r != 0)
		return r;
	cursor = environments.rows;
	while (account_environments_next(&cursor, &row) == 0) {
		walk_text(row.name, NAME_TEXT_MAX);
		count++;
	}
	assert_int_equal(count, environments.count);
	return 0;
}

static int
walk_node(struct bytes record, const struct record_key *key)
{
	struct node_record node;
	struct bytes cursor, blob;
	uint32_t count = 0;
	int r = record_decode_node(record, key, &node);

	if (r != 0)
		return r;
	assert_true(walk_text(node.environment, NAME_TEXT_MAX) > 0);
	assert_true(walk_text(node.address, ADDRESS_TEXT_MAX) > 0);
	assert_true(walk_text(node.system_user, SYSTEM_USER_MAX) > 0);
	walk_text(node.service_type, NAME_TEXT_MAX);
	cursor = node.host_keys;
	while (node_record_next_host_key(&cursor, &blob) == 0) {
		walk_bytes(blob);
		count++;
	}
	assert_int_equal(count, node.host_key_count);
	return 0;
}

static int
walk_host_key(struct bytes record, const struct record_key *key)
{
	struct host_key_record host_key;
	int r = record_decode_host_key(record, key, &host_key);

	if (r != 0)
		return r;
	walk_bytes((struct bytes){ host_key.fingerprint, SHA256_LEN });
	for (uint32_t i = 0; i < host_key.count; i++)
		assert_in_range(host_key_record_node(&host_key, i), 1,
		    NODE_ID_MAX);
	return 0;
}

/* One good record of each kind. */
struct sample {
	const char *name;
	int (*encode)(struct wire_writer *writer);
	int (*walk)(struct bytes record, const struct record_key *key);
	struct record_key key;
	struct bytes record; /* owned */
};

static struct sample samples[] = {
	{ .name = "account", encode_account, walk_account },
	{ .name = "key", encode_key, walk_key },
	{ .name = "account keys", encode_account_keys, walk_account_keys },
	{ .name = "environment", encode_environment, walk_environment },
	{ .name = "environments", encode_environments, walk_environments },
	{ .name = "node", encode_node, walk_node },
	{ .name = "host key", encode_host_key, walk_host_key },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* A copy of exactly this size, so that a tool sees a read behind it. */
static uint8_t *
copy_of(struct bytes record)
{
	uint8_t *copy = malloc(record.len == 0 ? 1 : record.len);

	assert_non_null(copy);
	memcpy(copy, record.data, record.len);
	return copy;
}

static int
make_samples(void **state)
{
	const struct record_key keys[SAMPLES] = {
		record_key_id(RECORD_ACCOUNT, 25880),
		record_key_key(25880, fp1),
		record_key_id(RECORD_ACCOUNT_KEYS, 25880),
		record_key_environment("cool-waterfall-59"),
		record_key_id(RECORD_ENVIRONMENTS, 25880),
		record_key_id(RECORD_NODE, 124718),
		record_key_host(fp1),
	};

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		struct wire_writer writer;

		wire_write_init_growing(&writer, RECORD_SIZE_MAX);
		if (samples[i].encode(&writer) != 0)
			return -1;
		samples[i].key = keys[i];
		samples[i].record.data = copy_of(
		    (struct bytes){ writer.data, writer.len });
		samples[i].record.len = writer.len;
		wire_write_free(&writer);
	}
	return 0;
}

static int
free_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++)
		free((void *)(uintptr_t)samples[i].record.data);
	return 0;
}

/* Makes the checksum of a changed record agree again. */
static void
seal(uint8_t *record, size_t len)
{
	uint32_t crc = crc32c(0, record, len - 4);

	for (size_t i = 0; i < 4; i++)
		record[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void
the_checksum_is_crc32c(void **state)
{
	uint8_t zeros[32] = { 0 };

	(void)state;
	/* RFC 3720, appendix B.4, and the check value of the polynomial. */
	assert_int_equal(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void
the_processor_and_the_table_agree(void **state)
{
	uint8_t data[100];
	uint32_t crc = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i + 7);
	for (size_t from = 0; from < 9; from++) {
		for (size_t to = from; to < sizeof(data); to++) {
			crc = crc32c(crc, data + from, to - from);
			assert_int_equal(
			    crc32c((uint32_t)from, data + from, to - from),
			    crc32c_by_table((uint32_t)from, data + from,
			        to - from));
		}
	}
	assert_int_not_equal(crc, 0);
}

static void
a_good_record_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(
		    samples[i].walk(samples[i].record, &samples[i].key), 0);
		assert_int_equal(
		    record_check(samples[i].record, &samples[i].key), 0);
		assert_false(
		    record_is_tombstone(samples[i].record, &samples[i].key));
	}
}

static void
a_record_keeps_its_fields(void **state)
{
	struct account_record account;
	struct key_record key;
	struct node_record node;
	struct environment_record environment;
	struct bytes cursor, blob;

	(void)state;
	assert_int_equal(
	    record_decode_account(samples[0].record, &samples[0].key, &account),
	    0);
	assert_int_equal(account.account, 25880);
	assert_int_equal(account.status, ACCOUNT_ACTIVE);
	assert_int_equal(account.expires, 1763850000);
	assert_int_equal(account.max_sessions, 7);
	assert_string_equal(account.name, "Ada Lovelace");
	assert_string_equal(account.mail, "ada@example.org");

	assert_int_equal(
	    record_decode_key(samples[1].record, &samples[1].key, &key), 0);
	assert_int_equal(key.account, 25880);
	assert_memory_equal(key.fingerprint, fp1, SHA256_LEN);
	assert_true(bytes_equal(key.blob, blob1));
	assert_string_equal(key.title, key1.title);
	assert_string_equal(key.from, key1.from);
	assert_int_equal(key.options, KEY_NO_PTY | KEY_VERIFY);
	assert_int_equal(key.expires, 2);
	assert_int_equal(key.added, 1763850000);

	assert_int_equal(record_decode_environment(samples[3].record,
	                     &samples[3].key, &environment),
	    0);
	assert_int_equal(environment.owner, 25880);
	assert_int_equal(environment_record_role(&environment, 21296),
	    ROLE_FULL);
	assert_int_equal(environment_record_role(&environment, 25880),
	    ROLE_OWNER);
	assert_int_equal(environment_record_role(&environment, 30311),
	    ROLE_LIMITED);
	assert_int_equal(environment_record_role(&environment, 40404),
	    ROLE_NONE);
	assert_int_equal(environment_record_role(&environment, 1), ROLE_NONE);
	assert_int_equal(environment_record_node(&environment, 1), 124719);
	assert_int_equal(environment_record_node(&environment, 2), 0);

	assert_int_equal(
	    record_decode_node(samples[5].record, &samples[5].key, &node), 0);
	assert_string_equal(node.address, "10.10.129.154");
	assert_int_equal(node.port, 22);
	cursor = node.host_keys;
	assert_int_equal(node_record_next_host_key(&cursor, &blob), 0);
	assert_true(bytes_equal(blob, blob1));
	assert_int_equal(node_record_next_host_key(&cursor, &blob), 0);
	assert_true(bytes_equal(blob, blob2));
	assert_int_equal(node_record_next_host_key(&cursor, &blob),
	    ENS_E_NOTFOUND);
}

static void
a_record_with_any_bit_turned_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *sample = &samples[i];
		uint8_t *copy = copy_of(sample->record);
		struct bytes record = { copy, sample->record.len };

		for (size_t bit = 0; bit < 8 * record.len; bit++) {
			int r;

			copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
			r = sample->walk(record, &sample->key);
			assert_true(r == ENS_E_CORRUPT || r == ENS_E_VERSION);
			copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		free(copy);
	}
}

/* What a writer with a bug, or a thief of its uid, could publish. */
static void
a_sealed_record_with_any_bit_turned_is_refused_or_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *sample = &samples[i];

		for (size_t bit = 0; bit < 8 * (sample->record.len - 4);
		     bit++) {
			uint8_t *copy = copy_of(sample->record);
			struct bytes record = { copy, sample->record.len };
			int r;

			copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
			seal(copy, record.len);
			r = sample->walk(record, &sample->key);
			assert_true(
			    r == 0 || r == ENS_E_CORRUPT || r == ENS_E_VERSION);
			free(copy);
		}
	}
}

static void
a_cut_record_is_refused_even_when_sealed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *sample = &samples[i];

		for (size_t len = 0; len < sample->record.len; len++) {
			uint8_t *copy = copy_of(
			    (struct bytes){ sample->record.data, len });
			struct bytes record = { copy, len };

			assert_int_not_equal(sample->walk(record, &sample->key),
			    0);
			if (len >= 4) {
				seal(copy, len);
				assert_int_not_equal(
				    sample->walk(record, &sample->key), 0);
			}
			free(copy);
		}
	}
}

static void
a_record_with_something_behind_it_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t len = samples[i].record.len;
		uint8_t *copy = calloc(1, len + 1);

		assert_non_null(copy);
		memcpy(copy, samples[i].record.data, len);
		seal(copy, len + 1);
		assert_int_equal(
		    samples[i].walk((struct bytes){ copy, len + 1 },
		        &samples[i].key),
		    ENS_E_CORRUPT);
		free(copy);
	}
}

static void
a_record_in_the_wrong_place_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		struct record_key other = samples[i].key;

		other.data[other.len - 1] ^= 1;
		assert_int_equal(samples[i].walk(samples[i].record, &other),
		    ENS_E_CORRUPT);
		for (size_t j = 0; j < SAMPLES; j++) {
			if (i != j)
				assert_int_equal(
				    samples[i].walk(samples[j].record,
				        &samples[j].key),
				    ENS_E_CORRUPT);
		}
	}
}

static void
the_name_of_an_environment_is_one_in_letters_of_either_case(void **state)
{
	struct record_key lower = record_key_environment("cool-waterfall-59");
	struct record_key upper = record_key_environment("Cool-WATERFALL-59");
	struct record_key other = record_key_environment("cool-waterfall-58");
	struct environment_record found;
	struct wire_writer writer;
	struct bytes record;

	(void)state;
	assert_int_equal(lower.len, upper.len);
	assert_memory_equal(lower.data, upper.data, lower.len);
	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_environment(&writer,
	                     &(struct environment_fields){ "Cool-WATERFALL-59",
	                         ENVIRONMENT_RUNNING, 0 },
	                     NULL, 0, NULL, 0),
	    0);
	record = (struct bytes){ writer.data, writer.len };
	assert_int_equal(record_decode_environment(record, &lower, &found), 0);
	assert_string_equal(found.name, "Cool-WATERFALL-59");
	assert_int_equal(record_decode_environment(record, &other, &found),
	    ENS_E_CORRUPT);
	wire_write_free(&writer);
}

static void
a_record_of_another_version_is_named_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t *copy = copy_of(samples[i].record);
		struct bytes record = { copy, samples[i].record.len };

		copy[0] = RECORD_VERSION + 1;
		seal(copy, record.len);
		assert_int_equal(samples[i].walk(record, &samples[i].key),
		    ENS_E_VERSION);
		free(copy);
	}
}

/* What version 2 had behind the key, of the same samples. */
#define BODY(text) (const uint8_t *)(text), sizeof(text) - 1

/* clang-format off */
static const struct {
	enum record_kind kind;
	const uint8_t *body;
	size_t len;
} version_2[] = {
	{ RECORD_ACCOUNT, BODY(
	    "\x01"
	    "\x00\x00\x00\x00i\x22" "7\x10"
	    "\x00\x00\x00\x07"
	    "\x00\x00\x00\x0c" "Ada Lovelace\x00"
	    "\x00\x00\x00\x0f" "ada@example.org\x00") },
	{ RECORD_KEY, BODY(
	    "\x00\x00\x00\x10" "Enscale Demo Key\x00"
	    "\x00\x00\x00\x14" "10.0.0.0/8,!10.1.1.1\x00"
	    "\x09"
	    "\x00\x00\x00\x00\x00\x00\x00\x02"
	    "\x00\x00\x00\x00i\x22" "7\x10"
	    "\x00\x00\x00\x08" "blob-one") },
	{ RECORD_ENVIRONMENT, BODY(
	    "\x00\x00\x00\x11" "cool-waterfall-59\x00"
	    "\x01"
	    "\x00\x00" "e\x18"
	    "\x00\x00\x00\x03"
	    "\x00\x00S0\x02"
	    "\x00\x00" "e\x18\x03"
	    "\x00\x00vg\x01"
	    "\x00\x00\x00\x02"
	    "\x00\x01\xe7.\x00\x01\xe7/") },
	{ RECORD_NODE, BODY(
	    "\x00\x00\x00\x11" "cool-waterfall-59\x00"
	    "\x00\x00\x00\x0d" "10.10.129.154\x00"
	    "\x00\x16"
	    "\x01"
	    "\x00\x00\x00\x06" "apache\x00"
	    "\x00\x00\x00\x06" "apache\x00"
	    "\x00\x00\x00\x02"
	    "\x00\x00\x00\x08" "blob-one"
	    "\x00\x00\x00\x02" "b2") },
};
/* clang-format on */

static struct bytes
as_version_2(const struct sample *sample)
{
	uint8_t *copy = copy_of(sample->record);
	size_t len = sample->record.len, head = 4 + sample->key.len;

	copy[0] = 2;
	for (size_t i = 0; i < sizeof(version_2) / sizeof(version_2[0]); i++) {
		if (sample->key.data[0] != version_2[i].kind)
			continue;
		len = head + version_2[i].len + 4;
		assert_true(len <= sample->record.len);
		memcpy(copy + head, version_2[i].body, version_2[i].len);
	}
	seal(copy, len);
	return (struct bytes){ copy, len };
}

static void
a_record_of_the_version_before_is_read(void **state)
{
	struct environment_record environment;
	struct account_record account;
	struct node_record node;
	struct key_record key;

	(void)state;
	assert_int_equal(RECORD_VERSION_OLDEST, 2);
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct record_key *of = &samples[i].key;
		struct bytes record = as_version_2(&samples[i]);
		uint8_t *copy;

		assert_int_equal(samples[i].walk(record, of), 0);
		if (record_decode_account(record, of, &account) == 0) {
			assert_string_equal(account.mail, account1.mail);
			assert_int_equal(account.max_sessions, 7);
		}
		if (record_decode_key(record, of, &key) == 0) {
			assert_string_equal(key.from, key1.from);
			assert_int_equal(key.added, key1.added);
		}
		if (record_decode_environment(record, of, &environment) == 0)
			assert_int_equal(environment.owner, 25880);
		if (record_decode_node(record, of, &node) == 0)
			assert_string_equal(node.system_user, "apache");
		memcpy(&copy, &record.data, sizeof(copy));
		free(copy);
	}
}

static void
a_tombstone_means_not_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		struct wire_writer writer;
		struct record_key other = samples[i].key;
		struct bytes record;

		wire_write_init_growing(&writer, RECORD_SIZE_MAX);
		assert_int_equal(
		    record_encode_tombstone(&writer, &samples[i].key), 0);
		record = (struct bytes){ writer.data, writer.len };
		assert_true(record_is_tombstone(record, &samples[i].key));
		assert_int_equal(samples[i].walk(record, &samples[i].key),
		    ENS_E_NOTFOUND);
		other.data[other.len - 1] ^= 1;
		assert_false(record_is_tombstone(record, &other));
		assert_int_equal(samples[i].walk(record, &other),
		    ENS_E_CORRUPT);
		for (size_t bit = 0; bit < 8 * record.len; bit++) {
			writer.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_false(
			    record_is_tombstone(record, &samples[i].key));
			writer.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		wire_write_free(&writer);
	}
}

static void
a_name_that_is_too_long_has_no_key(void **state)
{
	char name[NAME_TEXT_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[NAME_TEXT_MAX + 1] = '\0';
	assert_int_equal(record_key_environment(name).len, 0);
	assert_int_equal(record_key_environment("").len, 0);
	name[NAME_TEXT_MAX] = '\0';
	assert_int_equal(record_key_environment(name).len, NAME_TEXT_MAX + 1);
}

/* Encodes with a fresh writer and says what came of it. */
#define ENCODED(function, ...)                                       \
	__extension__({                                              \
		struct wire_writer encoded_;                         \
		int encoded_r_;                                      \
		wire_write_init_growing(&encoded_, RECORD_SIZE_MAX); \
		encoded_r_ = function(&encoded_, __VA_ARGS__);       \
		wire_write_free(&encoded_);                          \
		encoded_r_;                                          \
	})

static void
the_encoder_refuses_what_is_over_a_limit(void **state)
{
	char text[FROM_TEXT_MAX + 2];
	uint8_t big[KEY_BLOB_MAX + 1] = { 0 };
	struct environment_fields environment = { "e", ENVIRONMENT_RUNNING, 0 };
	struct account_record account = account1;
	struct key_record key = key1;
	struct node_record node = node1;
	struct bytes host_keys[NODE_HOST_KEYS_MAX + 1];

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	account.name = text;
	assert_int_equal(ENCODED(record_encode_account, &account), ENS_E_LIMIT);
	account.name = "";
	account.max_sessions = SESSION_LIMIT_MAX + 1;
	assert_int_equal(ENCODED(record_encode_account, &account), ENS_E_LIMIT);

	key.options = KEY_OPTIONS + 1;
	assert_int_equal(ENCODED(record_encode_key, &key), ENS_E_RANGE);
	key.options = 0;
	key.from = text;
	assert_int_equal(ENCODED(record_encode_key, &key), ENS_E_LIMIT);
	text[FROM_TEXT_MAX] = '\0';
	assert_int_equal(ENCODED(record_encode_key, &key), 0);
	key.blob = (struct bytes){ big, sizeof(big) };
	assert_int_equal(ENCODED(record_encode_key, &key), ENS_E_LIMIT);
	key.blob.len = KEY_BLOB_MAX;
	assert_int_equal(ENCODED(record_encode_key, &key), 0);

	for (size_t i = 0; i <= NODE_HOST_KEYS_MAX; i++)
		host_keys[i] = blob1;
	node.host_key_count = NODE_HOST_KEYS_MAX + 1;
	assert_int_equal(ENCODED(record_encode_node, &node, host_keys),
	    ENS_E_LIMIT);
	node.host_key_count = NODE_HOST_KEYS_MAX;
	assert_int_equal(ENCODED(record_encode_node, &node, host_keys), 0);
	node.service_type = text;
	assert_int_equal(ENCODED(record_encode_node, &node, host_keys),
	    ENS_E_LIMIT);
	environment.name = text;
	assert_int_equal(
	    ENCODED(record_encode_environment, &environment, NULL, 0, NULL, 0),
	    ENS_E_LIMIT);
}

static void
the_encoder_refuses_what_the_decoder_would(void **state)
{
	const struct environment_member unsorted[] = { { 25880, ROLE_OWNER },
		{ 21296, ROLE_FULL } };
	const struct environment_member no_role[] = { { 21296, ROLE_NONE } };
	const struct environment_member full[] = { { 21296, ROLE_FULL } };
	const struct environment_member owner[] = { { 21296, ROLE_OWNER } };
	const struct account_environment twice[] = { { "a", ROLE_FULL },
		{ "a", ROLE_FULL } };
	const uint32_t nodes[] = { 2, 1 };
	const uint32_t zero[] = { 0 };
	const uint8_t rows[2][SHA256_LEN] = { { 2 }, { 1 } };
	struct environment_fields environment = { "e", ENVIRONMENT_RUNNING, 0 };
	struct account_record account = account1;
	struct key_record key = key1;
	struct node_record node = node1;

	(void)state;
	account.account = 0;
	assert_int_equal(ENCODED(record_encode_account, &account), ENS_E_RANGE);
	account.account = ACCOUNT_ID_MAX + 1;
	assert_int_equal(ENCODED(record_encode_account, &account), ENS_E_RANGE);
	account = account1;
	account.expires = -1;
	assert_int_equal(ENCODED(record_encode_account, &account), ENS_E_RANGE);
	key.blob.len = 0;
	assert_int_equal(ENCODED(record_encode_key, &key), ENS_E_RANGE);
	node.host_key_count = 0;
	node.port = 0;
	assert_int_equal(ENCODED(record_encode_node, &node, NULL), ENS_E_RANGE);
	node.port = 22;
	node.address = "";
	assert_int_equal(ENCODED(record_encode_node, &node, NULL), ENS_E_RANGE);
	assert_int_equal(ENCODED(record_encode_account_keys, 1, rows, 2),
	    ENS_E_RANGE);
	assert_int_equal(ENCODED(record_encode_environments, 1, twice, 2),
	    ENS_E_RANGE);
	assert_int_equal(ENCODED(record_encode_host_key, fp1, nodes, 2),
	    ENS_E_RANGE);
	assert_int_equal(ENCODED(record_encode_host_key, fp1, zero, 1),
	    ENS_E_RANGE);
	environment.owner = 25880;
	assert_int_equal(ENCODED(record_encode_environment, &environment,
	                     unsorted, 2, NULL, 0),
	    ENS_E_RANGE);
	environment.owner = 0;
	assert_int_equal(ENCODED(record_encode_environment, &environment,
	                     no_role, 1, NULL, 0),
	    ENS_E_RANGE);
	environment.owner = 21296;
	assert_int_equal(
	    ENCODED(record_encode_environment, &environment, full, 1, NULL, 0),
	    ENS_E_RANGE);
	environment.owner = 0;
	assert_int_equal(
	    ENCODED(record_encode_environment, &environment, owner, 1, NULL, 0),
	    ENS_E_RANGE);
	environment.owner = 21296;
	assert_int_equal(
	    ENCODED(record_encode_environment, &environment, owner, 1, NULL, 0),
	    0);
	environment.owner = 0;
	assert_int_equal(
	    ENCODED(record_encode_environment, &environment, full, 1, NULL, 0),
	    0);
}

static void
ten_thousand_keys_fit_and_one_more_does_not(void **state)
{
	static uint8_t rows[ACCOUNT_KEYS_MAX + 1][SHA256_LEN];
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, 7);
	struct account_keys_record keys;
	struct wire_writer writer;

	(void)state;
	for (uint32_t i = 0; i <= ACCOUNT_KEYS_MAX; i++) {
		rows[i][0] = (uint8_t)(i >> 8);
		rows[i][1] = (uint8_t)i;
	}
	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_account_keys(&writer, 7,
	                     (const uint8_t(*)[SHA256_LEN])rows,
	                     ACCOUNT_KEYS_MAX),
	    0);
	assert_int_equal(
	    record_decode_account_keys(
	        (struct bytes){ writer.data, writer.len }, &key, &keys),
	    0);
	assert_int_equal(keys.count, ACCOUNT_KEYS_MAX);
	wire_write_free(&writer);
	assert_int_equal(ENCODED(record_encode_account_keys, 7,
	                     (const uint8_t(*)[SHA256_LEN])rows,
	                     ACCOUNT_KEYS_MAX + 1),
	    ENS_E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_crc32c),
		cmocka_unit_test(the_processor_and_the_table_agree),
		cmocka_unit_test(a_good_record_is_read),
		cmocka_unit_test(a_record_keeps_its_fields),
		cmocka_unit_test(a_record_with_any_bit_turned_is_refused),
		cmocka_unit_test(
		    a_sealed_record_with_any_bit_turned_is_refused_or_sound),
		cmocka_unit_test(a_cut_record_is_refused_even_when_sealed),
		cmocka_unit_test(a_record_with_something_behind_it_is_refused),
		cmocka_unit_test(a_record_in_the_wrong_place_is_noticed),
		cmocka_unit_test(
		    the_name_of_an_environment_is_one_in_letters_of_either_case),
		cmocka_unit_test(a_record_of_another_version_is_named_so),
		cmocka_unit_test(a_record_of_the_version_before_is_read),
		cmocka_unit_test(a_tombstone_means_not_found),
		cmocka_unit_test(a_name_that_is_too_long_has_no_key),
		cmocka_unit_test(the_encoder_refuses_what_is_over_a_limit),
		cmocka_unit_test(the_encoder_refuses_what_the_decoder_would),
		cmocka_unit_test(ten_thousand_keys_fit_and_one_more_does_not),
	};

	return cmocka_run_group_tests(tests, make_samples, free_samples);
}
