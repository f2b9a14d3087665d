/* From a directory entry to a struct entry. See ldap_entry.h. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint.h"
#include "common/login_name.h"
#include "common/ssh_key.h"
#include "common/text.h"
#include "ldap/ldap_entry.h"

enum attribute {
	A_OBJECT_CLASS,
	A_ACCOUNT_ID,
	A_CN,
	A_MAIL,
	A_STATUS,
	A_EXPIRES,
	A_MAX_SESSIONS,
	A_SSH_PUBLIC_KEY,
	A_STATE,
	A_OWNER,
	A_FULL_ACCESS,
	A_LIMITED_ACCESS,
	A_NODE_ID,
	A_ADDRESS,
	A_SERVICE_TYPE,
	A_SYSTEM_USER,
	A_PORT,
	A_HOST_KEY,
	A_CSN,
	A_CREATED,
	A_COUNT,
};

const char *const entry_attributes[] = {
	[A_OBJECT_CLASS] = "objectClass",
	[A_ACCOUNT_ID] = "enscaleAccountId",
	[A_CN] = "cn",
	[A_MAIL] = "mail",
	[A_STATUS] = "enscaleStatus",
	[A_EXPIRES] = "enscaleExpires",
	[A_MAX_SESSIONS] = "enscaleMaxSessions",
	[A_SSH_PUBLIC_KEY] = "sshPublicKey",
	[A_STATE] = "enscaleState",
	[A_OWNER] = "enscaleOwner",
	[A_FULL_ACCESS] = "enscaleFullAccess",
	[A_LIMITED_ACCESS] = "enscaleLimitedAccess",
	[A_NODE_ID] = "enscaleNodeId",
	[A_ADDRESS] = "ipHostNumber",
	[A_SERVICE_TYPE] = "enscaleServiceType",
	[A_SYSTEM_USER] = "enscaleSystemUser",
	[A_PORT] = "enscalePort",
	[A_HOST_KEY] = "enscaleHostKey",
	[A_CSN] = "entryCSN",
	[A_CREATED] = "createTimestamp",
	[A_COUNT] = NULL,
};

static const struct {
	const char *name;
	enum entry_kind kind;
} object_classes[] = {
	{ "enscaleAccount", ENTRY_ACCOUNT },
	{ "enscaleAccountAux", ENTRY_ACCOUNT },
	{ "enscaleKey", ENTRY_KEY },
	{ "enscaleEnvironment", ENTRY_ENVIRONMENT },
	{ "enscaleNode", ENTRY_NODE },
};

/* Memory for one entry, used again for the next; it only grows. */
struct arena {
	uint8_t *data; /* owned */
	size_t size;
	size_t used;
};

/* What one entry may take, and what is kept for the next one. */
#define ARENA_MAX  ((size_t)64 << 20)
#define ARENA_KEEP ((size_t)1 << 20)

struct entry_parser {
	struct arena arena;
	char reason[ENTRY_REASON_MAX + 1];
	struct ssh_key key; /* large, so it is kept off the stack */
};

struct parse {
	struct entry_parser *parser;
	const struct entry_attribute *found[A_COUNT];
	int error; /* ours to report: -ENOMEM, ENS_E_CRYPTO */
};

int
entry_parser_new(struct entry_parser **ret_parser)
{
	struct entry_parser *parser = calloc(1, sizeof(*parser));

	if (parser == NULL)
		return -ENOMEM;
	*ret_parser = parser;
	return 0;
}

void
entry_parser_free(struct entry_parser *parser)
{
	if (parser == NULL)
		return;
	free(parser->arena.data);
	free(parser);
}

const char *
entry_kind_text(enum entry_kind kind)
{
	switch (kind) {
	case ENTRY_ACCOUNT:
		return "account";
	case ENTRY_KEY:
		return "key";
	case ENTRY_ENVIRONMENT:
		return "environment";
	case ENTRY_NODE:
		return "node";
	case ENTRY_OTHER:
	default:
		return "other";
	}
}

/* ---- memory ------------------------------------------------------------ */

