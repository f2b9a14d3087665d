/* The state: filing entries under every key by which they are looked up. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

static const struct bytes nothing = { (const uint8_t *)"", 0 };

static struct state_key
pair(const void *first, size_t first_len, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_key key = { .len = 0 };

	state_key_add(&key, first, first_len);
	state_key_add(&key, uuid, ENTRY_UUID_LEN);
	return key;
}

static bool
is_set(const uint8_t uuid[ENTRY_UUID_LEN])
{
	return memcmp(uuid, state_no_uuid, ENTRY_UUID_LEN) != 0;
}

static bool
is_same(const uint8_t a[ENTRY_UUID_LEN], const uint8_t b[ENTRY_UUID_LEN])
{
	return memcmp(a, b, ENTRY_UUID_LEN) == 0;
}

static bool
is_child(const struct entry *entry)
{
	return entry->kind == ENTRY_KEY || entry->kind == ENTRY_NODE;
}

/* ---- refused entries --------------------------------------------------- */

static int
set_reason(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const char *reason)
{
	if (*reason == '\0' && state_rows(state, T_REFUSED) == 0)
		return 0;
	if (*reason == '\0')
		return state_drop(state, T_REFUSED, state_uuid_bytes(uuid));
	return state_store(state, T_REFUSED, state_uuid_bytes(uuid),
	    (struct bytes){ (const uint8_t *)reason, strlen(reason) + 1 });
}

static const char *
duplicate_reason(const struct record_key *subject)
{
	switch (subject->data[0]) {
	case RECORD_ACCOUNT:
		return "enscaleAccountId: an older entry has it";
	case RECORD_NODE:
		return "enscaleNodeId: an older entry has it";
	default:
		return "cn: an older environment has it";
	}
}

/* Says again why an entry that counts (again) is refused in part, if so. */
static int
restore_reason(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	char reason[ENTRY_REASON_MAX + 1];
	int r = state_find(state, uuid, &rows, &entry);

	if (r != 0)
		return r;
	memcpy(reason, entry.reason, strlen(entry.reason) + 1);
	return set_reason(state, uuid, reason);
}

/* ---- the index of ids and names ---------------------------------------- */

static struct state_key
id_row(const struct entry *entry, const struct record_key *subject)
{
	struct state_key key = state_ids_prefix(subject);

	/* An unknown creation comes last. */
	state_key_add_u64(&key,
	    entry->created > 0 ? (uint64_t)entry->created : UINT64_MAX);
	state_key_add(&key, entry->uuid, ENTRY_UUID_LEN);
	return key;
}

static int
add_id(struct state *state, const struct entry *entry,
    const struct record_key *subject)
{
	struct state_key row = id_row(entry, subject);
	uint8_t before[ENTRY_UUID_LEN], after[ENTRY_UUID_LEN];
	int r = state_winner(state, subject, before);
	bool had = r == 0;

	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	r = state_store(state, T_IDS, state_key_bytes(&row), nothing);
	if (r != 0 || !had)
		return r;
	r = state_winner(state, subject, after);
	if (r != 0)
		return r;
	return set_reason(state, is_same(before, after) ? entry->uuid : before,
	    duplicate_reason(subject));
}

static int
remove_id(struct state *state, const struct entry *entry,
    const struct record_key *subject)
{
	struct state_key row = id_row(entry, subject);
	uint8_t before[ENTRY_UUID_LEN], after[ENTRY_UUID_LEN];
	int r = state_winner(state, subject, before);

	if (r == 0)
		r = state_drop(state, T_IDS, state_key_bytes(&row));
	if (r != 0 || !is_same(before, entry->uuid))
		return r;
	r = state_winner(state, subject, after);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	return restore_reason(state, after);
}

