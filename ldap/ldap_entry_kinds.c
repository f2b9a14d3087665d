/*
 * The rules of each kind of entry beyond its fields: its id, its rows of keys
 * or accounts, and which of them are kept. See ldap_entry.h.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/fingerprint_text.h"
#include "ldap/ldap_entry_private.h"

/* A key in the state beside its texts and its blob, at most. */
#define KEY_FRAME 128
/* All keys of an account there, and so much less than its limit that the rest
 * has room. */
#define ENTRY_KEYS_SIZE_MAX ((size_t)RECORD_SIZE_MAX - 65536)

/* If there are too many rows, the excess ones are refused. */
static void
leave_out(struct parse *p, enum schema_name which, const char *what,
    uint32_t count, uint32_t limit)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "%u %s, %u is the limit: %u left out", count, what, limit,
	    count - limit);
	(void)entry_refuse(p, which, text);
}

static struct bytes
keep_blob(struct parse *p, const struct ssh_key *key)
{
	uint8_t *blob = entry_take(p, key->blob_len);

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

bool
entry_key_lessen(struct entry_key *key, const struct entry_key *other)
{
	const char *from = ssh_key_stricter_from(key->from, other->from);

	if (from == NULL)
		return false;
	key->from = from;
	key->options = ssh_key_stricter_options(key->options, other->options);
	key->expires = sooner(key->expires, other->expires);
	return true;
}

bool
entry_key_merge(struct entry_key *const *copies, uint32_t count)
{
	struct entry_key least = *copies[0];

	/* If one list is within all others, this finds it: of two that are not
	 * within each other neither is that one. */
	for (uint32_t i = 1; i < count; i++) {
		if (!entry_key_lessen(&least, copies[i]))
			least.from = copies[i]->from;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!entry_key_lessen(&least, copies[i]))
			return false;
	}
	*copies[0] = least;
	return true;
}

/* Begins to read the keys of a value; false when it is over its limit. */
static bool
open_value(struct parse *p, const struct berval *value)
{
	bool ok = value->bv_len <= ATTRIBUTE_VALUE_MAX;

	ssh_key_text_init(&p->parser->keys, value->bv_val,
	    ok ? value->bv_len : 0);
	return ok;
}

/* What cannot be accepted of a key that is one. False: p->parser->keys has the
 * reason. */
static bool
check_options(struct parse *p)
{
	struct ssh_key_text *keys = &p->parser->keys;

	if ((p->parser->key.options & KEY_NO_TOUCH) == 0 ||
	    p->parser->schema->no_touch)
		return true;
	(void)snprintf(keys->reason, sizeof(keys->reason), "%s",
	    "option not accepted: no-touch-required (see no_touch in enscale.conf)");
	return false;
}

/* Keeps p->parser->key. False without memory or libcrypto. */
static bool
keep_key(struct parse *p, struct entry_key *ret_key)
{
	const struct ssh_key *key = &p->parser->key;

	fields_init(&key_fields, &ret_key->fields);
	ret_key->blob = keep_blob(p, key);
	ret_key->from = entry_keep_text(p, key->from, strlen(key->from));
	ret_key->title = entry_keep_text(p, key->comment, strlen(key->comment));
	ret_key->expires = key->expires;
	ret_key->options = key->options;
	if (p->error == 0)
		p->error = fingerprint_sha256(ret_key->blob,
		    ret_key->fingerprint);
	return p->error == 0;
}

static bool
parse_key(struct parse *p, struct entry *entry)
{
	struct entry_key *key = &entry->key;
	struct ssh_key_text *keys = &p->parser->keys;
	bool ok = true;
	const struct berval *value;
	struct key_fields said;

	if (!entry_need(p, SCHEMA_SSH_PUBLIC_KEY))
		return false;
	value = entry_single(p, SCHEMA_SSH_PUBLIC_KEY, &ok);
	if (value == NULL)
		return ok;
	if (!open_value(p, value))
		return entry_refuse(p, SCHEMA_SSH_PUBLIC_KEY,
		    error_text(ENS_E_LIMIT));
	if (ssh_key_text_only(keys, &p->parser->key) != 0 || !check_options(p))
		return entry_refuse(p, SCHEMA_SSH_PUBLIC_KEY, keys->reason);
	if (!keep_key(p, key) || !entry_parse_fields(p, &key_fields, &said))
		return false;
	said.from = key->from;
	said.options = key->options;
	said.expires = sooner(key->expires, said.expires);
	if (*said.title == '\0')
		said.title = key->title;
	key->fields = said;
	return true;
}

