/*
 * The state: what is taken away from a kept entry (state_kept.c). When the
 * directory's own copy of it is changed, what that copy loses (the entry
 * itself, a key, what a key's options forbid, a name, a member, a host key) is
 * lost here at the same moment, and for good. What that copy did not have when it
 * came stays: loading a tree without its keys also takes away too much, which
 * was judged with the refresh.
 */
#include <config.h>

#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

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
	AUTO(state_uuids_free) struct state_uuids children = { 0 };
	int r = state_gather(state, T_CHILDREN, state_uuid_bytes(uuid),
	    &children);

	for (uint32_t i = 0; r == 0 && i < children.count; i++) {
		if (state_is_kept(state, children.rows[i]))
			r = drop(state, children.rows[i]);
	}
	return r == 0 ? drop(state, uuid) : r;
}

static int
drop_copies(struct state *state, const struct record_key *subject)
{
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	int r = state_gather_copies(state, subject, &copies);

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
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	int r = state_gather_copies(state, subject, &copies);

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
	uint8_t holder[STATE_NAME_LEN];
	bool held,
	    named = entry->kind != ENTRY_KEY && entry->kind != ENTRY_NODE &&
	    ldap_dn_hash(entry->dn, &self, NULL) == 0;
	int r;

	held = named && state_get(state, T_NAMES, name, &row) == 0 &&
	    row.len == STATE_NAME_LEN;
	if (held)
		memcpy(holder, row.data, sizeof(holder));
	r = state_file(state, entry, false);
	if (r != 0 || !named)
		return r;
	return held ? state_store(state, T_NAMES, name,
	                  (struct bytes){ holder, sizeof(holder) })
	            : state_drop(state, T_NAMES, name);
}

/* ---- keys -------------------------------------------------------------- */

/* A key of the other copy that was changed, or is gone (now NULL). */
struct key_change {
	const struct entry_key *was;
	const struct entry_key *now;
};

/* What is as it was takes nothing away. Where it grants less than ours derive.c
 * sees to that, for as long as it is there. */
static bool
takes_away(const struct key_change *key)
{
	return key->now == NULL ||
	    strcmp(key->was->from, key->now->from) != 0 ||
	    key->was->options != key->now->options ||
	    key->was->expires != key->now->expires;
}

static bool
is_of(const struct entry_key *ours, const struct key_change *key)
{
	return memcmp(ours->fingerprint, key->was->fingerprint, SHA256_LEN) ==
	    0;
}

/* Makes it as little as both. false: nothing is left of it. */
static bool
lessen(struct entry_key *ours, const struct key_change *key)
{
	return key->now != NULL && entry_key_lessen(ours, key->now);
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
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	struct entry_key *keys;
	uint32_t count = 0;
	int r = state_copy_load(state, uuid, &copy);

	if (r != 0 || value_of(&copy.entry, key->was->fingerprint) == NULL)
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
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	int r = state_copy_load(state, uuid, &copy);

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
	AUTO(state_uuids_free) struct state_uuids children = { 0 };
	int r = state_gather(state, T_CHILDREN, state_uuid_bytes(account),
	    &children);

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
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	int r = takes_away(key) ? state_gather_copies(state, account, &copies)
	                        : 0;

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

/* ---- names ------------------------------------------------------------- */

static int
lessen_names(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct entry *was, const struct entry *now)
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	struct ldap_dn_hash *names;
	uint32_t count = 0;
	int r = state_copy_load(state, uuid, &copy);

	if (r != 0)
		return r;
	names = copy.rows.names;
	for (uint32_t i = 0; i < copy.entry.account.name_count; i++) {
		if (entry_has_name(now, &names[i]) ||
		    !entry_has_name(was, &names[i]))
			names[count++] = names[i];
	}
	if (count == copy.entry.account.name_count)
		return 0;
	copy.entry.account.name_count = count;
	return file_less(state, &copy.entry);
}

static int
limit_names(struct state *state, const struct record_key *account,
    const struct entry *was, const struct entry *now)
{
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	int r = state_gather_copies(state, account, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (state_is_kept(state, copies.rows[i]))
			r = lessen_names(state, copies.rows[i], was, now);
	}
	return r;
}

static int
limit_account(struct state *state, const struct record_key *account,
    const struct entry *was, const struct entry *now)
{
	int r = limit_names(state, account, was, now);

	return r == 0 ? limit_values(state, account, was, now) : r;
}

/* ---- members and host keys --------------------------------------------- */