int
state_judge_copies(struct state *state, const struct entry *entry,
    const uint8_t before[ENTRY_UUID_LEN])
{
	struct record_key subject = state_subject_of(entry);
	uint8_t after[ENTRY_UUID_LEN];
	int r = state_winner(state, &subject, after);

	if (r == 0 && !is_same(before, after)) {
		r = set_reason(state, before, duplicate_reason(&subject));
		if (r == 0)
			r = restore_reason(state, after);
	}
	if (r != 0)
		return r;
	switch (entry->kind) {
	case ENTRY_ENVIRONMENT:
		return state_list_environment(state, &subject);
	case ENTRY_NODE:
		return state_list_node(state, entry->id);
	case ENTRY_ACCOUNT:
		return state_list_account(state, entry, true);
	case ENTRY_KEY:
	case ENTRY_OTHER:
	default:
		return state_list_subject(state, &subject);
	}
}

/* ---- indexes of one good entry ----------------------------------------- */

/* Rows that the other one has, too, stay as they are. */
static int
index_members(struct state *state, const struct entry *entry,
    const struct entry *other, bool add)
{
	const struct entry_member *row = entry->environment.members;
	const struct entry_member *end = row + entry->environment.member_count;
	uint32_t at = 0;
	int r = 0;

	for (; r == 0 && row < end; row++) {
		struct state_key key = state_member_prefix(row->account,
		    &row->name);

		if (other != NULL && entry_find_member(other, row, &at) != NULL)
			continue;
		state_key_add(&key, entry->uuid, ENTRY_UUID_LEN);
		r = add ? state_store(state, T_MEMBERS, state_key_bytes(&key),
		              nothing)
		        : state_drop(state, T_MEMBERS, state_key_bytes(&key));
	}
	return r;
}

static int
index_names(struct state *state, const struct entry *entry, bool add)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < entry->account.name_count; i++) {
		struct state_key key = pair(entry->account.names[i].bytes,
		    LDAP_DN_HASH_LEN, entry->uuid);

		r = add ? state_store(state, T_ALIASES, state_key_bytes(&key),
		              nothing)
		        : state_drop(state, T_ALIASES, state_key_bytes(&key));
	}
	return r;
}

static int
index_host_keys(struct state *state, const struct entry *entry, bool add)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < entry->node.host_key_count; i++) {
		struct state_key key = pair(
		    entry->node.host_keys[i].fingerprint, SHA256_LEN,
		    entry->uuid);

		r = add ? state_store(state, T_HOST_KEYS, state_key_bytes(&key),
		              nothing)
		        : state_drop(state, T_HOST_KEYS, state_key_bytes(&key));
	}
	return r;
}

/* Counts a good entry in or out. */
static void
count_entry(struct state_info *info, const struct entry *entry, bool add)
{
	uint64_t one = add ? 1 : UINT64_MAX;
	uint64_t values = entry->kind == ENTRY_ACCOUNT
	    ? entry->account.key_count
	    : 0;

	info->entries[entry->kind] += one;
	info->key_values += one * values;
	for (int i = 0; i < RIGHTS_LIMITS; i++) {
		if (rights_has_limit(entry, (enum rights_limit)i))
			info->limits[i] += one;
	}
}

/* other: what was there before it, or comes after it, under the same id and
 * name, and of an account with the same names; NULL: nothing. */
static int
index_entry(struct state *state, const struct entry *entry, bool add,
    const struct entry *other)
{
	bool identity = other == NULL;
	struct record_key subject = state_subject_of(entry);
	int r = 0;

	if (entry->refused && entry->kind == ENTRY_ACCOUNT) {
		r = index_names(state, entry, add);
		return r == 0 ? state_list_account(state, entry, true) : r;
	}
	if (entry->refused)
		return 0;
	count_entry(&state->info, entry, add);
	if (entry->kind == ENTRY_ENVIRONMENT && identity && !add)
		r = state_list_environment(state, &subject);
	if (r == 0 && entry->kind == ENTRY_NODE && !add)
		r = state_list_node(state, entry->id);
	if (r == 0 && subject.len > 0)
		r = add ? add_id(state, entry, &subject)
		        : remove_id(state, entry, &subject);
	if (r != 0)
		return r;
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		r = index_names(state, entry, add);
		return r == 0 ? state_list_account(state, entry, identity) : r;
	case ENTRY_ENVIRONMENT:
		r = index_members(state, entry, other, add);
		if (r == 0)
			r = state_list_subject(state, &subject);
		if (r == 0)
			r = state_list_members(state, entry, other);
		/* The entry itself is filed by now, or still is. */
		if (r == 0 && identity && add)
			r = state_list_environment(state, &subject);
		return r;
	case ENTRY_NODE:
		r = index_host_keys(state, entry, add);
		return r == 0 && add ? state_list_node(state, entry->id) : r;
	case ENTRY_KEY:
	case ENTRY_OTHER:
	default:
		return 0;
	}
}

