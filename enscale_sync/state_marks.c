/*
 * The state: what a refresh has named, and sweeping the rest. Marks are not in
 * the state's file: they would be as many random rows as there are entries,
 * written and removed again by every full refresh.
 */
#include <config.h>

#include <string.h>

#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

/* Entries swept from one look at the marks to the next. */
#define SWEPT_AT_ONCE 256

void
state_clear_marks(struct state *state)
{
	uuid_list_free(state->marks);
	state->marks = NULL;
}

int
state_mark(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN])
{
	int r = 0;

	if (state->marks == NULL)
		r = uuid_list_new(state->lock_fd, &state->marks);
	return r == 0 ? uuid_list_add(state->marks, uuid) : r;
}

/* What is to go, of the entries behind a UUID: a few at a time, because no
 * cursor outlives a deletion. */
struct sweep {
	bool (*may_go)(const struct entry *entry, void *arg);
	void *arg;
	uint8_t from[ENTRY_UUID_LEN];
	uint8_t doomed[SWEPT_AT_ONCE][ENTRY_UUID_LEN];
	uint32_t count;
	struct entry_rows rows;
};

static int
judge_unmarked(struct state *state, struct sweep *sweep)
{
	struct entry entry;
	bool marked = false;
	int r = 0;

	if (state->marks != NULL)
		r = uuid_list_has(state->marks, sweep->from, &marked);
	if (r != 0 || marked)
		return r;
	r = state_find(state, sweep->from, &sweep->rows, &entry);
	if (r == 0 && sweep->may_go(&entry, sweep->arg))
		memcpy(sweep->doomed[sweep->count++], sweep->from,
		    ENTRY_UUID_LEN);
	return r;
}

/* Fills doomed; ENS_E_NOTFOUND when there are no entries any more. */
static int
gather(struct state *state, struct sweep *sweep)
{
	int r = 0;

	sweep->count = 0;
	while (r == 0 && sweep->count < SWEPT_AT_ONCE) {
		r = state_next_uuid(state, sweep->from);
		if (r == 0)
			r = judge_unmarked(state, sweep);
	}
	return r;
}

int
state_sweep(struct state *state,
    bool (*may_go)(const struct entry *entry, void *arg), void *arg,
    uint64_t *ret_deleted)
{
	struct sweep sweep = { .may_go = may_go, .arg = arg };
	uint64_t deleted = 0;
	int end = 0;
	int r = state->marks == NULL ? 0 : uuid_list_rewind(state->marks);

	while (r == 0 && end == 0) {
		end = gather(state, &sweep);
		r = end == ENS_E_NOTFOUND ? 0 : end;
		for (uint32_t i = 0; r == 0 && i < sweep.count; i++) {
			r = state_delete(state, sweep.doomed[i]);
			deleted++;
		}
	}
	entry_rows_free(&sweep.rows);
	if (r == 0)
		*ret_deleted = deleted;
	return r;
}