/* Everything that an entry keeps is no longer than what came, but for a NUL
 * and the alignment of rows; so one size, known before, serves it all. */
static int
arena_reserve(struct arena *arena, size_t size)
{
	uint8_t *data;

	arena->used = 0;
	if (size <= arena->size && arena->size <= ARENA_KEEP)
		return 0;
	data = realloc(arena->data, size);
	if (data == NULL)
		return -ENOMEM;
	arena->data = data;
	arena->size = size;
	return 0;
}

static void *
arena_take(struct parse *p, size_t len)
{
	struct arena *arena = &p->parser->arena;
	size_t at = (arena->used + 7) & ~(size_t)7;

	if (at > arena->size || len > arena->size - at) {
		p->error = -ENOMEM;
		return NULL;
	}
	arena->used = at + len;
	return arena->data + at;
}

static const char *
arena_text(struct parse *p, const char *text, size_t len)
{
	char *copy = arena_take(p, len + 1);

	if (copy == NULL)
		return "";
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static size_t
value_room(const struct entry_attribute *attribute, enum attribute which)
{
	size_t row = 16, size = 0;

	if (which == A_SSH_PUBLIC_KEY)
		row = 64 + sizeof(struct entry_key);
	else if (which == A_HOST_KEY)
		row = 64 + sizeof(struct entry_host_key);
	for (uint32_t i = 0; i < attribute->value_count; i++)
		size += attribute->values[i].bv_len + row;
	return size;
}

/* ---- values ------------------------------------------------------------ */

static bool refuse(struct parse *p, enum attribute which, const char *reason);

static const struct entry_attribute *
has(const struct parse *p, enum attribute which)
{
	return p->found[which];
}

/* The one value of an attribute; NULL and an open *ret_ok when there is
 * none, NULL and refused when there are several. */
static const struct berval *
single(struct parse *p, enum attribute which, bool *ret_ok)
{
	const struct entry_attribute *attribute = has(p, which);

	if (attribute == NULL)
		return NULL;
	if (attribute->value_count != 1) {
		*ret_ok = refuse(p, which, "more than one value");
		return NULL;
	}
	return attribute->values;
}

static bool
refuse(struct parse *p, enum attribute which, const char *reason)
{
	(void)snprintf(p->parser->reason, sizeof(p->parser->reason), "%s: %s",
	    entry_attributes[which], reason);
	return false;
}

/* For texts that cannot hold a number or a word: too long for the buffer of
 * those who parse them, or with a NUL inside. */
#define WORD_MAX 63

static bool
word(const struct berval *value, char buf[WORD_MAX + 1])
{
	if (value->bv_len > WORD_MAX ||
	    memchr(value->bv_val, '\0', value->bv_len) != NULL)
		return false;
	memcpy(buf, value->bv_val, value->bv_len);
	buf[value->bv_len] = '\0';
	return true;
}

static int
number(const struct berval *value, uint32_t min, uint32_t max,
    uint32_t *ret_value)
{
	char text[WORD_MAX + 1];
	uint32_t n;
	int r;

	if (!word(value, text))
		return ENS_E_SYNTAX;
	r = parse_u32(text, max, &n);
	if (r != 0)
		return r;
	if (n < min)
		return ENS_E_RANGE;
	*ret_value = n;
	return 0;
}

static bool
get_number(struct parse *p, enum attribute which, uint32_t min, uint32_t max,
    uint32_t *ret_value)
{
	bool ok = true;
	const struct berval *value = single(p, which, &ok);
	int r;

	if (value == NULL)
		return ok;
	r = number(value, min, max, ret_value);
	return r == 0 || refuse(p, which, error_text(r));
}

static bool
need(struct parse *p, enum attribute which)
{
	return has(p, which) != NULL || refuse(p, which, "missing");
}

static bool
get_expires(struct parse *p, int64_t *ret_time)
{
	bool ok = true;
	const struct berval *value = single(p, A_EXPIRES, &ok);
	int64_t at;

	if (value == NULL)
		return ok;
	if (entry_parse_time(value->bv_val, value->bv_len, &at) != 0)
		return refuse(p, A_EXPIRES, error_text(ENS_E_SYNTAX));
	/* 0 means never: what ended at the epoch or before stays ended. */
	*ret_time = at < 1 ? 1 : at;
	return true;
}

static bool
get_state(struct parse *p, enum environment_state *ret_state)
{
	bool ok = true;
	const struct berval *value = single(p, A_STATE, &ok);

	*ret_state = ENVIRONMENT_RUNNING;
	if (value == NULL)
		return ok;
	if (environment_state_parse(
	        (struct bytes){ (const uint8_t *)value->bv_val, value->bv_len },
	        ret_state) != 0)
		return refuse(p, A_STATE, "an unknown word");
	return true;
}

static int
compare_values(const struct berval *a, const struct berval *b)
{
	size_t len = a->bv_len < b->bv_len ? a->bv_len : b->bv_len;
	int r = memcmp(a->bv_val, b->bv_val, len);

	return r != 0 ? r : (a->bv_len > b->bv_len) - (a->bv_len < b->bv_len);
}

static bool
check_text(struct parse *p, enum attribute which, const struct berval *value,
    size_t max)
{
	char text[MAIL_TEXT_MAX + 1];

	if (value->bv_len > max || value->bv_len > MAIL_TEXT_MAX)
		return refuse(p, which, error_text(ENS_E_LIMIT));
	memcpy(text, value->bv_val, value->bv_len);
	text[value->bv_len] = '\0';
	if (!text_is_utf8(value->bv_val, value->bv_len) ||
	    !text_is_printable(text))
		return refuse(p, which, "not printable text");
	return true;
}

/*
 * A text for people. Directories give several values of cn and mail in any
 * order, and it must not change by itself: the smallest one is shown. Each
 * is checked.
 */
static bool
get_text(struct parse *p, enum attribute which, size_t max,
    const char **ret_text)
{
	const struct entry_attribute *attribute = has(p, which);
	const struct berval *least = NULL;

	*ret_text = "";
	if (attribute == NULL)
		return true;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		const struct berval *value = &attribute->values[i];

		if (!check_text(p, which, value, max))
			return false;
		if (least == NULL || compare_values(value, least) < 0)
			least = value;
	}
	if (least != NULL)
		*ret_text = arena_text(p, least->bv_val, least->bv_len);
	return true;
}

