/*
 * How often an account's keys may be changed: KEY_CHANGES_MAX times in the
 * KEY_CHANGES_SECONDS after the first of these changes. Kept in memory, for this
 * gateway alone.
 */
#ifndef ENSCALE_KEYD_KEY_RATE_H
#define ENSCALE_KEYD_KEY_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"

struct key_rate_row {
	uint32_t account;
	uint32_t count;
	int64_t since; /* seconds, of a clock that never goes back */
};

/* All zeros is an empty one. */
struct key_rate {
	struct key_rate_row *rows; /* owned */
	size_t count, size;
};

/* Counts one change; false when it is one too many, or without memory. Windows
 * that have passed are forgotten. */
bool key_rate_take(struct key_rate *rate, uint32_t account, int64_t now);
void key_rate_clear(struct key_rate *rate);

#endif