static int
lessen_members(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const struct entry *was, const struct entry *now)
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	const struct entry_member *theirs;
	struct entry_member *ours, *owner = NULL;
	uint32_t count = 0, at_now = 0, at_was = 0;
	int r = state_copy_load(state, uuid, &copy);

	if (r != 0)
		return r;
	ours = copy.rows.members;
	for (uint32_t i = 0; i < copy.entry.environment.member_count; i++) {
		theirs = entry_find_member(now, &ours[i], &at_now);
		if (theirs == NULL && was != NULL &&
		    entry_find_member(was, &ours[i], &at_was) != NULL)
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
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	struct entry_host_key *keys;
	uint32_t count = 0;
	int r = state_copy_load(state, uuid, &copy);

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
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	int r = state_gather_copies(state, subject, &copies);

	for (uint32_t i = 0; r == 0 && i < copies.count; i++) {
		if (!state_is_kept(state, copies.rows[i]))
			continue;
		r = now->kind == ENTRY_ENVIRONMENT
		    ? lessen_members(state, copies.rows[i], was, now)
		    : lessen_host_keys(state, copies.rows[i], was, now);
	}
	return r;
}

/* Does it hang on another account or environment than before? */
static bool
has_moved(struct state *state, const struct state_copy *was)
{
	struct bytes value;

	return state_get(state, T_ENTRIES, state_uuid_bytes(was->entry.uuid),
	           &value) != 0 ||
	    value.len < ENTRY_UUID_LEN || !is_same(value.data, was->parent);
}

static bool
is_of_subject(const struct entry *entry, const struct record_key *subject)
{
	struct record_key own = state_subject_of(entry);

	return own.len == subject->len &&
	    memcmp(own.data, subject->data, own.len) == 0;
}

static int
limit_by_key(struct state *state, const struct state_copy *was,
    const struct entry *now)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct key_change key = {
		.was = &was->entry.key,
		.now = is_good(now, ENTRY_KEY) ? &now->key : NULL,
	};
	struct record_key account;
	struct entry above;
	int r = state_find(state, was->parent, &rows, &above);

	if (r != 0 || !is_good(&above, ENTRY_ACCOUNT))
		return r == ENS_E_NOTFOUND ? 0 : r;
	account = state_subject_of(&above);
	if (key.now != NULL &&
	    (memcmp(key.was->fingerprint, key.now->fingerprint, SHA256_LEN) !=
	            0 ||
	        has_moved(state, was)))
		key.now = NULL;
	return limit_key(state, &account, &key);
}

/* now NULL: it is gone. Both are none of the kept ones. */
static int
limit(struct state *state, const struct state_copy *was,
    const struct entry *now)
{
	const struct entry *old = was == NULL || was->entry.refused
	    ? NULL
	    : &was->entry;
	struct record_key subject;
	bool gone;

	if (is_good(old, ENTRY_KEY))
		return limit_by_key(state, was, now);
	if (old == NULL && (now == NULL || now->refused))
		return 0;
	subject = state_subject_of(old != NULL ? old : now);
	if (subject.len == 0)
		return 0;
	gone = old != NULL &&
	    (!is_good(now, old->kind) || !is_of_subject(now, &subject));
	if (gone)
		return drop_last_copies(state, &subject);
	if (old != NULL && old->kind == ENTRY_NODE && has_moved(state, was))
		return drop_copies(state, &subject);
	if (now->kind == ENTRY_ACCOUNT)
		return old == NULL ? 0
		                   : limit_account(state, &subject, old, now);
	return lessen_copies(state, &subject, old, now);
}

int
state_move_beside_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(state_copy_free) struct state_copy was = { 0 };
	struct record_key subject;
	int r = 0;

	/* A kept one is about to be filed where it goes. */
	if (state_kept_count(state) == 0 || state_is_kept(state, uuid))
		return 0;
	r = state_copy_load(state, uuid, &was);
	if (r != 0 || was.entry.refused || is_same(was.parent, state_no_uuid))
		return r;
	if (was.entry.kind == ENTRY_KEY)
		return limit_by_key(state, &was, NULL);
	subject = state_subject_of(&was.entry);
	return drop_copies(state, &subject);
}

/* A refresh mostly confirms. */
static bool
is_as_before(struct state *state, const struct state_copy *was)
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
	AUTO(state_copy_free) struct state_copy was = { 0 };
	bool there;
	int r = 0;

	if (state_is_kept(state, entry->uuid))
		r = state_change_kept(state, entry->uuid, false);
	if (r == 0)
		r = state_copy_load(state, entry->uuid, &was);
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
	AUTO(state_copy_free) struct state_copy was = { 0 };
	int r;

	if (state_is_kept(state, uuid))
		return drop(state, uuid);
	r = state_copy_load(state, uuid, &was);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	r = state_remove(state, was.entry.uuid);
	return r == 0 ? limit(state, &was, NULL) : r;
}