/* ---- names and parents ------------------------------------------------- */

/* Under what kind of entry a key or a node belongs, and the other way round;
 * ENTRY_OTHER: under none. */
static enum entry_kind
parent_kind(enum entry_kind child)
{
	return child == ENTRY_KEY ? ENTRY_ACCOUNT
	    : child == ENTRY_NODE ? ENTRY_ENVIRONMENT
	                          : ENTRY_OTHER;
}

static enum entry_kind
child_kind(enum entry_kind parent)
{
	return parent == ENTRY_ACCOUNT    ? ENTRY_KEY
	    : parent == ENTRY_ENVIRONMENT ? ENTRY_NODE
	                                  : ENTRY_OTHER;
}

/* What an orphan waits for: a name, and with it the right kind of parent. */
static struct state_key
wanted(const struct ldap_dn_hash *name, enum entry_kind child)
{
	const uint8_t kind = (uint8_t)child;
	struct state_key key = { .len = 0 };

	state_key_add(&key, name->bytes, LDAP_DN_HASH_LEN);
	state_key_add(&key, &kind, 1);
	return key;
}

/* Where an entry hangs, and by what name it is found: that of a child is not
 * looked for, and whatever is none hangs nowhere. */
struct place {
	struct ldap_dn_hash self;       /* of what is no child */
	struct ldap_dn_hash above;      /* of a child */
	uint8_t parent[ENTRY_UUID_LEN]; /* zeros: an orphan, or no child */
	bool unsure; /* it has another name since: waits as an orphan, too */
};

static int
find_place(const struct entry *entry, struct place *ret_place)
{
	struct place place = { 0 };
	bool child = is_child(entry);
	int r = ldap_dn_hash(entry->dn, child ? NULL : &place.self,
	    child ? &place.above : NULL);

	/* A name that is none leads nowhere: an orphan for ever. */
	if (r != 0 && r != ENS_E_SYNTAX)
		return r;
	*ret_place = place;
	return 0;
}

/* The row of T_ORPHANS. */
static struct state_key
waiting(const struct place *place, enum entry_kind kind,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_key key = wanted(&place->above, kind);

	state_key_add(&key, uuid, ENTRY_UUID_LEN);
	return key;
}

static int
change_row(struct state *state, enum state_table table,
    const struct state_key *key, bool add)
{
	return add ? state_store(state, table, state_key_bytes(key), nothing)
	           : state_drop(state, table, state_key_bytes(key));
}

static int
hang(struct state *state, const struct entry *entry, const struct place *place,
    bool add)
{
	struct state_key below = pair(place->parent, ENTRY_UUID_LEN,
	    entry->uuid);
	struct state_key waits = waiting(place, entry->kind, entry->uuid);
	bool hangs = is_set(place->parent);
	int r = 0;

	if (!is_child(entry))
		return 0;
	if (hangs)
		r = change_row(state, T_CHILDREN, &below, add);
	if (r == 0 && (!hangs || place->unsure))
		r = change_row(state, T_ORPHANS, &waits, add);
	return r;
}

static int
drop_name(struct state *state, const struct place *place,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct bytes name = { place->self.bytes, LDAP_DN_HASH_LEN }, holder;
	int r = state_get(state, T_NAMES, name, &holder);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (holder.len != STATE_NAME_LEN || !is_same(holder.data, uuid))
		return 0; /* another entry has it by now */
	return state_drop(state, T_NAMES, name);
}