/* The values of an account's sshPublicKey, one key after the other. */
struct key_values {
	const struct entry_attribute *attribute;
	uint32_t number; /* of the value, from 1 */
	struct entry_key *keys;
	uint32_t count, over;
};

/* "value 2 of 3, line 4: ..."; without the line where it can be no other. */
static void
name_value(const struct parse *p, const struct key_values *values,
    const char *words, char *buf, size_t size)
{
	const struct ssh_key_text *keys = &p->parser->keys;
	char line[24] = "";

	if (keys->line > 1)
		(void)snprintf(line, sizeof(line), ", line %u", keys->line);
	(void)snprintf(buf, size, "value %u of %u%s: %s", values->number,
	    values->attribute->value_count, line, words);
}

static void
refuse_value(struct parse *p, const struct key_values *values,
    const char *words)
{
	char text[KEY_REASON_MAX + 64];

	name_value(p, values, words, text, sizeof(text));
	(void)entry_refuse(p, SCHEMA_SSH_PUBLIC_KEY, text);
}

static void
warn_of_comment(struct parse *p, const struct key_values *values)
{
	char text[KEY_REASON_MAX + 64];

	name_value(p, values, "not all of the comment is shown", text,
	    sizeof(text));
	entry_warn(p, SCHEMA_SSH_PUBLIC_KEY, text);
}

/* One value: its keys are taken, and each fault is named. False without memory
 * or libcrypto. */
static bool
take_value(struct parse *p, struct key_values *values)
{
	struct ssh_key_text *keys = &p->parser->keys;
	uint32_t said = 0;
	int r;

	if (!open_value(p, &values->attribute->values[values->number - 1])) {
		refuse_value(p, values, error_text(ENS_E_LIMIT));
		return true;
	}
	while (
	    (r = ssh_key_text_next(keys, &p->parser->key)) != ENS_E_NOTFOUND) {
		said++;
		if (r != 0 || !check_options(p)) {
			refuse_value(p, values, keys->reason);
			continue;
		}
		if (values->count == ACCOUNT_KEYS_MAX) {
			values->over++;
			continue;
		}
		if (!keep_key(p, &values->keys[values->count]))
			return false;
		values->count++;
		if (p->parser->key.comment_changed)
			warn_of_comment(p, values);
	}
	if (said == 0)
		refuse_value(p, values, "not a public key: it is empty");
	return true;
}

/* By fingerprint, and then as they came. */
static int
compare_keys(const void *a, const void *b)
{
	struct entry_key *const *x = a, *const *y = b;
	int r = memcmp((*x)->fingerprint, (*y)->fingerprint, SHA256_LEN);

	return r != 0 ? r : (*x > *y) - (*x < *y);
}

static bool
is_same_key(const struct entry_key *a, const struct entry_key *b)
{
	return memcmp(a->fingerprint, b->fingerprint, SHA256_LEN) == 0;
}

static bool
has_same_limits(const struct entry_key *a, const struct entry_key *b)
{
	return strcmp(a->from, b->from) == 0 && a->options == b->options &&
	    a->expires == b->expires;
}

static bool
have_same_limits(struct entry_key *const *copies, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (!has_same_limits(copies[0], copies[i]))
			return false;
	}
	return true;
}