/* ---- kinds ------------------------------------------------------------- */

static int
parse_public_key(struct parse *p, const struct berval *value)
{
	if (value->bv_len > KEY_LINE_MAX)
		return ENS_E_LIMIT;
	return ssh_key_parse(value->bv_val, value->bv_len, &p->parser->key);
}

static struct bytes
keep_blob(struct parse *p, const struct ssh_key *key)
{
	uint8_t *blob = arena_take(p, key->blob_len);

	if (blob == NULL)
		return (struct bytes){ NULL, 0 };
	memcpy(blob, key->blob, key->blob_len);
	return (struct bytes){ blob, key->blob_len };
}

/* The expiry that comes first; 0 is never. */
static int64_t
sooner(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return a < b ? a : b;
}

static int
take_key(struct parse *p, const struct berval *value, struct entry_key *ret_key)
{
	const struct ssh_key *key = &p->parser->key;
	int r = parse_public_key(p, value);

	if (r != 0)
		return r;
	ret_key->blob = keep_blob(p, key);
	ret_key->from = arena_text(p, key->from, strlen(key->from));
	ret_key->title = arena_text(p, key->comment, strlen(key->comment));
	ret_key->expires = key->expires;
	if (p->error != 0)
		return p->error;
	p->error = fingerprint_sha256(ret_key->blob, ret_key->fingerprint);
	return p->error;
}

static bool
parse_key(struct parse *p, struct entry *entry)
{
	struct entry_key *key = &entry->key;
	bool ok = true;
	const struct berval *value;
	const char *title;
	int64_t expires = 0;
	int r;

	if (!need(p, A_SSH_PUBLIC_KEY))
		return false;
	value = single(p, A_SSH_PUBLIC_KEY, &ok);
	if (value == NULL)
		return ok;
	r = take_key(p, value, key);
	if (r != 0)
		return refuse(p, A_SSH_PUBLIC_KEY, error_text(r));
	if (!get_text(p, A_CN, NAME_TEXT_MAX, &title) ||
	    !get_expires(p, &expires))
		return false;
	if (*title != '\0')
		key->title = title;
	key->expires = sooner(key->expires, expires);
	return true;
}