/* The parent of that name for a child of that kind. ENS_E_NOTFOUND, also when
 * it is of another kind. */
static int
find_by_name(struct state *state, const struct ldap_dn_hash *name,
    enum entry_kind child, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	struct bytes holder;
	int r = state_get(state, T_NAMES,
	    (struct bytes){ name->bytes, LDAP_DN_HASH_LEN }, &holder);

	if (r != 0)
		return r;
	if (holder.len != STATE_NAME_LEN)
		return state_distrust(state);
	if (holder.data[ENTRY_UUID_LEN] != parent_kind(child))
		return ENS_E_NOTFOUND;
	memcpy(ret_uuid, holder.data, ENTRY_UUID_LEN);
	return 0;
}

/* What hangs on the parent it had until now. */
static int
unhang(struct state *state, const struct entry *child,
    const uint8_t parent[ENTRY_UUID_LEN])
{
	struct state_key key = pair(parent, ENTRY_UUID_LEN, child->uuid);
	int r = state_list_child(state, child, parent);

	if (r == 0)
		r = state_move_beside_kept(state, child->uuid);
	return r == 0 ? state_drop(state, T_CHILDREN, state_key_bytes(&key))
	              : r;
}

/* Moves one orphan below its parent. */
static int
adopt_one(struct state *state, const uint8_t orphan[ENTRY_UUID_LEN],
    const uint8_t parent[ENTRY_UUID_LEN])
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	struct state_key key = pair(parent, ENTRY_UUID_LEN, orphan);
	int r = state_copy_load(state, orphan, &copy);

	if (r == 0 && is_set(copy.parent) && !is_same(copy.parent, parent))
		r = unhang(state, &copy.entry, copy.parent);
	if (r != 0)
		return r;
	memcpy(copy.bytes.data, parent, ENTRY_UUID_LEN);
	r = state_store(state, T_ENTRIES, state_uuid_bytes(orphan),
	    (struct bytes){ copy.bytes.data, copy.bytes.len });
	if (r == 0)
		r = state_store(state, T_CHILDREN, state_key_bytes(&key),
		    nothing);
	return r == 0 ? state_list_child(state, &copy.entry, parent) : r;
}

/* The UUID at the end of the first row under a prefix. ENS_E_NOTFOUND. */
static int
first_uuid(struct state *state, enum state_table table, struct bytes prefix,
    uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	struct state_walk walk = { 0 };
	int r = state_walk_next(state, table, prefix, &walk);

	if (r == 0)
		memcpy(ret_uuid, state_last_uuid(walk.key), ENTRY_UUID_LEN);
	state_walk_end(&walk);
	return r;
}

static int
adopt_below(struct state *state, const struct ldap_dn_hash *name,
    enum entry_kind child, const uint8_t parent[ENTRY_UUID_LEN])
{
	struct state_key prefix = wanted(name, child);
	uint8_t orphan[ENTRY_UUID_LEN];
	struct state_key key;
	int r;

	if (state_rows(state, T_ORPHANS) == 0)
		return 0;
	for (;;) {
		r = first_uuid(state, T_ORPHANS, state_key_bytes(&prefix),
		    orphan);
		if (r != 0)
			return r == ENS_E_NOTFOUND ? 0 : r;
		key = pair(prefix.data, prefix.len, orphan);
		r = state_drop(state, T_ORPHANS, state_key_bytes(&key));
		if (r == 0)
			r = adopt_one(state, orphan, parent);
		if (r != 0)
			return r;
	}
}

/* The number after this one; false behind the last. */
static bool
next_number(uint8_t *bytes, size_t len)
{
	while (len > 0) {
		if (++bytes[--len] != 0)
			return true;
	}
	return false;
}

/* ---- filing ------------------------------------------------------------ */

static bool
waits(struct state *state, const struct place *place, enum entry_kind kind,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct state_key key = waiting(place, kind, uuid);
	struct bytes row;

	return state_rows(state, T_ORPHANS) > 0 &&
	    state_get(state, T_ORPHANS, state_key_bytes(&key), &row) == 0;
}