/* The first copy stays, if any: one without a blob stands for none. */
static void
merge_copies(struct parse *p, struct entry_key *const *copies, uint32_t count)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 128];
	char name[FINGERPRINT_SHA256_TEXT_LEN + 1];
	bool good = true;

	if (!have_same_limits(copies, count)) {
		good = entry_key_merge(copies, count);
		fingerprint_format_sha256(copies[0]->fingerprint, name);
		(void)snprintf(text, sizeof(text),
		    "%s occurs more than once: %s", name,
		    good ? "what any of them forbids is forbidden"
		         : "none of its from= lists is contained in all the "
		           "others");
		if (good)
			entry_warn(p, SCHEMA_SSH_PUBLIC_KEY, text);
		else
			(void)entry_refuse(p, SCHEMA_SSH_PUBLIC_KEY, text);
	}
	for (uint32_t i = good ? 1 : 0; i < count; i++)
		copies[i]->blob.len = 0;
}

/* Each key stays once, with the rights that all of its copies have. False
 * without memory. */
static bool
merge_keys(struct parse *p, struct key_values *values)
{
	struct entry_key **order = entry_take(p,
	    values->count * sizeof(struct entry_key *));
	struct entry_key *keys = values->keys;
	uint32_t next, kept = 0;

	if (order == NULL)
		return false;
	for (uint32_t i = 0; i < values->count; i++)
		order[i] = &keys[i];
	qsort(order, values->count, sizeof(struct entry_key *), compare_keys);
	for (uint32_t i = 0; i < values->count; i = next) {
		next = i + 1;
		while (
		    next < values->count && is_same_key(order[i], order[next]))
			next++;
		if (next - i > 1)
			merge_copies(p, order + i, next - i);
	}
	for (uint32_t i = 0; i < values->count; i++) {
		if (keys[i].blob.len > 0)
			keys[kept++] = keys[i];
	}
	values->count = kept;
	return true;
}

/* Keys on the account itself: a bad one is named and left out. */
static bool
parse_account_keys(struct parse *p, struct entry *entry)
{
	struct key_values values = { entry_has(p, SCHEMA_SSH_PUBLIC_KEY), 0,
		NULL, 0, 0 };
	size_t most = 0;

	if (values.attribute == NULL)
		return true;
	for (uint32_t i = 0; i < values.attribute->value_count; i++)
		most += entry_keys_most(&values.attribute->values[i]);
	values.keys = entry_take(p, most * sizeof(*values.keys));
	if (values.keys == NULL)
		return false;
	while (values.number++ < values.attribute->value_count) {
		if (!take_value(p, &values))
			return false;
	}
	if (values.over > 0)
		leave_out(p, SCHEMA_SSH_PUBLIC_KEY, "keys",
		    values.count + values.over, values.count);
	if (values.count > 1 && !merge_keys(p, &values))
		return false;
	entry->account.keys = values.keys;
	entry->account.key_count = values.count;
	return true;
}

/* The state keeps an entry in one piece: of keys that are too much for that
 * the first stay. True. */
static bool
limit_key_size(struct parse *p, struct entry *entry)
{
	const struct entry_key *keys = entry->account.keys;
	uint32_t count = entry->account.key_count, i;
	size_t size = 0;

	for (i = 0; i < count; i++) {
		size += KEY_FRAME + keys[i].blob.len +
		    fields_text_size(&key_fields, &keys[i].fields);
		if (size > ENTRY_KEYS_SIZE_MAX)
			break;
	}
	if (i < count)
		leave_out(p, SCHEMA_SSH_PUBLIC_KEY, "keys of this size", count,
		    i);
	entry->account.key_count = i;
	return true;
}

/* ---- numbers and names of accounts --------------------------------------- */

bool
entry_lacks_account(const struct parse *p, enum entry_kind kind)
{
	const struct entry_attribute *attribute = entry_has(p,
	    SCHEMA_ACCOUNT_ID);

	bool mapped = entry_is_mapped(p, SCHEMA_ACCOUNT_ID);

	if (kind != ENTRY_ACCOUNT)
		return false;
	if (attribute == NULL)
		return mapped || entry_is_mapped(p, SCHEMA_ACCOUNT) ||
		    entry_is_mapped(p, SCHEMA_ACCOUNT_AUX);
	for (uint32_t i = 0; mapped && i < attribute->value_count; i++) {
		if (entry_is_numeric(&attribute->values[i]))
			return false;
	}
	/* In our own attribute whatever is no number is a mistake. */
	return mapped;
}

