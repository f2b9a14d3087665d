/* Counting changes. The table is as long as there are accounts that changed
 * something within a window: it is walked, not searched. */
#include <config.h>

#include "enscale_keyd/key_rate.h"

#include <stdlib.h>

#define ROWS_FIRST 64

static void
forget(struct key_rate *rate, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < rate->count; i++) {
		if (now - rate->rows[i].since < KEY_CHANGES_SECONDS)
			rate->rows[kept++] = rate->rows[i];
	}
	rate->count = kept;
}

static struct key_rate_row *
add(struct key_rate *rate, uint32_t account, int64_t now)
{
	struct key_rate_row *rows;
	size_t size;

	if (rate->count == rate->size) {
		size = rate->size > 0 ? 2 * rate->size : ROWS_FIRST;
		rows = reallocarray(rate->rows, size, sizeof(*rows));
		if (rows == NULL)
			return NULL;
		rate->rows = rows;
		rate->size = size;
	}
	rows = &rate->rows[rate->count++];
	*rows = (struct key_rate_row){ .account = account, .since = now };
	return rows;
}

bool
key_rate_take(struct key_rate *rate, uint32_t account, int64_t now)
{
	struct key_rate_row *row = NULL;

	forget(rate, now);
	for (size_t i = 0; i < rate->count && row == NULL; i++) {
		if (rate->rows[i].account == account)
			row = &rate->rows[i];
	}
	if (row == NULL)
		row = add(rate, account, now);
	if (row == NULL || row->count >= KEY_CHANGES_MAX)
		return false;
	row->count++;
	return true;
}

void
key_rate_clear(struct key_rate *rate)
{
	free(rate->rows);
	*rate = (struct key_rate){ 0 };
}