/* Keys on the account itself: a bad one is named and left out. */
static bool
parse_account_keys(struct parse *p, struct entry *entry)
{
	const struct entry_attribute *attribute = has(p, A_SSH_PUBLIC_KEY);
	struct entry_key *keys;
	char reason[128];
	uint32_t count = 0;

	if (attribute == NULL)
		return true;
	if (attribute->value_count > ACCOUNT_KEYS_MAX)
		return refuse(p, A_SSH_PUBLIC_KEY, error_text(ENS_E_LIMIT));
	keys = arena_take(p, attribute->value_count * sizeof(*keys));
	if (keys == NULL)
		return false;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		int r = take_key(p, &attribute->values[i], &keys[count]);

		if (p->error != 0)
			return false;
		if (r == 0) {
			count++;
			continue;
		}
		(void)snprintf(reason, sizeof(reason), "value %u of %u: %s",
		    i + 1, attribute->value_count, error_text(r));
		(void)refuse(p, A_SSH_PUBLIC_KEY, reason);
	}
	entry->account.keys = keys;
	entry->account.key_count = count;
	return true;
}

static bool
parse_account(struct parse *p, struct entry *entry)
{
	bool ok = true;
	const struct berval *value;

	entry->account.status = ACCOUNT_ACTIVE;
	if (!need(p, A_ACCOUNT_ID) ||
	    !get_number(p, A_ACCOUNT_ID, 1, ACCOUNT_ID_MAX, &entry->id))
		return false;
	value = single(p, A_STATUS, &ok);
	if (!ok)
		return false;
	if (value != NULL &&
	    account_status_parse(
	        (struct bytes){ (const uint8_t *)value->bv_val, value->bv_len },
	        &entry->account.status) != 0)
		return refuse(p, A_STATUS, "an unknown word");
	return get_expires(p, &entry->account.expires) &&
	    get_number(p, A_MAX_SESSIONS, 0, SESSION_LIMIT_MAX,
	        &entry->account.max_sessions) &&
	    get_text(p, A_CN, NAME_TEXT_MAX, &entry->name) &&
	    get_text(p, A_MAIL, MAIL_TEXT_MAX, &entry->account.mail) &&
	    parse_account_keys(p, entry);
}

static int
compare_members(const void *a, const void *b)
{
	const struct environment_member *x = a, *y = b;

	if (x->account != y->account)
		return (x->account > y->account) - (x->account < y->account);
	return (x->role > y->role) - (x->role < y->role);
}

static bool
add_members(struct parse *p, enum attribute which, enum environment_role role,
    struct environment_member *rows, uint32_t *count)
{
	const struct entry_attribute *attribute = has(p, which);
	uint32_t account;
	int r;

	if (attribute == NULL)
		return true;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		r = number(&attribute->values[i], 1, ACCOUNT_ID_MAX, &account);
		if (r != 0)
			return refuse(p, which, error_text(r));
		rows[(*count)++] = (struct environment_member){ account, role };
	}
	return true;
}

/* Of several rows of one account one stays: owner wins, else the lower. */
static uint32_t
merge_members(struct environment_member *rows, uint32_t count)
{
	uint32_t kept = 0;

	qsort(rows, count, sizeof(*rows), compare_members);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || rows[kept - 1].account != rows[i].account)
			rows[kept++] = rows[i];
		else if (rows[i].role == ROLE_OWNER)
			rows[kept - 1].role = ROLE_OWNER;
	}
	return kept;
}

static uint32_t
value_count(const struct parse *p, enum attribute which)
{
	return has(p, which) == NULL ? 0 : has(p, which)->value_count;
}

