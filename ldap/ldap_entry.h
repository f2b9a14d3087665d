/*
 * From a directory entry to a struct entry: every attribute is outside
 * input, so types are checked again, sizes have limits, and public keys are
 * parsed and written anew. An entry that breaks a rule is refused whole, with
 * a reason: it counts as absent.
 *
 * Two exceptions. Of sshPublicKey values that lie on an account itself
 * (openssh-lpk) a bad one is left out and named, and the others and the
 * account stay. And what is for people alone decides no right: an account's
 * cn and mail, a key's title and comment, and a node's service type are made
 * fit to be shown, with a warning. Everything else is strict.
 *
 * Likewise of more keys of an account, host keys of a node or accounts with
 * access to an environment than there may be: what is over is left out.
 *
 * It knows nothing of connections: attributes come from a message, a file or
 * a test.
 */
#ifndef ENSCALE_LDAP_LDAP_ENTRY_H
#define ENSCALE_LDAP_LDAP_ENTRY_H

#include <lber.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/names/schema.h"
#include "common/view/record.h"

#define ENTRY_UUID_LEN   16
#define ENTRY_CSN_MAX    63   /* 20251122225400.123456Z#000000#001#000000 */
#define ENTRY_REASON_MAX 4095 /* of all lines together */

enum entry_kind {
	ENTRY_ACCOUNT = 1,
	ENTRY_KEY,
	ENTRY_ENVIRONMENT,
	ENTRY_NODE,
	ENTRY_OTHER, /* none of ours, or two of them: always refused */
};
#define ENTRY_KINDS 5

struct entry_key {
	uint8_t fingerprint[SHA256_LEN];
	struct bytes blob;
	HAS_KEY_FIELDS;
};

/* Two copies of one key: takes from it what the other one takes away, too.
 * False, and it is as it was: of two from= lists neither is within the other, so
 * that nothing is left of it. */
bool entry_key_lessen(struct entry_key *key, const struct entry_key *other);
/* Makes the first of several copies of one key as little as all of them, in
 * whatever order they come. False, and it is as it was: none of their from=
 * lists is within all others. */
bool entry_key_merge(struct entry_key *const *copies, uint32_t count);

struct entry_host_key {
	uint8_t fingerprint[SHA256_LEN];
	struct bytes blob;
};

/* Pointers are borrowed from whatever filled it in. */
struct entry {
	enum entry_kind kind;
	uint8_t uuid[ENTRY_UUID_LEN];
	const char *dn;
	const char *csn; /* entryCSN, or its like; "" without either */
	int64_t created; /* createTimestamp; 0: unknown */
	bool refused;    /* the fields below mean nothing then */
	/* Why it, or a value of it, is refused, and what is said of one that
	 * counts all the same: each a line, "\n" between; "" when nothing is. */
	const char *reason, *warning;

	uint32_t id; /* of an account or a node */
	union {
		struct {
			HAS_ACCOUNT_FIELDS;
			const struct entry_key *keys;
			uint32_t key_count;
		} account;
		struct entry_key key;
		struct {
			HAS_ENVIRONMENT_FIELDS;
			/* ascending by account, each once, owner included */
			const struct environment_member *members;
			uint32_t member_count;
		} environment;
		struct {
			HAS_NODE_FIELDS;
			const struct entry_host_key *host_keys;
			uint32_t host_key_count;
		} node;
	};
};

/* One attribute as it came; value_count values of any bytes. */
struct entry_attribute {
	struct berval name;
	const struct berval *values;
	uint32_t value_count;
};

/* Counts up when the same attributes give another entry: all are read anew, as
 * they are when a field is added. */
#define ENTRY_RULES 3

struct entry_parser;

/* schema is borrowed. */
int entry_parser_new(const struct schema *schema,
    struct entry_parser **ret_parser);
void entry_parser_free(struct entry_parser *parser);

/*
 * Fills in *ret_entry; it is the parser's until the next call. Attributes
 * that are not ours are passed over. An entry that breaks a rule is a
 * success, with refused and reason set. Returns 0, -ENOMEM, ENS_E_CRYPTO;
 * ENS_E_LIMIT when not even its DN can be kept.
 */
int entry_parse(struct entry_parser *parser, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const struct entry_attribute *attributes,
    uint32_t attribute_count, struct entry *ret_entry);

/* Has it a class of ours? Others are none of our business. */
bool entry_is_ours(const struct entry_parser *parser,
    const struct entry_attribute *attributes, uint32_t attribute_count);

/* "account", "key", ...: for logs and counts. */
const char *entry_kind_text(enum entry_kind kind);

#endif
