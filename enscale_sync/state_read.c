/* The state: finding what records are derived from. */
#include <config.h>

#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* ---- keys -------------------------------------------------------------- */

struct record_key
state_subject_of(const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		return record_key_id(RECORD_ACCOUNT, entry->id);
	case ENTRY_ENVIRONMENT:
		/* One that is refused has no name that means anything. */
		return record_key_environment(
		    entry->refused ? "" : entry->environment.name);
	case ENTRY_NODE:
		return record_key_id(RECORD_NODE, entry->id);
	case ENTRY_KEY:
	case ENTRY_OTHER:
	default:
		return (struct record_key){ .len = 0 };
	}
}

/* Names have no NUL, so that no name is the beginning of another one. */
struct state_key
state_ids_prefix(const struct record_key *subject)
{
	struct state_key key = { .len = 0 };

	state_key_add(&key, subject->data, subject->len);
	state_key_add(&key, "", 1);
	return key;
}

const uint8_t *
state_last_uuid(struct bytes key)
{
	return key.len < ENTRY_UUID_LEN ? state_no_uuid
	                                : key.data + key.len - ENTRY_UUID_LEN;
}

/* Of a visit: nothing found there is no end of the walk. */
static int
visited(struct state *state, int r)
{
	return r == ENS_E_NOTFOUND ? state_distrust(state) : r;
}

/* ---- entries ----------------------------------------------------------- */

int
state_decode(struct state *state, struct bytes data,
    const uint8_t uuid[ENTRY_UUID_LEN], struct entry_rows *rows,
    struct entry *ret_entry)
{
	int r = entry_decode(data, uuid, rows, ret_entry);

	return r == ENS_E_CORRUPT ? state_distrust(state) : r;
}

/* The value of T_ENTRIES, taken apart. */
static int
find(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct bytes *ret_parent, struct bytes *ret_entry)
{
	struct bytes value;
	int r = state_get(state, T_ENTRIES, state_uuid_bytes(uuid), &value);

	if (r != 0)
		return r;
	if (value.len < ENTRY_UUID_LEN)
		return state_distrust(state);
	*ret_parent = (struct bytes){ value.data, ENTRY_UUID_LEN };
	*ret_entry = (struct bytes){ value.data + ENTRY_UUID_LEN,
		value.len - ENTRY_UUID_LEN };
	return 0;
}

int
state_find(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct bytes parent = { NULL, 0 }, entry;
	int r = find(state, uuid, &parent, &entry);

	return r != 0 ? r : state_decode(state, entry, uuid, rows, ret_entry);
}

int
state_next_uuid(struct state *state, uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_key from = { .len = 0 }, found;
	int r;

	/* Right behind it: nothing lies between. */
	state_key_add(&from, uuid, ENTRY_UUID_LEN);
	state_key_add(&from, "", 1);
	r = state_seek(state, T_ENTRIES, state_key_bytes(&from), &found);
	if (r != 0)
		return r;
	if (found.len != ENTRY_UUID_LEN)
		return state_distrust(state);
	memcpy(uuid, found.data, ENTRY_UUID_LEN);
	return 0;
}

struct wire_writer *
state_fresh_entry(struct state *state)
{
	state->entry.len = 0;
	state->entry.error = 0;
	return &state->entry;
}

bool
state_has(struct state *state, const struct entry *entry)
{
	struct bytes parent = { NULL, 0 }, ours;

	entry_encode(state_fresh_entry(state), entry);
	return state->entry.error == 0 &&
	    find(state, entry->uuid, &parent, &ours) == 0 &&
	    bytes_equal(ours,
	        (struct bytes){ state->entry.data, state->entry.len });
}

int
state_find_parent(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct bytes parent = { NULL, 0 }, entry;
	int r = find(state, uuid, &parent, &entry);

	if (r != 0)
		return r;
	return state_find(state, parent.data, rows, ret_entry);
}

bool
state_is_orphan(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	struct bytes parent = { NULL, 0 }, value;

	return find(state, uuid, &parent, &value) == 0 &&
	    memcmp(parent.data, state_no_uuid, ENTRY_UUID_LEN) == 0 &&
	    state_decode(state, value, uuid, &rows, &entry) == 0 &&
	    (entry.kind == ENTRY_KEY || entry.kind == ENTRY_NODE);
}

