/*
 * The state: entries that the directory does not have any more. A refresh that
 * would take away too much is held (shrink.h), and what it would have taken
 * away is kept until a refresh names it again, or takes it away after all.
 *
 * A tree that was loaded anew is here twice meanwhile: its entries have other
 * UUIDs. Then the kept copy counts, and grants no more than the other one:
 * status, expiry and such are compared whenever a record is derived
 * (state_find_limit()). What is taken away from the other copy one by one (the
 * entry itself, a key, a member, a host key) is taken from the kept one at that
 * moment, here, because who loads a tree without its keys takes away too much
 * as well. What the other copy gives beyond it waits.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_sync/state_private.h"

static const struct bytes nothing = { (const uint8_t *)"", 0 };

static bool
is_same(const uint8_t a[ENTRY_UUID_LEN], const uint8_t b[ENTRY_UUID_LEN])
{
	return memcmp(a, b, ENTRY_UUID_LEN) == 0;
}

static bool
is_good(const struct entry *entry, enum entry_kind kind)
{
	return entry != NULL && entry->kind == kind && !entry->refused;
}

/* ---- entries and lists that outlive writing ---------------------------- */

struct copy {
	struct wire_writer bytes; /* owned */
	struct entry_rows rows;   /* owned */
	struct entry entry;
	uint8_t parent[ENTRY_UUID_LEN];
};

static void
free_copy(struct copy *copy)
{
	wire_write_free(&copy->bytes);
	entry_rows_free(&copy->rows);
}

static int
load(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct copy *ret_copy)
{
	struct bytes value;
	int r = state_get(state, T_ENTRIES, state_uuid_bytes(uuid), &value);

	if (r != 0)
		return r;
	if (value.len < ENTRY_UUID_LEN)
		return state_distrust(state);
	wire_write_init_growing(&ret_copy->bytes, RECORD_SIZE_MAX);
	wire_write_bytes(&ret_copy->bytes, value.data, value.len);
	if (ret_copy->bytes.error != 0)
		return ret_copy->bytes.error;
	memcpy(ret_copy->parent, ret_copy->bytes.data, ENTRY_UUID_LEN);
	return state_decode(state,
	    (struct bytes){ ret_copy->bytes.data + ENTRY_UUID_LEN,
	        ret_copy->bytes.len - ENTRY_UUID_LEN },
	    uuid, &ret_copy->rows, &ret_copy->entry);
}

struct uuids {
	uint8_t (*rows)[ENTRY_UUID_LEN]; /* owned */
	uint32_t count, room;
};

static void
free_uuids(struct uuids *uuids)
{
	free(uuids->rows);
}

static int
add_uuid(struct uuids *uuids, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint32_t room = uuids->room == 0 ? 16 : uuids->room * 2;
	void *rows;

	if (uuids->count == uuids->room) {
		rows = reallocarray(uuids->rows, room, ENTRY_UUID_LEN);
		if (rows == NULL)
			return -ENOMEM;
		uuids->rows = rows;
		uuids->room = room;
	}
	memcpy(uuids->rows[uuids->count++], uuid, ENTRY_UUID_LEN);
	return 0;
}

/* Adds the UUIDs that the rows under a prefix end with. */
static int
gather(struct state *state, enum state_table table, struct bytes prefix,
    struct uuids *uuids)
{
	struct state_walk walk = { 0 };
	int r;

	do {
		r = state_walk_next(state, table, prefix, &walk);
		if (r == 0)
			r = add_uuid(uuids, state_last_uuid(walk.key));
	} while (r == 0);
	state_walk_end(&walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

static int
gather_copies(struct state *state, const struct record_key *subject,
    struct uuids *uuids)
{
	struct state_key prefix = state_ids_prefix(subject);

	return gather(state, T_IDS, state_key_bytes(&prefix), uuids);
}

/* ---- what is kept ------------------------------------------------------ */

uint64_t
state_kept_count(struct state *state)
{
	return state_rows(state, T_KEPT);
}

bool
state_is_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct bytes row;

	return state_kept_count(state) > 0 &&
	    state_get(state, T_KEPT, state_uuid_bytes(uuid), &row) == 0;
}

/* Keeps an entry, or does so no longer: another one may count then. */
static int
change(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN], bool keep)
{
	struct copy copy AUTO(free_copy) = { 0 };
	struct record_key subject = { .len = 0 };
	uint8_t before[ENTRY_UUID_LEN];
	int r = load(state, uuid, &copy);

	if (r == 0 && !copy.entry.refused)
		subject = state_subject_of(&copy.entry);
	if (r == 0 && subject.len > 0)
		r = state_winner(state, &subject, before);
	if (r == 0)
		r = keep ? state_store(state, T_KEPT, state_uuid_bytes(uuid),
		               nothing)
		         : state_drop(state, T_KEPT, state_uuid_bytes(uuid));
	return r == 0 && subject.len > 0
	    ? state_judge_copies(state, &copy.entry, before)
	    : r;
}