static bool
is_blank(const struct berval *value)
{
	ber_len_t spaces = 0;

	while (spaces < value->bv_len && value->bv_val[spaces] == ' ')
		spaces++;
	return spaces == value->bv_len;
}

/* The digest of a name that an account has beside its DN: whatever it looks
 * like, it is no DN. */
static bool
hash_word(struct parse *p, const struct berval *value,
    struct ldap_dn_hash *ret_name)
{
	p->error = ldap_dn_hash_word(value->bv_val, value->bv_len, ret_name);
	return p->error == 0;
}

/* The digest of what stands for an account elsewhere: its DN, or a name. text
 * ends with a NUL. */
static int
hash_text(const char *text, size_t len, struct ldap_dn_hash *ret_name)
{
	bool dn = strlen(text) == len && strchr(text, '=') != NULL;
	int r = dn ? ldap_dn_hash(text, ret_name, NULL) : ENS_E_SYNTAX;

	return r == ENS_E_SYNTAX || r == ENS_E_LIMIT
	    ? ldap_dn_hash_word(text, len, ret_name)
	    : r;
}

static bool
hash_name(struct parse *p, const struct berval *value,
    struct ldap_dn_hash *ret_name)
{
	const char *text = entry_keep_text(p, value->bv_val, value->bv_len);

	if (p->error == 0)
		p->error = hash_text(text, value->bv_len, ret_name);
	return p->error == 0;
}

static int
compare_names(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ldap_dn_hash));
}

bool
entry_keep_names(struct parse *p, struct entry *entry)
{
	const struct entry_attribute *attribute = entry_has(p,
	    SCHEMA_ACCOUNT_ID);
	struct ldap_dn_hash *names;
	uint32_t count = 0, over = 0;

	if (entry->kind != ENTRY_ACCOUNT || attribute == NULL ||
	    !entry_is_mapped(p, SCHEMA_ACCOUNT_ID))
		return true;
	names = entry_take(p, attribute->value_count * sizeof(*names));
	if (names == NULL)
		return false;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		const struct berval *value = &attribute->values[i];

		if (entry_is_numeric(value) || is_blank(value) ||
		    value->bv_len > ATTRIBUTE_VALUE_MAX)
			continue;
		if (count == ACCOUNT_NAMES_MAX)
			over++;
		else if (!hash_word(p, value, &names[count++]))
			return false;
	}
	if (over > 0)
		leave_out(p, SCHEMA_ACCOUNT_ID, "names", count + over, count);
	/* Values come in any order. */
	qsort(names, count, sizeof(*names), compare_names);
	entry->account.names = names;
	entry->account.name_count = count;
	return true;
}

bool
entry_has_name(const struct entry *account, const struct ldap_dn_hash *name)
{
	for (uint32_t i = 0; i < account->account.name_count; i++) {
		if (memcmp(&account->account.names[i], name, sizeof(*name)) ==
		    0)
			return true;
	}
	return false;
}

bool
entry_goes_by(const struct entry *account, const struct ldap_dn_hash *name)
{
	struct ldap_dn_hash own;

	return entry_has_name(account, name) ||
	    (ldap_dn_hash(account->dn, &own, NULL) == 0 &&
	        memcmp(&own, name, sizeof(own)) == 0);
}

int
entry_check_member(const struct schema *schema, enum schema_name list,
    const struct berval *value, const struct entry *account)
{
	AUTO_FREE char *text = NULL;
	struct ldap_dn_hash name;
	uint32_t number;
	int r;

	if (entry_is_numeric(value))
		return entry_number(value, 1, ACCOUNT_ID_MAX, &number) == 0 &&
		        number == account->id
		    ? 0
		    : ENS_E_NOTFOUND;
	if (strcmp(schema->names[list], schema_names[list]) == 0 ||
	    is_blank(value) || value->bv_len > ATTRIBUTE_VALUE_MAX)
		return ENS_E_NOTFOUND;
	text = strndup(value->bv_val, value->bv_len);
	if (text == NULL)
		return -ENOMEM;
	r = hash_text(text, strlen(text), &name);
	return r == 0 && !entry_goes_by(account, &name) ? ENS_E_NOTFOUND : r;
}