static bool
parse_environment(struct parse *p, struct entry *entry)
{
	bool ok = true;
	const struct berval *cn;
	struct environment_member *rows;
	uint32_t count = 0;
	uint64_t most = (uint64_t)value_count(p, A_OWNER) +
	    value_count(p, A_FULL_ACCESS) + value_count(p, A_LIMITED_ACCESS);

	if (!need(p, A_CN))
		return false;
	cn = single(p, A_CN, &ok);
	if (cn == NULL)
		return ok;
	if (cn->bv_len == 0)
		return refuse(p, A_CN, "empty");
	if (!get_text(p, A_CN, NAME_TEXT_MAX, &entry->name) ||
	    !get_state(p, &entry->environment.state) ||
	    !get_number(p, A_OWNER, 1, ACCOUNT_ID_MAX,
	        &entry->environment.owner))
		return false;
	if (most > ENVIRONMENT_MEMBERS_MAX)
		return refuse(p, A_FULL_ACCESS, error_text(ENS_E_LIMIT));
	rows = arena_take(p, most * sizeof(*rows));
	if (rows == NULL)
		return false;
	if (!add_members(p, A_OWNER, ROLE_OWNER, rows, &count) ||
	    !add_members(p, A_FULL_ACCESS, ROLE_FULL, rows, &count) ||
	    !add_members(p, A_LIMITED_ACCESS, ROLE_LIMITED, rows, &count))
		return false;
	entry->environment.members = rows;
	entry->environment.member_count = merge_members(rows, count);
	return true;
}

/* Numeric only, and written the one way that inet_ntop() writes it. */
static bool
get_address(struct parse *p, const char **ret_address)
{
	bool ok = true;
	const struct berval *value;
	char text[WORD_MAX + 1], canonical[INET6_ADDRSTRLEN];
	uint8_t binary[sizeof(struct in6_addr)];
	int family;

	if (!need(p, A_ADDRESS))
		return false;
	value = single(p, A_ADDRESS, &ok);
	if (value == NULL)
		return ok;
	if (!word(value, text))
		return refuse(p, A_ADDRESS, "not an address");
	family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, binary) != 1 ||
	    inet_ntop(family, binary, canonical, sizeof(canonical)) == NULL)
		return refuse(p, A_ADDRESS, "not an address");
	*ret_address = arena_text(p, canonical, strlen(canonical));
	return true;
}

static bool
is_system_user(const char *name)
{
	const char *first = "abcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(name);

	return len > 0 && len <= SYSTEM_USER_MAX &&
	    strchr(first, name[0]) != NULL &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* The directory does not get to make anybody root on a node. */
static bool
get_system_user(struct parse *p, const char **ret_user)
{
	bool ok = true;
	const struct berval *value;
	char text[WORD_MAX + 1];

	if (!need(p, A_SYSTEM_USER))
		return false;
	value = single(p, A_SYSTEM_USER, &ok);
	if (value == NULL)
		return ok;
	if (!word(value, text) || !is_system_user(text))
		return refuse(p, A_SYSTEM_USER, "not a user name");
	if (strcmp(text, "root") == 0)
		return refuse(p, A_SYSTEM_USER, "root is nobody's to be");
	*ret_user = arena_text(p, text, strlen(text));
	return true;
}

static bool
parse_host_keys(struct parse *p, struct entry *entry)
{
	const struct entry_attribute *attribute = has(p, A_HOST_KEY);
	const struct ssh_key *key = &p->parser->key;
	struct entry_host_key *rows;
	int r;

	if (attribute == NULL)
		return true;
	if (attribute->value_count > NODE_HOST_KEYS_MAX)
		return refuse(p, A_HOST_KEY, error_text(ENS_E_LIMIT));
	rows = arena_take(p, attribute->value_count * sizeof(*rows));
	if (rows == NULL)
		return false;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		r = parse_public_key(p, &attribute->values[i]);
		if (r != 0)
			return refuse(p, A_HOST_KEY, error_text(r));
		if (key->from[0] != '\0' || key->expires != 0)
			return refuse(p, A_HOST_KEY, "options on a host key");
		rows[i].blob = keep_blob(p, key);
		if (p->error == 0)
			p->error = fingerprint_sha256(rows[i].blob,
			    rows[i].fingerprint);
		if (p->error != 0)
			return false;
	}
	entry->node.host_keys = rows;
	entry->node.host_key_count = attribute->value_count;
	return true;
}