int
state_keep(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	uint8_t own[ENTRY_UUID_LEN];

	memcpy(own, uuid, sizeof(own)); /* it may lie in what moves */
	return change(state, own, true);
}

int
state_release_marked(struct state *state)
{
	struct uuids kept AUTO(free_uuids) = { 0 };
	bool marked;
	int r = 0;

	if (state_kept_count(state) == 0 || state->marks == NULL)
		return 0;
	r = gather(state, T_KEPT, (struct bytes){ NULL, 0 }, &kept);
	if (r == 0)
		r = uuid_list_rewind(state->marks);
	for (uint32_t i = 0; r == 0 && i < kept.count; i++) {
		r = uuid_list_has(state->marks, kept.rows[i], &marked);
		if (r == 0 && marked)
			r = change(state, kept.rows[i], false);
	}
	return r;
}

int
state_find_limit(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	bool kept = false;
	uint32_t other = 0;
	int r;

	if (state_kept_count(state) == 0)
		return ENS_E_NOTFOUND;
	r = gather_copies(state, subject, &copies);
	if (r != 0)
		return r;
	for (uint32_t i = copies.count; i > 0; i--) {
		if (state_is_kept(state, copies.rows[i - 1]))
			kept = true;
		else
			other = i;
	}
	return kept && other > 0
	    ? state_find(state, copies.rows[other - 1], rows, ret_entry)
	    : ENS_E_NOTFOUND;
}

/* ---- a second copy ----------------------------------------------------- */

/* Itself, or the account that a key is part of. */
static int
find_whole(struct state *state, const struct entry *entry,
    struct record_key *ret_subject, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry above;
	int r = 0;

	*ret_subject = state_subject_of(entry);
	memcpy(ret_uuid, entry->uuid, ENTRY_UUID_LEN);
	if (entry->kind != ENTRY_KEY)
		return ret_subject->len > 0 ? 0 : ENS_E_NOTFOUND;
	r = state_find_parent(state, entry->uuid, &rows, &above);
	if (r != 0)
		return r;
	*ret_subject = state_subject_of(&above);
	memcpy(ret_uuid, above.uuid, ENTRY_UUID_LEN);
	return is_good(&above, ENTRY_ACCOUNT) ? 0 : ENS_E_NOTFOUND;
}

int
state_has_copy(struct state *state, const struct entry *entry, bool *ret_has)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	struct record_key subject;
	uint8_t uuid[ENTRY_UUID_LEN];
	bool has = false;
	int r = entry->refused ? ENS_E_NOTFOUND
	                       : find_whole(state, entry, &subject, uuid);

	if (r == 0)
		r = gather_copies(state, &subject, &copies);
	for (uint32_t i = 0; r == 0 && i < copies.count; i++)
		has |= !is_same(copies.rows[i], uuid);
	if (r == 0 || r == ENS_E_NOTFOUND)
		*ret_has = has;
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* ---- taking away ------------------------------------------------------- */

static int
drop(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	int r = state_remove(state, uuid);

	return r == 0 ? state_drop(state, T_KEPT, state_uuid_bytes(uuid)) : r;
}

/* A child that would outlive its parent could find another one by name. */
static int
drop_with_children(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct uuids children AUTO(free_uuids) = { 0 };
	int r = gather(state, T_CHILDREN, state_uuid_bytes(uuid), &children);

	for (uint32_t i = 0; r == 0 && i < children.count; i++) {
		if (state_is_kept(state, children.rows[i]))
			r = drop(state, children.rows[i]);
	}
	return r == 0 ? drop(state, uuid) : r;
}

