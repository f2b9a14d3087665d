/* The state: what is over a limit. */
#include <config.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/state_private.h"

static struct bytes
key_of(const struct record_key *subject)
{
	return (struct bytes){ subject->data, subject->len };
}

int
state_put_excess(struct state *state, const struct record_key *subject,
    const struct state_excess *excess)
{
	AUTO(wire_write_free) struct wire_writer out;

	wire_write_init_growing(&out, RECORD_SIZE_MAX);
	wire_write_u64(&out, excess->left_out);
	wire_write_text(&out, excess->name);
	wire_write_text(&out, excess->text);
	if (out.error != 0)
		return out.error;
	return state_store(state, T_EXCESS, key_of(subject),
	    (struct bytes){ out.data, out.len });
}

int
state_drop_excess(struct state *state, const struct record_key *subject)
{
	return state_drop(state, T_EXCESS, key_of(subject));
}

int
state_clear_excess(struct state *state)
{
	return state_empty(state, T_EXCESS);
}

static int
take_apart(struct state *state, struct bytes value,
    struct state_excess *ret_excess)
{
	struct wire_reader in;

	wire_read_init(&in, value.data, value.len);
	ret_excess->left_out = wire_read_u64(&in);
	ret_excess->name = wire_read_text(&in, ENTRY_DN_MAX);
	ret_excess->text = wire_read_text(&in, ENTRY_REASON_MAX);
	return wire_read_end(&in) == 0 ? 0 : state_distrust(state);
}

int
state_find_excess(struct state *state, const struct record_key *subject,
    struct state_excess *ret_excess)
{
	struct bytes value;
	int r;

	/* It is asked of every subject that is derived. */
	if (state_rows(state, T_EXCESS) == 0)
		return ENS_E_NOTFOUND;
	r = state_get(state, T_EXCESS, key_of(subject), &value);
	return r == 0 ? take_apart(state, value, ret_excess) : r;
}

static int
next(struct state *state, struct state_walk *walk,
    struct state_excess *ret_excess)
{
	int r = state_walk_next(state, T_EXCESS, (struct bytes){ NULL, 0 },
	    walk);

	return r == 0 ? take_apart(state, walk->value, ret_excess) : r;
}

int
state_each_excess(struct state *state, state_visit_line *visit, void *arg)
{
	struct state_walk walk = { 0 };
	struct state_excess excess;
	int r;

	do {
		r = next(state, &walk, &excess);
		if (r == 0)
			r = visit(excess.name, excess.text, arg);
	} while (r == 0);
	state_walk_end(&walk);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

uint64_t
state_excess_count(struct state *state)
{
	return state_rows(state, T_EXCESS);
}

uint64_t
state_left_out_count(struct state *state)
{
	struct state_walk walk = { 0 };
	struct state_excess excess;
	uint64_t sum = 0;

	while (next(state, &walk, &excess) == 0)
		sum += excess.left_out;
	state_walk_end(&walk);
	return sum;
}