/* The one number among the values of an attribute that holds names, too. */
static bool
parse_one_number(struct parse *p, struct entry *entry)
{
	const struct entry_attribute *attribute = entry_has(p,
	    SCHEMA_ACCOUNT_ID);
	uint32_t numbers = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < attribute->value_count; i++) {
		if (!entry_is_numeric(&attribute->values[i]))
			continue;
		r = entry_number(&attribute->values[i], 1, ACCOUNT_ID_MAX,
		    &entry->id);
		if (++numbers > 1)
			return entry_refuse(p, SCHEMA_ACCOUNT_ID,
			    "more than one number");
	}
	return r == 0 || entry_refuse(p, SCHEMA_ACCOUNT_ID, error_text(r));
}

static bool
parse_account_id(struct parse *p, struct entry *entry)
{
	return entry_need(p, SCHEMA_ACCOUNT_ID) &&
	    (entry_is_mapped(p, SCHEMA_ACCOUNT_ID)
	            ? parse_one_number(p, entry)
	            : entry_get_number(p, SCHEMA_ACCOUNT_ID, 1, ACCOUNT_ID_MAX,
	                  &entry->id));
}

static bool
parse_account(struct parse *p, struct entry *entry)
{
	return parse_account_id(p, entry) &&
	    entry_parse_fields(p, &account_fields, &entry->account.fields) &&
	    parse_account_keys(p, entry) && limit_key_size(p, entry);
}

int
entry_member_compare(const struct entry_member *a, const struct entry_member *b)
{
	/* Without a number it comes last. */
	uint32_t x = a->account - 1, y = b->account - 1;

	return x != y ? (x > y) - (x < y) : compare_names(&a->name, &b->name);
}

const struct entry_member *
entry_find_member(const struct entry *environment,
    const struct entry_member *who, uint32_t *at)
{
	const struct entry_member *members = environment->environment.members;
	uint32_t count = environment->environment.member_count;

	while (*at < count && entry_member_compare(&members[*at], who) < 0)
		(*at)++;
	return *at < count && entry_member_compare(&members[*at], who) == 0
	    ? &members[*at]
	    : NULL;
}

static int
compare_members(const void *a, const void *b)
{
	const struct entry_member *x = a, *y = b;
	int r = entry_member_compare(x, y);

	return r != 0 ? r : (x->role > y->role) - (x->role < y->role);
}

/* Groups of other programs name all kinds of things, some with "" for want of a
 * member: what can be no account's number or name lets nobody in. */
static bool
add_member(struct parse *p, const struct access *access,
    const struct berval *value, struct entry_member *rows, uint32_t *count)
{
	struct entry_member *row = &rows[*count];
	bool mapped = entry_is_mapped(p, access->attribute);
	int r = 0;

	*row = (struct entry_member){ .role = access->role };
	if (mapped && is_blank(value))
		return true;
	if (!mapped || entry_is_numeric(value))
		r = entry_number(value, 1, ACCOUNT_ID_MAX, &row->account);
	else if (!hash_name(p, value, &row->name))
		return false;
	if (r == 0)
		(*count)++;
	return r == 0 || mapped ||
	    entry_refuse(p, access->attribute, error_text(r));
}

static bool
add_members(struct parse *p, const struct access *access,
    struct entry_member *rows, uint32_t *count)
{
	const struct entry_attribute *attribute = entry_has(p,
	    access->attribute);

	for (uint32_t i = 0; attribute != NULL && i < attribute->value_count;
	     i++) {
		if (!add_member(p, access, &attribute->values[i], rows, count))
			return false;
	}
	return true;
}

/* Of several rows of one account one stays: owner wins, else the lower. */
static uint32_t
merge_members(struct entry_member *rows, uint32_t count)
{
	uint32_t kept = 0;

	qsort(rows, count, sizeof(*rows), compare_members);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 ||
		    entry_member_compare(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
		else if (rows[i].role == ROLE_OWNER)
			rows[kept - 1].role = ROLE_OWNER;
	}
	return kept;
}

