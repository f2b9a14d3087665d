/* The state: listing what must be published because of a change. */
#include <config.h>

#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* How many rows are looked at before the calls that they lead to. */
#define UUIDS_AT_ONCE 256

static bool
is_set(const uint8_t uuid[ENTRY_UUID_LEN])
{
	return memcmp(uuid, state_no_uuid, ENTRY_UUID_LEN) != 0;
}

int
state_list_subject(struct state *state, const struct record_key *subject)
{
	struct state_key value = { .len = 0 };

	if (!state->info.complete || subject->len == 0)
		return 0;
	state->changed = true;
	state_key_add_u64(&value, state->info.generation + 1);
	return state_store(state, T_CHANGED,
	    (struct bytes){ subject->data, subject->len },
	    state_key_bytes(&value));
}

static int
list_account(struct state *state, uint32_t account)
{
	struct record_key subject = record_key_id(RECORD_ACCOUNT, account);

	return state_list_subject(state, &subject);
}

/* Whatever hangs on which of the entries with this node id counts. */
static int
list_node_candidate(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	struct record_key subject;
	int r = state_find(state, uuid, &rows, &entry);

	if (r != 0)
		return r;
	for (uint32_t i = 0; r == 0 && i < entry.node.host_key_count; i++) {
		subject = record_key_host(entry.node.host_keys[i].fingerprint);
		r = state_list_subject(state, &subject);
	}
	if (r == 0)
		r = state_find_parent(state, uuid, &rows, &entry);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	subject = state_subject_of(&entry);
	return state_list_subject(state, &subject);
}

/* Calls with each UUID that the rows under a prefix end with; rows may be
 * written meanwhile, but none of this prefix. */
static int
for_each_uuid(struct state *state, enum state_table table, struct bytes prefix,
    int (*call)(struct state *, const uint8_t uuid[ENTRY_UUID_LEN]))
{
	uint8_t uuids[UUIDS_AT_ONCE][ENTRY_UUID_LEN];
	uint64_t done = 0, skip;
	uint32_t count;
	int r;

	do {
		struct state_walk walk = { 0 };

		count = 0;
		skip = done;
		do {
			r = state_walk_next(state, table, prefix, &walk);
			if (r == 0 && skip > 0)
				skip--;
			else if (r == 0)
				memcpy(uuids[count++],
				    state_last_uuid(walk.key), ENTRY_UUID_LEN);
		} while (r == 0 && count < UUIDS_AT_ONCE);
		state_walk_end(&walk);
		if (r == ENS_E_NOTFOUND)
			r = 0;
		for (uint32_t i = 0; r == 0 && i < count; i++)
			r = call(state, uuids[i]);
		done += count;
	} while (r == 0 && count == UUIDS_AT_ONCE);
	return r;
}

int
state_list_entry(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct record_key subject;
	struct entry entry;
	int r = state_find(state, uuid, &rows, &entry);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	subject = state_subject_of(&entry);
	return entry.refused ? 0 : state_list_subject(state, &subject);
}

/* The accounts that have the name: of a DN one at most. */
static int
list_named(struct state *state, const struct ldap_dn_hash *name)
{
	struct bytes row = { name->bytes, LDAP_DN_HASH_LEN }, holder;
	uint8_t uuid[ENTRY_UUID_LEN];
	int r = state_get(state, T_NAMES, row, &holder);

	if (r == ENS_E_NOTFOUND)
		return for_each_uuid(state, T_ALIASES, row, state_list_entry);
	if (r == 0 && holder.len != STATE_NAME_LEN)
		r = state_distrust(state);
	if (r != 0 || holder.data[ENTRY_UUID_LEN] != ENTRY_ACCOUNT)
		return r;
	memcpy(uuid, holder.data, sizeof(uuid)); /* it moves */
	return state_list_entry(state, uuid);
}