static int
drop_copies(struct state *state, const struct record_key *subject)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	int r = gather_copies(state, subject, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (state_is_kept(state, copies.rows[i]))
			r = drop_with_children(state, copies.rows[i]);
	}
	return r;
}

/* The copy in the directory is gone: so are the kept ones, when there is no
 * other one there. */
static int
drop_last_copies(struct state *state, const struct record_key *subject)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	int r = gather_copies(state, subject, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (!state_is_kept(state, copies.rows[i]))
			return 0;
	}
	return r == 0 ? drop_copies(state, subject) : r;
}

/* Files a kept entry that has become less. Its name may be another one's by
 * now, whose children look for it. */
static int
file_less(struct state *state, const struct entry *entry)
{
	struct ldap_dn_hash self;
	struct bytes name = { self.bytes, sizeof(self.bytes) }, row;
	uint8_t holder[ENTRY_UUID_LEN];
	bool held,
	    named = entry->kind != ENTRY_KEY && entry->kind != ENTRY_NODE &&
	    ldap_dn_hash(entry->dn, &self, NULL) == 0;
	int r;

	held = named && state_get(state, T_NAMES, name, &row) == 0 &&
	    row.len == ENTRY_UUID_LEN;
	if (held)
		memcpy(holder, row.data, sizeof(holder));
	r = state_file(state, entry, false);
	if (r != 0 || !named)
		return r;
	return held
	    ? state_store(state, T_NAMES, name, state_uuid_bytes(holder))
	    : state_drop(state, T_NAMES, name);
}

/* ---- keys -------------------------------------------------------------- */

/* A key of the other copy that was changed, or is gone (now NULL). */
struct key_change {
	const struct entry_key *was; /* NULL: it is new */
	const struct entry_key *now;
};

static const uint8_t *
fingerprint_of(const struct key_change *key)
{
	return key->was != NULL ? key->was->fingerprint : key->now->fingerprint;
}

static bool
is_of(const struct entry_key *ours, const struct key_change *key)
{
	return memcmp(ours->fingerprint, fingerprint_of(key), SHA256_LEN) == 0;
}

/* Two lists of addresses: which of them is the longer one nobody knows. */
static bool
is_from_elsewhere(const struct entry_key *ours, const struct key_change *key)
{
	return key->was != NULL &&
	    strcmp(key->was->from, key->now->from) != 0 &&
	    ours->from[0] != '\0' && strcmp(ours->from, key->now->from) != 0;
}

/* Makes it as little as both. false: nothing is left of it. */
static bool
lessen(struct entry_key *ours, const struct key_change *key)
{
	if (key->now == NULL || is_from_elsewhere(ours, key))
		return false;
	if (ours->from[0] == '\0')
		ours->from = key->now->from;
	if (ours->expires == 0 ||
	    (key->now->expires != 0 && key->now->expires < ours->expires))
		ours->expires = key->now->expires;
	return true;
}

static const struct entry_key *
value_of(const struct entry *account, const uint8_t fingerprint[SHA256_LEN])
{
	for (uint32_t i = 0; i < account->account.key_count; i++) {
		if (memcmp(account->account.keys[i].fingerprint, fingerprint,
		        SHA256_LEN) == 0)
			return &account->account.keys[i];
	}
	return NULL;
}

static int
lessen_values(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct key_change *key)
{
	struct copy copy AUTO(free_copy) = { 0 };
	struct entry_key *keys;
	uint32_t count = 0;
	int r = load(state, uuid, &copy);

	if (r != 0 || value_of(&copy.entry, fingerprint_of(key)) == NULL)
		return r;
	keys = copy.rows.keys;
	for (uint32_t i = 0; i < copy.entry.account.key_count; i++) {
		if (!is_of(&keys[i], key) || lessen(&keys[i], key))
			keys[count++] = keys[i];
	}
	copy.entry.account.key_count = count;
	return file_less(state, &copy.entry);
}