/* The entry that is in the place now; *ret_there false when none is. */
static int
load_old(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_there, struct entry *ret_entry, struct place *ret_place)
{
	struct bytes value;
	int r = state_get(state, T_ENTRIES, state_uuid_bytes(uuid), &value);

	*ret_there = false;
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (value.len < ENTRY_UUID_LEN)
		return state_distrust(state);
	/* A copy: what LMDB shows moves when something is written. */
	state->old.len = 0;
	wire_write_bytes(&state->old, value.data, value.len);
	if (state->old.error != 0)
		return state->old.error;
	r = state_decode(state,
	    (struct bytes){ state->old.data + ENTRY_UUID_LEN,
	        state->old.len - ENTRY_UUID_LEN },
	    uuid, &state->old_rows, ret_entry);
	if (r == 0)
		r = find_place(ret_entry, ret_place);
	if (r != 0)
		return r;
	memcpy(ret_place->parent, state->old.data, ENTRY_UUID_LEN);
	ret_place->unsure = is_set(ret_place->parent) &&
	    waits(state, ret_place, ret_entry->kind, uuid);
	*ret_there = true;
	return 0;
}

static bool
is_unchanged(const struct state *state)
{
	return state->entry.len == state->old.len &&
	    memcmp(state->entry.data + ENTRY_UUID_LEN,
	        state->old.data + ENTRY_UUID_LEN,
	        state->old.len - ENTRY_UUID_LEN) == 0;
}

static int
take_out(struct state *state, const struct entry *old,
    const struct place *place, const struct entry *other)
{
	int r = 0;

	if (old->kind == ENTRY_KEY)
		r = state_list_child(state, old, place->parent);
	if (r == 0)
		r = index_entry(state, old, false, other);
	if (r == 0)
		r = hang(state, old, place, false);
	if (r == 0 && !is_child(old))
		r = drop_name(state, place, old->uuid);
	return r;
}

/* Under all other keys than its UUID. other: see index_entry(). */
static int
put_in(struct state *state, const struct entry *entry,
    const struct place *place, const struct entry *other, bool adopt)
{
	const uint8_t kind = (uint8_t)entry->kind;
	struct state_key holder = { .len = 0 };
	int r = hang(state, entry, place, true);

	if (r == 0)
		r = set_reason(state, entry->uuid, entry->reason);
	if (r == 0 && entry->refused)
		r = state_forget_warnings(state, entry->uuid);
	if (r == 0)
		r = state_warn(state, entry->uuid, WARNING_ENTRY,
		    entry->warning);
	if (r == 0)
		r = index_entry(state, entry, true, other);
	if (r != 0)
		return r;
	if (entry->kind == ENTRY_KEY)
		return state_list_child(state, entry, place->parent);
	if (is_child(entry))
		return 0;
	state_key_add(&holder, entry->uuid, ENTRY_UUID_LEN);
	state_key_add(&holder, &kind, 1);
	r = state_store(state, T_NAMES,
	    (struct bytes){ place->self.bytes, LDAP_DN_HASH_LEN },
	    state_key_bytes(&holder));
	if (r == 0 && adopt)
		r = adopt_below(state, &place->self, child_kind(entry->kind),
		    entry->uuid);
	return r;
}

/* In the middle of a refresh nobody knows whether the child went or its parent
 * was renamed: it stays where it was until state_adopt(). */
static void
stay(const struct place *old, struct place *place)
{
	memcpy(place->parent, old->parent, ENTRY_UUID_LEN);
	place->unsure = true;
}

/* Its parent is looked for when it has none yet. */
static int
find_parent(struct state *state, const struct entry *entry, bool adopt,
    struct place *place)
{
	int r = 0;

