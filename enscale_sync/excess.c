/* What is over a limit, on its way to the state. See excess.h. */
#include <config.h>

#include "enscale_sync/excess.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/log.h"

/* Logged with a line of their own in one publication. */
#define EXCESS_LINES 100

struct excess_row {
	struct record_key subject;
	uint64_t left_out; /* 0: it is within its limits again */
	char *name, *text; /* owned */
};

void
excess_free(struct excess *excess)
{
	for (size_t i = 0; i < excess->count; i++) {
		free(excess->rows[i].name);
		free(excess->rows[i].text);
	}
	free(excess->rows);
	*excess = (struct excess){ 0 };
}

/* Takes the row over. */
static int
add_row(struct excess *excess, struct excess_row row)
{
	size_t room = excess->room == 0 ? 16 : excess->room * 2;
	struct excess_row *rows = excess->rows;

	if (row.name == NULL || row.text == NULL)
		rows = NULL;
	else if (excess->count == excess->room)
		rows = realloc(rows, room * sizeof(*rows));
	if (rows == NULL) {
		free(row.name);
		free(row.text);
		return -ENOMEM;
	}
	if (excess->count == excess->room)
		excess->room = room;
	excess->rows = rows;
	rows[excess->count++] = row;
	return 0;
}

/* Does the state say the same? 0, ENS_E_NOTFOUND, or another error. */
static int
compare(struct state *state, const struct record_key *subject,
    uint64_t left_out, const char *name, const char *text)
{
	struct state_excess known;
	int r = state_find_excess(state, subject, &known);

	if (r != 0)
		return r == ENS_E_NOTFOUND && left_out == 0 ? 0 : r;
	return left_out == known.left_out && strcmp(name, known.name) == 0 &&
	        strcmp(text, known.text) == 0
	    ? 0
	    : ENS_E_NOTFOUND;
}

int
excess_note(struct excess *excess, struct state *state,
    const struct record_key *subject, const struct derive_excess *found)
{
	int r = 0;

	if (!excess->all)
		r = compare(state, subject, found->left_out, found->name,
		    found->text);
	else if (found->left_out > 0)
		r = ENS_E_NOTFOUND;
	if (r != ENS_E_NOTFOUND)
		return r;
	return add_row(excess,
	    (struct excess_row){ *subject, found->left_out, strdup(found->name),
	        strdup(found->text) });
}

/* Logs what changes, before it does. */
static int
say(const struct excess *excess, struct state *state)
{
	struct state_excess known;
	size_t lines = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < excess->count; i++) {
		const struct excess_row *row = &excess->rows[i];

		r = compare(state, &row->subject, row->left_out, row->name,
		    row->text);
		if (r != ENS_E_NOTFOUND)
			continue;
		r = 0;
		if (++lines > EXCESS_LINES)
			continue;
		if (row->left_out > 0)
			log_warning("over a limit: \"%s\": %s", row->name,
			    row->text);
		else if (state_find_excess(state, &row->subject, &known) == 0)
			log_notice("within its limits again: \"%s\"",
			    known.name);
	}
	if (lines > EXCESS_LINES)
		log_warning("%zu more are over a limit, or were",
		    lines - EXCESS_LINES);
	return r;
}

static int
put_row(struct state *state, const struct excess_row *row)
{
	const struct state_excess excess = { row->left_out, row->name,
		row->text };

	return row->left_out > 0
	    ? state_put_excess(state, &row->subject, &excess)
	    : state_drop_excess(state, &row->subject);
}

int
excess_keep(const struct excess *excess, struct state *state)
{
	int r;

	if (excess->count == 0 && !excess->all)
		return 0;
	r = state_begin_write(state);
	if (r != 0)
		return r;
	r = say(excess, state);
	if (r == 0 && excess->all)
		r = state_clear_excess(state);
	for (size_t i = 0; r == 0 && i < excess->count; i++)
		r = put_row(state, &excess->rows[i]);
	if (r == 0 && state_has_written(state))
		return state_commit(state);
	state_end(state);
	return r;
}
