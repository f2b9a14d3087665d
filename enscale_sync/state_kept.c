/*
 * The state: entries that the directory no longer has. A refresh that would
 * take away too much is held back (shrink.h), and what it would have taken away
 * is kept until a refresh names it again, or takes it away after all.
 *
 * A reloaded tree is meanwhile here twice: its entries have other UUIDs. Then
 * the kept copy counts, and grants no more than the other one: whenever a
 * record is derived it grants only what both grant (state_find_limit(),
 * rights_lessen()), and what is taken away from the other copy one by one is
 * also taken away from it (state_lessen.c). What the other copy grants beyond
 * it waits.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

static const struct bytes nothing = { (const uint8_t *)"", 0 };

static bool
is_same(const uint8_t a[ENTRY_UUID_LEN], const uint8_t b[ENTRY_UUID_LEN])
{
	return memcmp(a, b, ENTRY_UUID_LEN) == 0;
}

/* ---- entries and lists that outlive writing ---------------------------- */

void
state_copy_free(struct state_copy *copy)
{
	wire_write_free(&copy->bytes);
	entry_rows_free(&copy->rows);
}

int
state_copy_load(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct state_copy *ret_copy)
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

void
state_uuids_free(struct state_uuids *uuids)
{
	free(uuids->rows);
}

static int
add_uuid(struct state_uuids *uuids, const uint8_t uuid[ENTRY_UUID_LEN])
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

int
state_gather(struct state *state, enum state_table table, struct bytes prefix,
    struct state_uuids *uuids)
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

int
state_gather_copies(struct state *state, const struct record_key *subject,
    struct state_uuids *uuids)
{
	struct state_key prefix = state_ids_prefix(subject);

	return state_gather(state, T_IDS, state_key_bytes(&prefix), uuids);
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

int
state_change_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    bool keep)
{
	AUTO(state_copy_free) struct state_copy copy = { 0 };
	struct record_key subject = { .len = 0 };
	uint8_t before[ENTRY_UUID_LEN];
	int r = state_copy_load(state, uuid, &copy);

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
	return state_change_kept(state, own, true);
}

int
state_release_marked(struct state *state)
{
	AUTO(state_uuids_free) struct state_uuids kept = { 0 };
	bool marked;
	int r = 0;

	if (state_kept_count(state) == 0 || state->marks == NULL)
		return 0;
	r = state_gather(state, T_KEPT, (struct bytes){ NULL, 0 }, &kept);
	if (r == 0)
		r = uuid_list_rewind(state->marks);
	for (uint32_t i = 0; r == 0 && i < kept.count; i++) {
		r = uuid_list_has(state->marks, kept.rows[i], &marked);
		if (r == 0 && marked)
			r = state_change_kept(state, kept.rows[i], false);
	}
	return r;
}

int
state_find_limit(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry)
{
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	bool kept = false;
	uint32_t other = 0;
	int r;

	if (state_kept_count(state) == 0)
		return ENS_E_NOTFOUND;
	r = state_gather_copies(state, subject, &copies);
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
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
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
	return above.kind == ENTRY_ACCOUNT && !above.refused ? 0
	                                                     : ENS_E_NOTFOUND;
}

int
state_has_copy(struct state *state, const struct entry *entry, bool *ret_has)
{
	AUTO(state_uuids_free) struct state_uuids copies = { 0 };
	struct record_key subject;
	uint8_t uuid[ENTRY_UUID_LEN];
	bool has = false;
	int r = entry->refused ? ENS_E_NOTFOUND
	                       : find_whole(state, entry, &subject, uuid);

	if (r == 0)
		r = state_gather_copies(state, &subject, &copies);
	for (uint32_t i = 0; r == 0 && i < copies.count; i++)
		has |= !is_same(copies.rows[i], uuid);
	if (r == 0 || r == ENS_E_NOTFOUND)
		*ret_has = has;
	return r == ENS_E_NOTFOUND ? 0 : r;
}