static bool
parse_node(struct parse *p, struct entry *entry)
{
	uint32_t port = 22;

	if (!need(p, A_NODE_ID) ||
	    !get_number(p, A_NODE_ID, 1, NODE_ID_MAX, &entry->id) ||
	    !get_address(p, &entry->node.address) ||
	    !get_number(p, A_PORT, 1, UINT16_MAX, &port) ||
	    !get_state(p, &entry->node.state) ||
	    !get_text(p, A_SERVICE_TYPE, NAME_TEXT_MAX,
	        &entry->node.service_type) ||
	    !get_system_user(p, &entry->node.system_user))
		return false;
	entry->node.port = (uint16_t)port;
	return parse_host_keys(p, entry);
}

/* ---- the entry --------------------------------------------------------- */

static bool
is_named(struct berval value, const char *name)
{
	return value.bv_len == strlen(name) &&
	    strncasecmp(value.bv_val, name, value.bv_len) == 0;
}

static enum entry_kind
kind_of(const struct entry_attribute *classes)
{
	enum entry_kind kind = ENTRY_OTHER;
	uint32_t i;
	size_t k;

	for (i = 0; classes != NULL && i < classes->value_count; i++) {
		for (k = 0;
		     k < sizeof(object_classes) / sizeof(object_classes[0]);
		     k++) {
			if (!is_named(classes->values[i],
			        object_classes[k].name))
				continue;
			if (kind != ENTRY_OTHER &&
			    kind != object_classes[k].kind)
				return ENTRY_OTHER;
			kind = object_classes[k].kind;
		}
	}
	return kind;
}

static size_t
sort_out(struct parse *p, const struct entry_attribute *attributes,
    uint32_t count)
{
	size_t room = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (int which = 0; which < A_COUNT; which++) {
			if (!is_named(attributes[i].name,
			        entry_attributes[which]) ||
			    attributes[i].value_count == 0)
				continue;
			p->found[which] = &attributes[i];
			room += value_room(&attributes[i],
			    (enum attribute)which);
			break;
		}
	}
	return room;
}

static bool
check_sizes(struct parse *p)
{
	for (int which = 0; which < A_COUNT; which++) {
		const struct entry_attribute *attribute = p->found[which];

		if (attribute == NULL)
			continue;
		for (uint32_t i = 0; i < attribute->value_count; i++) {
			if (attribute->values[i].bv_len > ATTRIBUTE_VALUE_MAX)
				return refuse(p, (enum attribute)which,
				    error_text(ENS_E_LIMIT));
		}
	}
	return true;
}

static bool
parse_operational(struct parse *p, struct entry *entry)
{
	bool ok = true;
	const struct berval *value = single(p, A_CSN, &ok);

	if (value != NULL) {
		if (value->bv_len > ENTRY_CSN_MAX ||
		    memchr(value->bv_val, '\0', value->bv_len) != NULL)
			return refuse(p, A_CSN, error_text(ENS_E_SYNTAX));
		entry->csn = arena_text(p, value->bv_val, value->bv_len);
	}
	if (!ok)
		return false;
	value = single(p, A_CREATED, &ok);
	if (value != NULL &&
	    entry_parse_time(value->bv_val, value->bv_len, &entry->created) !=
	        0)
		return refuse(p, A_CREATED, error_text(ENS_E_SYNTAX));
	if (entry->created < 0)
		entry->created = 0;
	return ok;
}

static bool
parse_kind(struct parse *p, struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		return parse_account(p, entry);
	case ENTRY_KEY:
		return parse_key(p, entry);
	case ENTRY_ENVIRONMENT:
		return parse_environment(p, entry);
	case ENTRY_NODE:
		return parse_node(p, entry);
	case ENTRY_OTHER:
	default:
		return refuse(p, A_OBJECT_CLASS, "not exactly one of ours");
	}
}

