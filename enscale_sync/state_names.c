/*
 * The state: whose a name is that an environment lists, and while entries are
 * of different ages, whose it was. See state_freeze_names().
 */
#include <config.h>

#include <string.h>

#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* In a row of T_MEMBERS; 0: nobody's. */
static uint32_t
frozen_account(struct bytes value)
{
	struct wire_reader in;

	if (value.len == 0)
		return 0;
	wire_read_init(&in, value.data, value.len);
	return wire_read_u32(&in);
}

int
state_find_member(struct state *state,
    const uint8_t environment[ENTRY_UUID_LEN], const struct entry_member *row,
    uint32_t *ret_account)
{
	struct state_key key = state_member_prefix(0, &row->name);
	uint32_t account = row->account;
	struct bytes value;
	int r = account != 0 ? 0
	                     : state_find_named(state, &row->name, &account);

	if (r == 0 && row->account == 0 && state->info.frozen) {
		state_key_add(&key, environment, ENTRY_UUID_LEN);
		r = state_get(state, T_MEMBERS, state_key_bytes(&key), &value);
		if (r == 0 && frozen_account(value) != account)
			r = ENS_E_NOTFOUND;
	}
	if (r == 0)
		*ret_account = account;
	return r;
}

static int
find_owner(struct state *state, const struct ldap_dn_hash *name,
    uint32_t *ret_account)
{
	int r = state_find_named(state, name, ret_account);

	if (r == ENS_E_NOTFOUND)
		*ret_account = 0;
	return r == ENS_E_NOTFOUND ? 0 : r;
}

static int
count_rows(struct state *state, const struct ldap_dn_hash *name,
    uint32_t account, uint64_t *count)
{
	struct state_key prefix = state_member_prefix(0, name);
	struct state_walk walk = { 0 };
	int r;

	while ((r = state_walk_next(state, T_MEMBERS, state_key_bytes(&prefix),
	            &walk)) == 0)
		*count += !state->info.frozen ||
		    frozen_account(walk.value) == account;
	state_walk_end(&walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

int
state_count_named(struct state *state, const struct ldap_dn_hash *name,
    uint32_t account, uint64_t *ret_count)
{
	uint64_t count = 0;
	uint32_t owner = 0;
	int r = find_owner(state, name, &owner);

	if (r == 0 && owner == account)
		r = count_rows(state, name, account, &count);
	if (r == 0)
		*ret_count = count;
	return r;
}

/* A row by name, and whose the name is now. */
typedef int visit_row(struct state *state, const struct state_key *row,
    uint32_t account);

static int
freeze_row(struct state *state, const struct state_key *row, uint32_t account)
{
	struct state_key value = { .len = 0 };
	struct bytes old;
	int r = state_get(state, T_MEMBERS, state_key_bytes(row), &old);

	if (r != 0 || frozen_account(old) == account)
		return r;
	state_key_add_u32(&value, account);
	return state_store(state, T_MEMBERS, state_key_bytes(row),
	    state_key_bytes(&value));
}

/* Lists whom it lets in from now on, and where. */
static int
thaw_row(struct state *state, const struct state_key *row, uint32_t account)
{
	struct record_key subject = record_key_id(RECORD_ACCOUNT, account);
	struct bytes old;
	int r = state_get(state, T_MEMBERS, state_key_bytes(row), &old);

	if (r != 0 || frozen_account(old) == account)
		return r;
	r = state_list_entry(state, state_last_uuid(state_key_bytes(row)));
	return r == 0 && account != 0 ? state_list_subject(state, &subject) : r;
}

static int
each_row_by_name(struct state *state, visit_row *visit)
{
	struct ldap_dn_hash name = { { 0 } };
	struct state_key prefix = state_member_prefix(0, &name), row = prefix;
	const size_t begin = prefix.len - LDAP_DN_HASH_LEN;
	uint32_t account = 0;
	bool known = false;
	int r;

	for (;;) {
		r = state_seek(state, T_MEMBERS, state_key_bytes(&row), &row);
		if (r != 0 || memcmp(row.data, prefix.data, begin) != 0)
			return r == ENS_E_NOTFOUND ? 0 : r;
		if (row.len != prefix.len + ENTRY_UUID_LEN)
			return state_distrust(state);
		/* The rows of a name follow each other. */
		if (!known ||
		    memcmp(name.bytes, row.data + begin, sizeof(name)) != 0) {
			memcpy(name.bytes, row.data + begin, sizeof(name));
			r = find_owner(state, &name, &account);
			known = true;
		}
		if (r == 0)
			r = visit(state, &row, account);
		if (r != 0)
			return r;
		/* Right behind it: nothing lies between. */
		state_key_add(&row, "", 1);
	}
}

int
state_freeze_names(struct state *state)
{
	if (state->info.frozen || !state->info.complete)
		return 0;
	state->info.frozen = state->wrote = true;
	return each_row_by_name(state, freeze_row);
}

int
state_thaw_names(struct state *state)
{
	if (!state->info.frozen)
		return 0;
	state->info.frozen = false;
	state->wrote = true;
	return each_row_by_name(state, thaw_row);
}
