/*
 * From a directory entry to a struct entry: every attribute is outside input,
 * so types are checked again, sizes have limits, and public keys are parsed and
 * encoded again. An entry that breaks a rule is refused whole, with a reason:
 * it counts as absent.
 *
 * Two exceptions. Of sshPublicKey values on an account itself (openssh-lpk) a
 * bad one is left out and reported, and the others and the account count. And
 * what only people read decides no right: an account's cn and mail, a key's
 * title and comment, and a node's service type are cleaned up for display, with
 * a warning. Everything else is strict.
 *
 * Likewise, if an account has more keys, a node more host keys, or an
 * environment more accounts with access than allowed, the excess is left out.
 *
 * Where [mapping] has another class or number for accounts, an entry without a
 * number is a person without an account: refused, but without a reason. Names
 * may stand beside the number there, and environments name accounts by these or
 * by their DNs if the attribute that lists them is mapped, too.
 *
 * It knows nothing about connections: attributes come from a message, a file or
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
#include "ldap/ldap_dn.h"

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

/* Two copies of one key: also restricts it by what restricts the other. False,
 * and unchanged, if neither of their from= lists is contained in the other, so
 * that nothing is left of the key. */
bool entry_key_lessen(struct entry_key *key, const struct entry_key *other);
/* Reduces the first of several copies of one key to what all of them grant, in
 * whatever order they come. False, and unchanged, if none of their from= lists
 * is contained in all the others. */
bool entry_key_merge(struct entry_key *const *copies, uint32_t count);

struct entry_host_key {
	uint8_t fingerprint[SHA256_LEN];
	struct bytes blob;
};

/* Who may enter an environment: the account with this number or, if that is 0,
 * the one that has this name (struct entry, names). */
struct entry_member {
	uint32_t account;
	enum environment_role role;
	struct ldap_dn_hash name; /* zeros with a number */
};

/* The order of rows: by number, and then by name. */
int entry_member_compare(const struct entry_member *a,
    const struct entry_member *b);
struct entry;
/* The row of the same one; NULL: none. *at, which begins with 0, goes on from
 * one call to the next: who must ascend. */
const struct entry_member *entry_find_member(const struct entry *environment,
    const struct entry_member *who, uint32_t *at);

/* Pointers are borrowed from whatever filled it in. */
struct entry {
	enum entry_kind kind;
	uint8_t uuid[ENTRY_UUID_LEN];
	const char *dn;
	const char *csn; /* entryCSN, or its like; "" without either */
	int64_t created; /* createTimestamp; 0: unknown */
	bool refused;    /* then the fields below mean nothing, but for names */
	/* Why it, or a value of it, is refused, and warnings about one that
	 * counts all the same: lines with "\n" between; "" if there is nothing.
	 * A refused one without a reason is a person without an account. */
	const char *reason, *warning;

	uint32_t id; /* of an account or a node */
	union {
		struct {
			HAS_ACCOUNT_FIELDS;
			const struct entry_key *keys;
			uint32_t key_count;
			/* Digests of the names beside its number, also of a
			 * refused one; its DN is one more name. */
			const struct ldap_dn_hash *names;
			uint32_t name_count;
		} account;
		struct entry_key key;
		struct {
			HAS_ENVIRONMENT_FIELDS;
			/* ascending, each once, owner included */
			const struct entry_member *members;
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

/* Increase it when the same attributes give another entry: then all are read
 * again, as they are when a field is added. */
#define ENTRY_RULES 5

struct entry_parser;

/* schema is borrowed. */
int entry_parser_new(const struct schema *schema,
    struct entry_parser **ret_parser);
void entry_parser_free(struct entry_parser *parser);

/*
 * Fills in *ret_entry, which belongs to the parser and is valid until the next
 * call. Attributes that are not ours are skipped. An entry that breaks a rule
 * is a success, with refused and reason set. Returns 0, -ENOMEM, ENS_E_CRYPTO;
 * ENS_E_LIMIT when not even its DN can be kept.
 */
int entry_parse(struct entry_parser *parser, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const struct entry_attribute *attributes,
    uint32_t attribute_count, struct entry *ret_entry);

/* Does it have a class of ours? Other entries do not concern us. */
bool entry_is_ours(const struct entry_parser *parser,
    const struct entry_attribute *attributes, uint32_t attribute_count);

/* Is it a person without an account? */
static inline bool
entry_is_nobody(const struct entry *entry)
{
	return entry->refused && *entry->reason == '\0';
}

/* The class that an entry of a kind of ours is made with. */
enum schema_name entry_kind_class(enum entry_kind kind);

/* Has an account the name beside its number, and does it go by that, or by its
 * DN? */
bool entry_has_name(const struct entry *account,
    const struct ldap_dn_hash *name);
bool entry_goes_by(const struct entry *account,
    const struct ldap_dn_hash *name);

/*
 * Does a value of an attribute that lists accounts (SCHEMA_FULL_ACCESS, ...)
 * stand for this account, by its number, its DN or a name? 0, or ENS_E_NOTFOUND;
 * -ENOMEM, ENS_E_CRYPTO.
 */
int entry_check_member(const struct schema *schema, enum schema_name list,
    const struct berval *value, const struct entry *account);

/* "account", "key", ...: for logs and counts. */
const char *entry_kind_text(enum entry_kind kind);

#endif