int
entry_parse(struct entry_parser *parser, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const struct entry_attribute *attributes,
    uint32_t attribute_count, struct entry *ret_entry)
{
	struct parse p = { .parser = parser };
	struct entry entry = { .csn = "", .name = "", .reason = "" };
	size_t room = sort_out(&p, attributes, attribute_count);
	bool good;
	int r;

	parser->reason[0] = '\0';
	if (dn.bv_len > ENTRY_DN_MAX ||
	    memchr(dn.bv_val, '\0', dn.bv_len) != NULL)
		return ENS_E_LIMIT;
	good = room <= ARENA_MAX;
	if (!good)
		refuse(&p, A_OBJECT_CLASS, error_text(ENS_E_LIMIT));
	r = arena_reserve(&parser->arena,
	    (good ? room : 0) + dn.bv_len + 256 * (size_t)A_COUNT);
	if (r != 0)
		return r;
	memcpy(entry.uuid, uuid, sizeof(entry.uuid));
	entry.dn = arena_text(&p, dn.bv_val, dn.bv_len);
	entry.kind = kind_of(has(&p, A_OBJECT_CLASS));
	good = good && check_sizes(&p) && parse_operational(&p, &entry) &&
	    parse_kind(&p, &entry);
	if (p.error != 0)
		return p.error;
	entry.refused = !good;
	entry.reason = parser->reason;
	*ret_entry = entry;
	return 0;
}

/* ---- time -------------------------------------------------------------- */

static bool
digits(const char **at, const char *end, int min, int max, int *ret_value)
{
	int value = 0;

	if (end - *at < 2 || (*at)[0] < '0' || (*at)[0] > '9' ||
	    (*at)[1] < '0' || (*at)[1] > '9')
		return false;
	value = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
	*at += 2;
	if (value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

static bool
zone(const char **at, const char *end, int *ret_seconds)
{
	int sign, hours, minutes = 0;

	if (*at == end)
		return false;
	sign = *(*at)++;
	*ret_seconds = 0;
	if (sign == 'Z')
		return true;
	if ((sign != '+' && sign != '-') || !digits(at, end, 0, 23, &hours))
		return false;
	if (*at != end && !digits(at, end, 0, 59, &minutes))
		return false;
	*ret_seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return true;
}

int
entry_parse_time(const char *text, size_t len, int64_t *ret_time)
{
	const char *at = text, *end = text + len;
	int century, year, offset, day;
	struct tm tm = { 0 };
	time_t t;

	if (!digits(&at, end, 0, 99, &century) ||
	    !digits(&at, end, 0, 99, &year) ||
	    !digits(&at, end, 1, 12, &tm.tm_mon) ||
	    !digits(&at, end, 1, 31, &tm.tm_mday) ||
	    !digits(&at, end, 0, 23, &tm.tm_hour))
		return ENS_E_SYNTAX;
	if (at < end && *at >= '0' && *at <= '9' &&
	    !digits(&at, end, 0, 59, &tm.tm_min))
		return ENS_E_SYNTAX;
	if (at < end && *at >= '0' && *at <= '9' &&
	    !digits(&at, end, 0, 60, &tm.tm_sec))
		return ENS_E_SYNTAX;
	if (at < end && (*at == '.' || *at == ',')) {
		do {
			at++;
		} while (at < end && *at >= '0' && *at <= '9');
		if (at[-1] == '.' || at[-1] == ',')
			return ENS_E_SYNTAX;
	}
	if (!zone(&at, end, &offset) || at != end)
		return ENS_E_SYNTAX;
	tm.tm_year = century * 100 + year - 1900;
	tm.tm_mon--;
	if (tm.tm_sec == 60) /* a leap second, which no clock of ours has */
		tm.tm_sec = 59;
	day = tm.tm_mday;
	t = timegm(&tm);
	/* timegm() makes the 3rd of March of the 31st of February. */
	if (tm.tm_mday != day)
		return ENS_E_SYNTAX;
	*ret_time = (int64_t)t - offset;
	return 0;
}