/* Of more accounts than there may be those with the lowest numbers stay, and
 * the owner: what is left out only takes away. Of names it is not known here
 * how many are accounts. */
static uint32_t
limit_members(struct parse *p, uint32_t owner, struct entry_member *rows,
    uint32_t count)
{
	bool named = count > 0 && rows[count - 1].account == 0;
	const uint32_t limit = named ? ENVIRONMENT_LISTED_MAX
	                             : ENVIRONMENT_MEMBERS_MAX;

	if (count <= limit)
		return count;
	for (uint32_t i = limit; i < count; i++) {
		if (owner != 0 && rows[i].account == owner)
			rows[limit - 1] = rows[i];
	}
	leave_out(p, SCHEMA_FULL_ACCESS, "accounts with access", count, limit);
	return limit;
}

static uint32_t
value_count(const struct parse *p, enum schema_name which)
{
	return entry_has(p, which) == NULL ? 0
	                                   : entry_has(p, which)->value_count;
}

static bool
parse_environment(struct parse *p, struct entry *entry)
{
	struct entry_member *rows;
	uint32_t count = 0;
	/* Each has its place in memory: the sum is no larger than that. */
	size_t most = 0;

	if (!entry_parse_fields(p, &environment_fields,
	        &entry->environment.fields))
		return false;
	for (int i = 0; i < ACCESS_ROWS; i++)
		most += value_count(p, access_rows[i].attribute);
	rows = entry_take(p, most * sizeof(*rows));
	if (rows == NULL)
		return false;
	for (int i = 0; i < ACCESS_ROWS; i++) {
		if (!add_members(p, &access_rows[i], rows, &count))
			return false;
	}
	entry->environment.members = rows;
	entry->environment.member_count = limit_members(p,
	    entry->environment.owner, rows, merge_members(rows, count));
	return true;
}

static bool
parse_host_keys(struct parse *p, struct entry *entry)
{
	const struct entry_attribute *attribute = entry_has(p, SCHEMA_HOST_KEY);
	const struct ssh_key *key = &p->parser->key;
	struct entry_host_key *rows;
	uint32_t count;

	if (attribute == NULL)
		return true;
	/* Of more the first count. */
	count = attribute->value_count;
	if (count > NODE_HOST_KEYS_MAX) {
		count = NODE_HOST_KEYS_MAX;
		leave_out(p, SCHEMA_HOST_KEY, "values", attribute->value_count,
		    count);
	}
	rows = entry_take(p, count * sizeof(*rows));
	if (rows == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct ssh_key_text *keys = &p->parser->keys;

		(void)open_value(p, &attribute->values[i]);
		if (ssh_key_text_only(keys, &p->parser->key) != 0)
			return entry_refuse(p, SCHEMA_HOST_KEY, keys->reason);
		if (key->from[0] != '\0' || key->expires != 0 ||
		    key->options != 0)
			return entry_refuse(p, SCHEMA_HOST_KEY,
			    "options on a host key");
		rows[i].blob = keep_blob(p, key);
		if (p->error == 0)
			p->error = fingerprint_sha256(rows[i].blob,
			    rows[i].fingerprint);
		if (p->error != 0)
			return false;
	}
	entry->node.host_keys = rows;
	entry->node.host_key_count = count;
	return true;
}

static bool
parse_node(struct parse *p, struct entry *entry)
{
	return entry_need(p, SCHEMA_NODE_ID) &&
	    entry_get_number(p, SCHEMA_NODE_ID, 1, NODE_ID_MAX, &entry->id) &&
	    entry_parse_fields(p, &node_fields, &entry->node.fields) &&
	    parse_host_keys(p, entry);
}

bool
entry_parse_kind(struct parse *p, struct entry *entry)
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
		return entry_refuse(p, SCHEMA_OBJECT_CLASS,
		    "not exactly one of ours");
	}
}