/* The first kept one under a prefix of T_IDS, if there is one. */
static int
find_kept(struct state *state, struct bytes prefix,
    uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_walk walk = { 0 };
	bool kept = false;
	int r;

	do {
		r = state_walk_next(state, T_IDS, prefix, &walk);
		if (r == 0)
			kept = state_is_kept(state, state_last_uuid(walk.key));
	} while (r == 0 && !kept);
	if (kept)
		memcpy(uuid, state_last_uuid(walk.key), ENTRY_UUID_LEN);
	state_walk_end(&walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
state_winner(struct state *state, const struct record_key *subject,
    uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	struct state_key prefix = state_ids_prefix(subject), row;
	int r = state_seek(state, T_IDS, state_key_bytes(&prefix), &row);

	if (r != 0)
		return r;
	if (row.len != prefix.len + sizeof(uint64_t) + ENTRY_UUID_LEN ||
	    memcmp(row.data, prefix.data, prefix.len) != 0)
		return ENS_E_NOTFOUND;
	memcpy(ret_uuid, state_last_uuid(state_key_bytes(&row)),
	    ENTRY_UUID_LEN);
	return state_kept_count(state) == 0
	    ? 0
	    : find_kept(state, state_key_bytes(&prefix), ret_uuid);
}

/* Does the node hang on an environment that counts? 0 or ENS_E_NOTFOUND. */
static int
check_node(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry above;
	struct record_key subject;
	uint8_t winner[ENTRY_UUID_LEN];
	int r = state_find_parent(state, uuid, &rows, &above);

	if (r != 0)
		return r;
	if (above.kind != ENTRY_ENVIRONMENT || above.refused)
		return ENS_E_NOTFOUND;
	subject = state_subject_of(&above);
	r = state_winner(state, &subject, winner);
	if (r == 0 && memcmp(winner, above.uuid, ENTRY_UUID_LEN) != 0)
		r = ENS_E_NOTFOUND;
	return r;
}

/* The first one, or the first one that is kept. */
static int
find_first_node(struct state *state, struct bytes prefix, bool kept,
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct state_walk walk = { 0 };
	int r;

	do {
		r = state_walk_next(state, T_IDS, prefix, &walk);
		if (r != 0)
			break;
		r = kept && !state_is_kept(state, state_last_uuid(walk.key))
		    ? ENS_E_NOTFOUND
		    : check_node(state, state_last_uuid(walk.key));
		if (r == 0) {
			r = state_find(state, state_last_uuid(walk.key), rows,
			    ret_entry);
			break;
		}
	} while (r == ENS_E_NOTFOUND);
	state_walk_end(&walk);
	return r;
}

static int
find_node(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct state_key prefix = state_ids_prefix(subject);
	int r = ENS_E_NOTFOUND;

	if (state_kept_count(state) > 0)
		r = find_first_node(state, state_key_bytes(&prefix), true, rows,
		    ret_entry);
	if (r == ENS_E_NOTFOUND)
		r = find_first_node(state, state_key_bytes(&prefix), false,
		    rows, ret_entry);
	return r;
}

int
state_find_subject(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry)
{
	uint8_t uuid[ENTRY_UUID_LEN];
	struct record_key found;
	int r;

	if (subject->len > 0 && subject->data[0] == RECORD_NODE) {
		r = find_node(state, subject, rows, ret_entry);
	} else {
		r = state_winner(state, subject, uuid);
		if (r == 0)
			r = visited(state,
			    state_find(state, uuid, rows, ret_entry));
	}
	if (r != 0)
		return r;
	/* The index has no checksum, its entries have. */
	found = state_subject_of(ret_entry);
	return found.len == subject->len &&
	        memcmp(found.data, subject->data, found.len) == 0
	    ? 0
	    : state_distrust(state);
}

/* ---- names of accounts --------------------------------------------------- */

/* The account of an entry with the name, if the entry that counts has it. */
static int
find_holder(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct ldap_dn_hash *name, uint32_t *ret_account)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct record_key subject;
	struct entry entry;
	int r = visited(state, state_find(state, uuid, &rows, &entry));

	if (r != 0)
		return r;
	if (entry.kind != ENTRY_ACCOUNT || entry.refused)
		return ENS_E_NOTFOUND;
	subject = state_subject_of(&entry);
	r = state_find_subject(state, &subject, &rows, &entry);
	if (r != 0)
		return r;
	if (!entry_goes_by(&entry, name))
		return ENS_E_NOTFOUND;
	*ret_account = entry.id;
	return 0;
}

/* A name that two entries have names nobody, whether they count or not: what
 * is refused today may count tomorrow. */
static int
find_by_alias(struct state *state, const struct ldap_dn_hash *name,
    uint32_t *ret_account)
{
	struct bytes prefix = { name->bytes, LDAP_DN_HASH_LEN };
	struct state_walk walk = { 0 };
	uint32_t account = 0, found = 0;
	bool shared = false;
	int r;

	do {
		r = state_walk_next(state, T_ALIASES, prefix, &walk);
		if (r != 0)
			break;
		r = find_holder(state, state_last_uuid(walk.key), name,
		    &account);
		shared = r == ENS_E_NOTFOUND ||
		    (found != 0 && found != account);
		found = account;
	} while (r == 0 && !shared);
	state_walk_end(&walk);
	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	if (found == 0 || shared)
		return ENS_E_NOTFOUND;
	*ret_account = found;
	return 0;
}

int
state_find_named(struct state *state, const struct ldap_dn_hash *name,
    uint32_t *ret_account)
{
	struct bytes holder;
	int r = state_get(state, T_NAMES,
	    (struct bytes){ name->bytes, LDAP_DN_HASH_LEN }, &holder);

	if (r == ENS_E_NOTFOUND)
		return find_by_alias(state, name, ret_account);
	if (r != 0)
		return r;
	return holder.len != STATE_NAME_LEN
	    ? state_distrust(state)
	    : find_holder(state, holder.data, name, ret_account);
}

/* ---- walks ------------------------------------------------------------- */

static int
ended(struct state_walk *walk, int r)
{
	state_walk_end(walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

static int
each_uuid(struct state *state, enum state_table table, struct bytes prefix,
    state_visit_uuid *visit, void *arg)
{
	struct state_walk walk = { 0 };
	int r;

	do {
		r = state_walk_next(state, table, prefix, &walk);
		if (r == 0)
			r = visited(state,
			    visit(state_last_uuid(walk.key), arg));
	} while (r == 0);
	return ended(&walk, r);
}

int
state_each_child(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    state_visit_uuid *visit, void *arg)
{
	return each_uuid(state, T_CHILDREN, state_uuid_bytes(uuid), visit, arg);
}

struct state_key
state_member_prefix(uint32_t account, const struct ldap_dn_hash *name)
{
	struct state_key key = { .len = 0 };

	state_key_add_u32(&key, account);
	if (account == 0)
		state_key_add(&key, name->bytes, LDAP_DN_HASH_LEN);
	return key;
}

int
state_each_environment(struct state *state, uint32_t account,
    state_visit_uuid *visit, void *arg)
{
	struct state_key key = state_member_prefix(account, NULL);

	return each_uuid(state, T_MEMBERS, state_key_bytes(&key), visit, arg);
}

int
state_each_environment_naming(struct state *state,
    const struct ldap_dn_hash *name, state_visit_uuid *visit, void *arg)
{
	struct state_key key = state_member_prefix(0, name);

	return each_uuid(state, T_MEMBERS, state_key_bytes(&key), visit, arg);
}

bool
state_has_names(struct state *state)
{
	const uint8_t none[sizeof(uint32_t)] = { 0 };
	struct state_key row;

	return state_seek(state, T_MEMBERS,
	           (struct bytes){ none, sizeof(none) }, &row) == 0 &&
	    memcmp(row.data, none, sizeof(none)) == 0;
}

int
state_each_host(struct state *state, const uint8_t fingerprint[SHA256_LEN],
    state_visit_uuid *visit, void *arg)
{
	return each_uuid(state, T_HOST_KEYS,
	    (struct bytes){ fingerprint, SHA256_LEN }, visit, arg);
}

int
state_each_orphan(struct state *state, state_visit_uuid *visit, void *arg)
{
	return each_uuid(state, T_ORPHANS, (struct bytes){ NULL, 0 }, visit,
	    arg);
}

/* The subject in a row of T_IDS or T_HOST_KEYS. */
static int
subject_of_row(struct state *state, enum record_kind kind, struct bytes key,
    struct record_key *ret_subject)
{
	const size_t tail = 1 + sizeof(uint64_t) + ENTRY_UUID_LEN;

	if (kind == RECORD_HOST_KEY) {
		if (key.len != SHA256_LEN + ENTRY_UUID_LEN)
			return state_distrust(state);
		*ret_subject = record_key_host(key.data);
		return 0;
	}
	if (key.len <= tail || key.len - tail > sizeof(ret_subject->data))
		return state_distrust(state);
	ret_subject->len = key.len - tail;
	memcpy(ret_subject->data, key.data, ret_subject->len);
	return 0;
}

static bool
is_same(const struct record_key *a, const struct record_key *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int
state_each_subject(struct state *state, enum record_kind kind,
    state_visit_subject *visit, void *arg)
{
	enum state_table table = kind == RECORD_HOST_KEY ? T_HOST_KEYS : T_IDS;
	const uint8_t letter = (uint8_t)kind;
	struct bytes prefix = { &letter, kind == RECORD_HOST_KEY ? 0 : 1 };
	struct record_key last = { .len = 0 }, subject = { .len = 0 };
	struct state_walk walk = { 0 };
	int r;

	do {
		r = state_walk_next(state, table, prefix, &walk);
		if (r == 0)
			r = subject_of_row(state, kind, walk.key, &subject);
		if (r == 0 && !is_same(&subject, &last)) {
			last = subject;
			r = visited(state, visit(&subject, arg));
		}
	} while (r == 0);
	return ended(&walk, r);
}

static int
visit_changed(struct state *state, const struct state_walk *walk,
    uint64_t generation, state_visit_subject *visit, void *arg)
{
	struct record_key subject;
	struct wire_reader in;

	wire_read_init(&in, walk->value.data, walk->value.len);
	if (wire_read_u64(&in) <= generation)
		return 0;
	if (walk->key.len > sizeof(subject.data))
		return state_distrust(state);
	subject.len = walk->key.len;
	memcpy(subject.data, walk->key.data, subject.len);
	return visited(state, visit(&subject, arg));
}

int
state_each_changed(struct state *state, uint64_t generation,
    state_visit_subject *visit, void *arg)
{
	struct state_walk walk = { 0 };
	int r;

	do {
		r = state_walk_next(state, T_CHANGED, (struct bytes){ NULL, 0 },
		    &walk);
		if (r == 0)
			r = visit_changed(state, &walk, generation, visit, arg);
	} while (r == 0);
	return ended(&walk, r);
}

/* ---- what is said of entries ------------------------------------------- */

/* What an orphan lacks. */
static int
find_lack(struct state *state, struct bytes key, const char **ret_text)
{
	struct bytes holder;
	bool node = key.data[LDAP_DN_HASH_LEN] == ENTRY_NODE;
	int r = state_get(state, T_NAMES,
	    (struct bytes){ key.data, LDAP_DN_HASH_LEN }, &holder);

	if (r == ENS_E_NOTFOUND)
		*ret_text = node ? "there is no environment above it"
		                 : "there is no account above it";
	else if (r == 0)
		*ret_text = node ? "the entry above it is not an environment"
		                 : "the entry above it is not an account";
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
state_each_orphan_line(struct state *state, state_visit_line *visit, void *arg)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct state_walk walk = { 0 };
	struct entry entry;
	const char *text = "";
	int r;

	do {
		r = state_walk_next(state, T_ORPHANS, (struct bytes){ NULL, 0 },
		    &walk);
		if (r == 0 && walk.key.len != STATE_WANTED_LEN + ENTRY_UUID_LEN)
			r = state_distrust(state);
		if (r != 0)
			break;
		r = visited(state,
		    state_find(state, state_last_uuid(walk.key), &rows,
		        &entry));
		if (r == 0)
			r = find_lack(state, walk.key, &text);
		if (r == 0)
			r = visited(state, visit(entry.dn, text, arg));
	} while (r == 0);
	return ended(&walk, r);
}

static int
visit_lines(struct state *state, struct bytes text, const char *dn,
    state_visit_line *visit, void *arg)
{
	char line[ENTRY_REASON_MAX + 1];
	const char *at = (const char *)text.data;
	size_t len;
	int r = 0;

	if (text.len == 0 || text.len > sizeof(line) ||
	    memchr(at, '\0', text.len) != at + text.len - 1)
		return state_distrust(state);
	while (r == 0 && *at != '\0') {
		len = strcspn(at, "\n");
		memcpy(line, at, len);
		line[len] = '\0';
		r = visit(dn, line, arg);
		at += len + (at[len] == '\n');
	}
	return r;
}

/* named: with the DN of each, which has to be looked for. */
static int
each_line(struct state *state, enum state_table table, bool named,
    state_visit_line *visit, void *arg)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct state_walk walk = { 0 };
	struct entry entry = { .dn = "" };
	int r;

	do {
		r = state_walk_next(state, table, (struct bytes){ NULL, 0 },
		    &walk);
		if (r != 0)
			break;
		if (walk.key.len < ENTRY_UUID_LEN)
			r = state_distrust(state);
		if (r == 0 && named)
			r = visited(state,
			    state_find(state, walk.key.data, &rows, &entry));
		if (r == 0)
			r = visited(state,
			    visit_lines(state, walk.value, entry.dn, visit,
			        arg));
	} while (r == 0);
	return ended(&walk, r);
}

int
state_each_refused(struct state *state, state_visit_line *visit, void *arg)
{
	return each_line(state, T_REFUSED, true, visit, arg);
}

int
state_each_reason(struct state *state, state_visit_line *visit, void *arg)
{
	return each_line(state, T_REFUSED, false, visit, arg);
}

int
state_each_warning(struct state *state, state_visit_line *visit, void *arg)
{
	return each_line(state, T_WARNED, true, visit, arg);
}
