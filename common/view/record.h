/*
 * The records of the view: what enscale-sync derives from the directory, so
 * that one question needs one lookup. One encoder and one decoder per record.
 *
 * Form (big-endian):	u8 RECORD_VERSION, u8 kind, u16 length of the key,
 *			the key, the body, u32 CRC-32C of all before it.
 * The key, including the kind, is the one that the record is filed under, so a
 * record in the wrong place is noticed. A record with kind RECORD_TOMBSTONE has
 * an empty body: "deleted since the segments below this one".
 *
 * Decoded records borrow: every pointer in them points into the encoded bytes
 * and is valid only as long as those are. Decoders check every bound, count and
 * enum; ENS_E_VERSION or ENS_E_CORRUPT means *cannot tell*, never no.
 */
#ifndef ENSCALE_COMMON_VIEW_RECORD_H
#define ENSCALE_COMMON_VIEW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/wire.h"
#include "common/view/fields.h"

/* A new field that decides nothing needs no other version: see fields.h. */
#define RECORD_VERSION        3
#define RECORD_VERSION_OLDEST 2 /* of the previous view */

enum record_kind {
	RECORD_TOMBSTONE = 'x',
	RECORD_ACCOUNT = 'A',      /* by account id */
	RECORD_KEY = 'K',          /* by account id and fingerprint */
	RECORD_ACCOUNT_KEYS = 'F', /* fingerprints, by account id */
	RECORD_ENVIRONMENT = 'E',  /* by name, in lower case */
	RECORD_ENVIRONMENTS = 'M', /* of an account, by account id */
	RECORD_NODE = 'N',         /* by node id */
	RECORD_HOST_KEY = 'H',     /* node ids, by host key fingerprint */
};

/* What a record is filed under: the kind's letter, then the id (u32), the
 * id and fingerprint, the fingerprint, or the name. */
#define RECORD_KEY_MAX (1 + NAME_TEXT_MAX)

struct record_key {
	uint8_t data[RECORD_KEY_MAX];
	size_t len;
};

/* Build keys; names longer than NAME_TEXT_MAX give an empty key, which is
 * never found. "goodenv" and "GOODENV" are the same name, as they are in a
 * directory (caseIgnoreMatch) and as host names: the letters A to Z count as
 * lower case. */
struct record_key record_key_id(enum record_kind kind, uint32_t id);
struct record_key record_key_key(uint32_t account,
    const uint8_t fingerprint[SHA256_LEN]);
struct record_key record_key_host(const uint8_t fingerprint[SHA256_LEN]);
struct record_key record_key_environment(const char *name);

struct account_record {
	uint32_t account;
	HAS_ACCOUNT_FIELDS;
};

struct key_record {
	uint32_t account;
	const uint8_t *fingerprint; /* SHA-256 of the blob, SHA256_LEN bytes */
	struct bytes blob;          /* the public key (RFC 4253, 6.6) */
	HAS_KEY_FIELDS;
	int64_t added; /* seconds since the epoch; 0: unknown */
};

/* Packed rows; read them with the functions below. */
struct account_keys_record {
	uint32_t account;
	uint32_t count;
	const uint8_t *fingerprints; /* count * SHA256_LEN bytes, ascending */
};

struct environment_member {
	uint32_t account;
	enum environment_role role;
};

struct environment_record {
	HAS_ENVIRONMENT_FIELDS;
	uint32_t member_count;  /* owner included, ascending by account */
	uint32_t node_count;    /* ascending by node id */
	const uint8_t *members; /* rows of u32 account, u8 role */
	const uint8_t *nodes;   /* rows of u32 node id */
};

struct account_environments_record {
	uint32_t account;
	uint32_t count;
	struct bytes rows; /* u8 role, text name; ascending by name */
};

struct node_record {
	uint32_t node;
	const char *environment; /* name of its environment */
	HAS_NODE_FIELDS;
	uint32_t host_key_count;
	struct bytes host_keys; /* rows of SSH strings: key blobs */
};

struct host_key_record {
	const uint8_t *fingerprint;
	uint32_t count;
	const uint8_t *nodes; /* rows of u32 node id, ascending */
};

/*
 * Encoders: append one whole record to an empty growing writer. Return 0,
 * -ENOMEM, ENS_E_LIMIT (a field is over its limit) or ENS_E_RANGE (a value that
 * the decoder would not accept: an id that cannot exist, an empty name, rows
 * that are not strictly ascending, an owner without its ROLE_OWNER row or such
 * a row without its owner). Rows are given as arrays, because only writers have
 * them in that form.
 */
int record_encode_tombstone(struct wire_writer *writer,
    const struct record_key *key);
int record_encode_account(struct wire_writer *writer,
    const struct account_record *account);
int record_encode_key(struct wire_writer *writer, const struct key_record *key);
int record_encode_account_keys(struct wire_writer *writer, uint32_t account,
    const uint8_t (*fingerprints)[SHA256_LEN], uint32_t count);
int record_encode_environment(struct wire_writer *writer,
    const struct environment_fields *fields,
    const struct environment_member *members, uint32_t member_count,
    const uint32_t *nodes, uint32_t node_count);
struct account_environment {
	const char *name;
	enum environment_role role;
};
int record_encode_environments(struct wire_writer *writer, uint32_t account,
    const struct account_environment *rows, uint32_t count);
int record_encode_node(struct wire_writer *writer,
    const struct node_record *node, const struct bytes *host_keys);
int record_encode_host_key(struct wire_writer *writer,
    const uint8_t fingerprint[SHA256_LEN], const uint32_t *nodes,
    uint32_t count);

/* Decoders: check and decode a record that was found under key. Return 0;
 * ENS_E_NOTFOUND for a tombstone; ENS_E_VERSION; ENS_E_CORRUPT. */
int record_decode_account(struct bytes record, const struct record_key *key,
    struct account_record *ret_account);
int record_decode_key(struct bytes record, const struct record_key *key,
    struct key_record *ret_key);
int record_decode_account_keys(struct bytes record,
    const struct record_key *key, struct account_keys_record *ret_keys);
int record_decode_environment(struct bytes record, const struct record_key *key,
    struct environment_record *ret_environment);
int record_decode_environments(struct bytes record,
    const struct record_key *key,
    struct account_environments_record *ret_environments);
int record_decode_node(struct bytes record, const struct record_key *key,
    struct node_record *ret_node);
int record_decode_host_key(struct bytes record, const struct record_key *key,
    struct host_key_record *ret_host_key);
/* Checks what all kinds have in common, but not the body: 0, ENS_E_NOTFOUND for
 * a tombstone, ENS_E_VERSION, ENS_E_CORRUPT. */
int record_check(struct bytes record, const struct record_key *key);
/* True for a well-formed tombstone of this key. */
bool record_is_tombstone(struct bytes record, const struct record_key *key);

/* The role of an account; ROLE_NONE when it has none. */
enum environment_role environment_record_role(
    const struct environment_record *environment, uint32_t account);
struct environment_member environment_record_member(
    const struct environment_record *environment, uint32_t i);
uint32_t environment_record_node(const struct environment_record *environment,
    uint32_t i);
/* Walks the rows: start with *cursor = rows; 0, or ENS_E_NOTFOUND at the
 * end. The decoder has checked all rows. */
int account_environments_next(struct bytes *cursor,
    struct account_environment *ret_row);
/* Likewise for host keys. */
int node_record_next_host_key(struct bytes *cursor, struct bytes *ret_blob);
uint32_t host_key_record_node(const struct host_key_record *host_key,
    uint32_t i);

#endif