	if (adopt && is_child(entry) && !is_set(place->parent))
		r = find_by_name(state, &place->above, entry->kind,
		    place->parent);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* What is in state->entry, with the parent put before it. */
static struct bytes
with_parent(struct state *state, const struct place *place)
{
	memcpy(state->entry.data, place->parent, ENTRY_UUID_LEN);
	return (struct bytes){ state->entry.data, state->entry.len };
}

/* An entry that is not here yet; -EEXIST when it is. */
static int
put_new(struct state *state, const struct entry *entry, bool adopt)
{
	struct place place;
	int r = find_place(entry, &place);

	if (r == 0)
		r = find_parent(state, entry, adopt, &place);
	if (r == 0)
		r = state_add(state, T_ENTRIES, state_uuid_bytes(entry->uuid),
		    with_parent(state, &place));
	return r == 0 ? put_in(state, entry, &place, NULL, adopt) : r;
}

/* A child that is of no kind to stay waits for another parent of that name. */
static int
orphan_one(struct state *state, const uint8_t child[ENTRY_UUID_LEN],
    enum entry_kind stays)
{
	struct entry entry;
	struct place place, orphaned;
	bool there;
	int r = load_old(state, child, &there, &entry, &place);

	if (r != 0 || !there || entry.kind == stays || !is_set(place.parent))
		return r;
	orphaned = place;
	orphaned.unsure = false;
	memcpy(orphaned.parent, state_no_uuid, ENTRY_UUID_LEN);
	memcpy(state->old.data, state_no_uuid, ENTRY_UUID_LEN);
	r = state_list_child(state, &entry, place.parent);
	if (r == 0)
		r = hang(state, &entry, &place, false);
	if (r == 0)
		r = hang(state, &entry, &orphaned, true);
	if (r == 0)
		r = state_store(state, T_ENTRIES, state_uuid_bytes(child),
		    (struct bytes){ state->old.data, state->old.len });
	return r;
}

/* Of an entry that goes (stays: ENTRY_OTHER) or has become of another kind. */
static int
orphan_children(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    enum entry_kind stays)
{
	struct state_key next = pair(uuid, ENTRY_UUID_LEN, state_no_uuid), row;
	uint8_t *child = next.data + ENTRY_UUID_LEN;
	int r;

	do {
		r = state_seek(state, T_CHILDREN, state_key_bytes(&next), &row);
		if (r == 0 && (row.len != next.len || !is_same(row.data, uuid)))
			r = ENS_E_NOTFOUND;
		if (r != 0)
			break;
		memcpy(child, row.data + ENTRY_UUID_LEN, ENTRY_UUID_LEN);
		r = orphan_one(state, child, stays);
	} while (r == 0 && next_number(child, ENTRY_UUID_LEN));
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* Is it still the account that its number and names stand for? */
static bool
is_same_account(const struct entry *a, const struct entry *b)
{
	return a->id == b->id && strcmp(a->dn, b->dn) == 0 &&
	    a->account.name_count == b->account.name_count &&
	    (a->account.name_count == 0 ||
	        memcmp(a->account.names, b->account.names,
	            a->account.name_count * sizeof(a->account.names[0])) == 0);
}

/* An entry in place of the one that has its UUID. */
static int
replace(struct state *state, const struct entry *entry, bool adopt)
{
	struct entry old;
	struct place old_place, place;
	bool there, same_name, identity, other_kind;
	int r = load_old(state, entry->uuid, &there, &old, &old_place);

	if (r != 0)
		return r;
	if (!there)
		return put_new(state, entry, adopt);
	if (is_unchanged(state))
		return 0;
	same_name = strcmp(old.dn, entry->dn) == 0 &&
	    is_child(&old) == is_child(entry);
	if (same_name)
		place = old_place;
	else
		r = find_place(entry, &place);
	if (r == 0)
		r = find_parent(state, entry, adopt, &place);
	if (r == 0 && !adopt && !same_name && is_child(entry) &&
	    is_set(old_place.parent))
		stay(&old_place, &place);
	identity = old.refused || entry->refused || old.kind != entry->kind ||
	    old.created != entry->created ||
	    (entry->kind == ENTRY_ACCOUNT && !is_same_account(&old, entry)) ||
	    (entry->kind == ENTRY_ENVIRONMENT &&
	        strcmp(old.environment.name, entry->environment.name) != 0);
	/* One that is refused for its class keeps them for better times. */
	other_kind = old.kind != entry->kind && entry->kind != ENTRY_OTHER;
	if (r == 0)
		r = take_out(state, &old, &old_place, identity ? NULL : entry);
	/* The place of "old" is taken: but it is of this kind otherwise. */
	if (r == 0 && other_kind)
		r = orphan_children(state, entry->uuid,
		    child_kind(entry->kind));
	if (r == 0)
		r = state_store(state, T_ENTRIES, state_uuid_bytes(entry->uuid),
		    with_parent(state, &place));
	return r == 0
	    ? put_in(state, entry, &place, identity ? NULL : &old, adopt)
	    : r;
}

int
state_file(struct state *state, const struct entry *entry, bool adopt)
{
	int r;

	wire_write_bytes(state_fresh_entry(state), state_no_uuid,
	    ENTRY_UUID_LEN);
	entry_encode(&state->entry, entry);
	if (state->entry.error != 0)
		return state->entry.error;
	/* In a first refresh nearly every entry is new. */
	r = state->info.complete ? -EEXIST : put_new(state, entry, adopt);
	return r == -EEXIST ? replace(state, entry, adopt) : r;
}

int
state_put(struct state *state, const struct entry *entry, bool adopt)
{
	return state_kept_count(state) == 0
	    ? state_file(state, entry, adopt)
	    : state_put_beside_kept(state, entry, adopt);
}

/* A row of T_ORPHANS, when all names are of one age. */
static int
settle_orphan(struct state *state, const struct state_key *row)
{
	const uint8_t *child = state_last_uuid(state_key_bytes(row));
	struct ldap_dn_hash name;
	uint8_t parent[ENTRY_UUID_LEN];
	int r;

	if (row->len != STATE_WANTED_LEN + ENTRY_UUID_LEN)
		return state_distrust(state);
	memcpy(name.bytes, row->data, sizeof(name.bytes));
	r = find_by_name(state, &name,
	    (enum entry_kind)row->data[LDAP_DN_HASH_LEN], parent);
	if (r == ENS_E_NOTFOUND) {
		r = state_move_beside_kept(state, child);
		return r == 0 ? orphan_one(state, child, ENTRY_OTHER) : r;
	}
	if (r == 0)
		r = state_drop(state, T_ORPHANS, state_key_bytes(row));
	return r == 0 ? adopt_one(state, child, parent) : r;
}

int
state_adopt(struct state *state)
{
	struct state_key row = { .len = 0 };
	int r;

	do {
		/* Right behind it: nothing lies between. */
		state_key_add(&row, "", 1);
		r = state_seek(state, T_ORPHANS, state_key_bytes(&row), &row);
		if (r == 0)
			r = settle_orphan(state, &row);
	} while (r == 0);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
state_remove(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct entry old;
	struct place place;
	bool there, is_parent;
	int r = load_old(state, uuid, &there, &old, &place);

	if (r != 0 || !there)
		return r;
	is_parent = !is_child(&old);
	r = take_out(state, &old, &place, NULL);
	if (r == 0)
		r = set_reason(state, uuid, "");
	if (r == 0)
		r = state_forget_warnings(state, uuid);
	if (r == 0)
		r = state_drop(state, T_ENTRIES, state_uuid_bytes(uuid));
	if (r == 0 && is_parent)
		r = orphan_children(state, uuid, ENTRY_OTHER);
	return r;
}

int
state_delete(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	return state_kept_count(state) == 0
	    ? state_remove(state, uuid)
	    : state_delete_beside_kept(state, uuid);
}

int
state_learn_name(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const char *dn)
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	int r = state_copy_load(state, uuid, &copy);

	if (r != 0)
		return r;
	if (is_child(&copy.entry))
		return ENS_E_NOTFOUND;
	copy.entry.dn = dn;
	return state_put(state, &copy.entry, true);
}
