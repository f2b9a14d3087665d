/*
 * The state: entries that wait for the end of a refresh. What they would take
 * away may then be too much, and is held back; but a suspension, an earlier
 * expiry, a lower role or another such limit that comes with it is a change of
 * one entry, and counts at once: ours then grants only what both grant. Its
 * version stays, so that the rest is judged again with the next refresh.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

int
state_stash(struct state *state, const struct entry *entry)
{
	entry_encode(state_fresh_entry(state), entry);
	if (state->entry.error != 0)
		return state->entry.error;
	return state_store(state, T_STASH, state_uuid_bytes(entry->uuid),
	    (struct bytes){ state->entry.data, state->entry.len });
}

int
state_unstash(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	return state_rows(state, T_STASH) == 0
	    ? 0
	    : state_drop(state, T_STASH, state_uuid_bytes(uuid));
}

int
state_clear_stash(struct state *state)
{
	return state_empty(state, T_STASH);
}

int
state_each_stashed(struct state *state, state_visit_entry *visit, void *arg)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct state_walk walk = { 0 };
	struct entry entry;
	int r;

	do {
		r = state_walk_next(state, T_STASH, (struct bytes){ NULL, 0 },
		    &walk);
		if (r == 0)
			r = state_decode(state, walk.value,
			    state_last_uuid(walk.key), &rows, &entry);
		if (r == 0)
			r = visit(&entry, arg);
	} while (r == 0);
	state_walk_end(&walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/* Takes the first one out. ENS_E_NOTFOUND when there is none. */
static int
take_first(struct state *state, struct wire_writer *copy,
    struct entry_rows *rows, struct entry *ret_entry)
{
	struct state_key key;
	struct bytes value;
	int r = state_seek(state, T_STASH, (struct bytes){ state_no_uuid, 1 },
	    &key);

	if (r == 0)
		r = state_get(state, T_STASH, state_key_bytes(&key), &value);
	if (r != 0)
		return r;
	wire_write_bytes(copy, value.data, value.len);
	if (copy->error != 0)
		return copy->error;
	if (key.len != ENTRY_UUID_LEN)
		return state_distrust(state);
	r = state_decode(state, (struct bytes){ copy->data, copy->len },
	    key.data, rows, ret_entry);
	return r == 0 ? state_drop(state, T_STASH, state_key_bytes(&key)) : r;
}

/* An account that gets another DN stays known by the one that it had, until
 * nothing is held: environments may list it by that. */
static int
keep_name(struct state_copy *copy, const char *dn)
{
	struct entry *account = &copy->entry;
	struct ldap_dn_hash own, *names = copy->rows.names;
	uint32_t count = account->account.name_count, at = 0;
	int r;

	if (account->kind != ENTRY_ACCOUNT || account->refused ||
	    strcmp(account->dn, dn) == 0 || count == ACCOUNT_NAMES_MAX)
		return 0;
	r = ldap_dn_hash(account->dn, &own, NULL);
	if (r != 0)
		return r == ENS_E_SYNTAX ? 0 : r;
	while (at < count && memcmp(&names[at], &own, sizeof(own)) < 0)
		at++;
	if (at < count && memcmp(&names[at], &own, sizeof(own)) == 0)
		return 0;
	names = reallocarray(names, count + 1, sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	memmove(names + at + 1, names + at, (count - at) * sizeof(*names));
	names[at] = own;
	copy->rows.names = names;
	copy->rows.name_room = count + 1;
	account->account.names = names;
	account->account.name_count = count + 1;
	return 0;
}

/* name: the one it has from now on; NULL: as before. */
static int
lessen(struct state *state, const struct entry *theirs, const char *name,
    bool adopt)
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	int r = state_copy_load(state, theirs->uuid, &copy);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (!rights_lessen(&copy.entry, &copy.rows, theirs)) {
		copy.entry.refused = true;
		copy.entry.reason =
		    "sshPublicKey: neither its from= list nor the one that is held back is contained in the other";
	}
	if (name != NULL && state_has_names(state))
		r = keep_name(&copy, name);
	if (r != 0)
		return r;
	if (name != NULL)
		copy.entry.dn = name;
	return state_put(state, &copy.entry, adopt);
}

int
state_lessen(struct state *state, const struct entry *theirs, bool adopt)
{
	return lessen(state, theirs, NULL, adopt);
}

/* Is it not here yet, and what has its number or name is kept? */
static bool
is_beside_kept(struct state *state, const struct entry *entry)
{
	struct record_key subject = state_subject_of(entry);
	uint8_t winner[ENTRY_UUID_LEN];
	struct bytes row;

	return !entry->refused && subject.len > 0 &&
	    state_get(state, T_ENTRIES, state_uuid_bytes(entry->uuid), &row) ==
	    ENS_E_NOTFOUND &&
	    state_winner(state, &subject, winner) == 0 &&
	    state_is_kept(state, winner);
}

/* A refresh that is held takes nothing else away. The name of one that is here
 * is where its children look for it, and tells on what it hangs. */
static int
apply_held(struct state *state, const struct entry *entry)
{
	return is_beside_kept(state, entry)
	    ? state_put(state, entry, false)
	    : lessen(state, entry, entry->dn, false);
}

static int
apply(struct state *state, bool all)
{
	AUTO(wire_write_free) struct wire_writer copy;
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	int r;

	wire_write_init_growing(&copy, RECORD_SIZE_MAX);
	do {
		copy.len = 0;
		r = take_first(state, &copy, &rows, &entry);
		if (r == 0)
			r = all ? state_put(state, &entry, false)
			        : apply_held(state, &entry);
	} while (r == 0);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
state_apply_stash(struct state *state)
{
	return apply(state, true);
}

int
state_apply_stash_held(struct state *state)
{
	return apply(state, false);
}