static int
lessen_key(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct key_change *key)
{
	struct copy copy AUTO(free_copy) = { 0 };
	int r = load(state, uuid, &copy);

	if (r != 0 || !is_good(&copy.entry, ENTRY_KEY) ||
	    !is_of(&copy.entry.key, key))
		return r;
	return lessen(&copy.entry.key, key) ? file_less(state, &copy.entry)
	                                    : drop(state, uuid);
}

static int
lessen_children(struct state *state, const uint8_t account[ENTRY_UUID_LEN],
    const struct key_change *key)
{
	struct uuids children AUTO(free_uuids) = { 0 };
	int r = gather(state, T_CHILDREN, state_uuid_bytes(account), &children);

	for (uint32_t i = 0; r == 0 && i < children.count; i++) {
		if (state_is_kept(state, children.rows[i]))
			r = lessen_key(state, children.rows[i], key);
	}
	return r;
}

/* A kept key may hang on an account that is not. */
static int
limit_key(struct state *state, const struct record_key *account,
    const struct key_change *key)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	int r = gather_copies(state, account, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (state_is_kept(state, copies.rows[i]))
			r = lessen_values(state, copies.rows[i], key);
		if (r == 0)
			r = lessen_children(state, copies.rows[i], key);
	}
	return r;
}

static int
limit_values(struct state *state, const struct record_key *account,
    const struct entry *was, const struct entry *now)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < was->account.key_count; i++) {
		struct key_change key = { .was = &was->account.keys[i] };

		key.now = value_of(now, key.was->fingerprint);
		r = limit_key(state, account, &key);
	}
	return r;
}

/* ---- members and host keys --------------------------------------------- */

static const struct environment_member *
member_of(const struct entry *environment, uint32_t account)
{
	for (uint32_t i = 0;
	     environment != NULL && i < environment->environment.member_count;
	     i++) {
		if (environment->environment.members[i].account == account)
			return &environment->environment.members[i];
	}
	return NULL;
}

static int
lessen_members(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct entry *was, const struct entry *now)
{
	struct copy copy AUTO(free_copy) = { 0 };
	const struct environment_member *theirs;
	struct environment_member *ours, *owner = NULL;
	uint32_t count = 0;
	int r = load(state, uuid, &copy);

	if (r != 0)
		return r;
	ours = copy.rows.members;
	for (uint32_t i = 0; i < copy.entry.environment.member_count; i++) {
		theirs = member_of(now, ours[i].account);
		if (theirs == NULL && member_of(was, ours[i].account) != NULL)
			continue;
		if (theirs != NULL && theirs->role < ours[i].role)
			ours[i].role = theirs->role;
		ours[count] = ours[i];
		if (ours[count].role == ROLE_OWNER)
			owner = &ours[count];
		count++;
	}
	copy.entry.environment.member_count = count;
	if (owner == NULL)
		copy.entry.environment.owner = 0;
	return file_less(state, &copy.entry);
}

static bool
has_host_key(const struct entry *node, const uint8_t fingerprint[SHA256_LEN])
{
	for (uint32_t i = 0; i < node->node.host_key_count; i++) {
		if (memcmp(node->node.host_keys[i].fingerprint, fingerprint,
		        SHA256_LEN) == 0)
			return true;
	}
	return false;
}

static int
lessen_host_keys(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct entry *was, const struct entry *now)
{
	struct copy copy AUTO(free_copy) = { 0 };
	struct entry_host_key *keys;
	uint32_t count = 0;
	int r = load(state, uuid, &copy);

	if (r != 0)
		return r;
	keys = copy.rows.host_keys;
	for (uint32_t i = 0; i < copy.entry.node.host_key_count; i++) {
		if (has_host_key(now, keys[i].fingerprint) || was == NULL ||
		    !has_host_key(was, keys[i].fingerprint))
			keys[count++] = keys[i];
	}
	copy.entry.node.host_key_count = count;
	return file_less(state, &copy.entry);
}

/* ---- what happened to the other copy ----------------------------------- */

static int
lessen_copies(struct state *state, const struct record_key *subject,
    const struct entry *was, const struct entry *now)
{
	struct uuids copies AUTO(free_uuids) = { 0 };
	int r = gather_copies(state, subject, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (!state_is_kept(state, copies.rows[i]))
			continue;
		r = now->kind == ENTRY_ENVIRONMENT
		    ? lessen_members(state, copies.rows[i], was, now)
		    : lessen_host_keys(state, copies.rows[i], was, now);
	}
	return r;
}