int
state_list_members(struct state *state, const struct entry *environment,
    const struct entry *other)
{
	const struct entry_member *row = environment->environment.members;
	const struct entry_member *end = row +
	    environment->environment.member_count;
	const struct entry_member *same = NULL;
	uint32_t at = 0;
	int r = 0;

	if (!state->info.complete)
		return 0;
	for (; r == 0 && row < end; row++) {
		if (other != NULL)
			same = entry_find_member(other, row, &at);
		if (same != NULL && same->role == row->role)
			continue;
		r = row->account != 0 ? list_account(state, row->account)
		                      : list_named(state, &row->name);
	}
	return r;
}

/* Whoever has the name, and whoever lists it. */
static int
list_name(struct state *state, const struct ldap_dn_hash *name)
{
	struct state_key naming = state_member_prefix(0, name);
	int r = list_named(state, name);

	return r == 0 ? for_each_uuid(state, T_MEMBERS,
	                    state_key_bytes(&naming), state_list_entry)
	              : r;
}

static int
list_names(struct state *state, const struct entry *account)
{
	struct ldap_dn_hash own;
	int r = ldap_dn_hash(account->dn, &own, NULL);

	if (r == 0)
		r = list_name(state, &own);
	for (uint32_t i = 0; r == 0 && i < account->account.name_count; i++)
		r = list_name(state, &account->account.names[i]);
	return r == ENS_E_SYNTAX ? 0 : r;
}

static int
list_account_candidate(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	int r = state_copy_load(state, uuid, &copy);

	return r == 0 ? list_names(state, &copy.entry) : r;
}

int
state_list_account(struct state *state, const struct entry *account,
    bool others)
{
	struct record_key subject = state_subject_of(account);
	struct state_key prefix = state_ids_prefix(&subject);
	int r = account->refused ? 0 : state_list_subject(state, &subject);

	if (r != 0 || !others || !state->info.complete ||
	    !state_has_names(state))
		return r;
	r = list_names(state, account);
	return r == 0 && !account->refused
	    ? for_each_uuid(state, T_IDS, state_key_bytes(&prefix),
	          list_account_candidate)
	    : r;
}

int
state_list_node(struct state *state, uint32_t node)
{
	struct record_key subject = record_key_id(RECORD_NODE, node);
	struct state_key prefix = state_ids_prefix(&subject);
	int r;

	if (!state->info.complete)
		return 0;
	r = state_list_subject(state, &subject);
	if (r == 0)
		r = for_each_uuid(state, T_IDS, state_key_bytes(&prefix),
		    list_node_candidate);
	return r;
}

static int
list_child_node(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	int r = state_find(state, uuid, &rows, &entry);

	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (entry.kind != ENTRY_NODE || entry.refused)
		return 0;
	return state_list_node(state, entry.id);
}

static int
list_environment_candidate(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry entry;
	int r = state_find(state, uuid, &rows, &entry);

	if (r == 0)
		r = state_list_members(state, &entry, NULL);
	if (r == 0)
		r = for_each_uuid(state, T_CHILDREN, state_uuid_bytes(uuid),
		    list_child_node);
	return r;
}

int
state_list_environment(struct state *state, const struct record_key *subject)
{
	struct state_key prefix = state_ids_prefix(subject);
	int r;

	if (!state->info.complete)
		return 0;
	r = state_list_subject(state, subject);
	if (r == 0)
		r = for_each_uuid(state, T_IDS, state_key_bytes(&prefix),
		    list_environment_candidate);
	return r;
}

int
state_list_child(struct state *state, const struct entry *entry,
    const uint8_t parent[ENTRY_UUID_LEN])
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry above;
	int r;

	if (!state->info.complete || entry->refused)
		return 0;
	if (entry->kind == ENTRY_NODE)
		return state_list_node(state, entry->id);
	if (!is_set(parent))
		return 0;
	r = state_find(state, parent, &rows, &above);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	if (above.kind != ENTRY_ACCOUNT || above.refused)
		return 0;
	return list_account(state, above.id);
}