/* Does the node hang on another environment than before? */
static bool
has_moved(struct state *state, const struct copy *was)
{
	struct bytes value;

	return state_get(state, T_ENTRIES, state_uuid_bytes(was->entry.uuid),
	           &value) != 0 ||
	    value.len < ENTRY_UUID_LEN || !is_same(value.data, was->parent);
}

static int
limit_by_key(struct state *state, const struct copy *was,
    const struct entry *now)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct key_change key = {
		.was = was == NULL ? NULL : &was->entry.key,
		.now = is_good(now, ENTRY_KEY) ? &now->key : NULL,
	};
	struct record_key account;
	struct entry above;
	int r = was == NULL ? state_find_parent(state, now->uuid, &rows, &above)
	                    : state_find(state, was->parent, &rows, &above);

	if (r != 0 || !is_good(&above, ENTRY_ACCOUNT))
		return r == ENS_E_NOTFOUND ? 0 : r;
	account = state_subject_of(&above);
	if (key.was != NULL && key.now != NULL &&
	    memcmp(key.was->fingerprint, key.now->fingerprint, SHA256_LEN) != 0)
		key.now = NULL;
	return limit_key(state, &account, &key);
}

/* now NULL: it is gone. Both are none of the kept ones. */
static int
limit(struct state *state, const struct copy *was, const struct entry *now)
{
	const struct entry *old = was == NULL || was->entry.refused
	    ? NULL
	    : &was->entry;
	struct record_key subject;
	bool gone;

	if (is_good(old, ENTRY_KEY) || (old == NULL && is_good(now, ENTRY_KEY)))
		return limit_by_key(state, old == NULL ? NULL : was, now);
	if (old == NULL && (now == NULL || now->refused))
		return 0;
	subject = state_subject_of(old != NULL ? old : now);
	if (subject.len == 0)
		return 0;
	gone = old != NULL &&
	    (!is_good(now, old->kind) || old->id != now->id ||
	        (old->kind == ENTRY_ENVIRONMENT &&
	            strcmp(old->name, now->name) != 0));
	if (gone)
		return drop_last_copies(state, &subject);
	if (old != NULL && old->kind == ENTRY_NODE && has_moved(state, was))
		return drop_copies(state, &subject);
	if (now->kind == ENTRY_ACCOUNT)
		return old == NULL ? 0
		                   : limit_values(state, &subject, old, now);
	return lessen_copies(state, &subject, old, now);
}

int
state_move_beside_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct copy was AUTO(free_copy) = { 0 };
	struct record_key subject;
	int r = load(state, uuid, &was);

	if (r != 0 || was.entry.refused)
		return r;
	if (was.entry.kind == ENTRY_KEY)
		return limit_by_key(state, &was, NULL);
	subject = state_subject_of(&was.entry);
	return drop_copies(state, &subject);
}

/* A refresh mostly confirms. */
static bool
is_as_before(struct state *state, const struct copy *was)
{
	struct bytes value;

	return state_get(state, T_ENTRIES, state_uuid_bytes(was->entry.uuid),
	           &value) == 0 &&
	    value.len == was->bytes.len &&
	    memcmp(value.data, was->bytes.data, value.len) == 0;
}

int
state_put_beside_kept(struct state *state, const struct entry *entry,
    bool adopt)
{
	struct copy was AUTO(free_copy) = { 0 };
	bool there;
	int r = 0;

	if (state_is_kept(state, entry->uuid))
		r = change(state, entry->uuid, false);
	if (r == 0)
		r = load(state, entry->uuid, &was);
	there = r == 0;
	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	r = state_file(state, entry, adopt);
	if (r != 0 || (there && is_as_before(state, &was)))
		return r;
	return limit(state, there ? &was : NULL, entry);
}

int
state_delete_beside_kept(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	struct copy was AUTO(free_copy) = { 0 };
	int r;

	if (state_is_kept(state, uuid))
		return drop(state, uuid);
	r = load(state, uuid, &was);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	r = state_remove(state, was.entry.uuid);
	return r == 0 ? limit(state, &was, NULL) : r;
}
