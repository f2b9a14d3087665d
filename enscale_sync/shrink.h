/*
 * How much a refresh would take away. More than a tenth of a kind, and more
 * than a hundred, does not happen every day: an access list suddenly hides
 * entries, a schema was lost, a database was emptied. Such a refresh is held
 * back, and waits for an administrator. What is refused now and was not before
 * counts as taken away.
 *
 * Losing a limit (rights.h) means gaining rights. That happens to a few every
 * day; but if none of a kind has it any longer, the attribute was hidden, or
 * lost when the tree was loaded: that is assumed when ten had it, or when all
 * of that kind were rewritten at once.
 */
#ifndef ENSCALE_SYNC_SHRINK_H
#define ENSCALE_SYNC_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/rights.h"
#include "enscale_sync/state.h"

#define SHRINK_LEAST    100 /* as many of each kind may always go */
#define SHRINK_PART     10  /* and one of so many */
#define SHRINK_LIMIT    10  /* as many limits of a kind are never all lost */
#define SHRINK_TEXT_MAX 256

enum shrink_kind {
	SHRINK_ACCOUNTS,
	SHRINK_KEYS,
	SHRINK_ENVIRONMENTS,
	SHRINK_NODES,
	SHRINK_ACCESS, /* an account that may enter an environment */
	SHRINK_KINDS,
};

struct shrink {
	uint64_t lost[SHRINK_KINDS];
	uint64_t account_keys; /* values on accounts that were read */
	/* Our limits: gone with the entry, gone from it, and gone from the one
	 * that now has its number. */
	uint64_t gone[RIGHTS_LIMITS], lifted[RIGHTS_LIMITS];
	uint64_t replaced[RIGHTS_LIMITS];
	uint64_t rewritten[ENTRY_KINDS + 1]; /* in another version than ours */
	uint64_t copies[SHRINK_KINDS]; /* of what is lost, but here elsewhere */
};

/* Adds what is lost when theirs (NULL: nothing) replaces ours. Returns whether
 * anything is. */
bool shrink_add(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs);
/* Adds the environments that an account may no longer enter because it lost the
 * names by which they list it. 0, or an error of the state. */
int shrink_add_names(struct shrink *shrink, struct state *state,
    const struct entry *ours, const struct entry *theirs, bool *ret_lost);
/* For an entry whose UUID is new: does it replace another one with its
 * number? 0, or an error of the state. */
int shrink_add_new(struct shrink *shrink, struct state *state,
    const struct entry *theirs, bool *ret_lost);
/* Ours, which was kept so far (state_kept.c), goes: then the directory's own
 * copy has its number. 0, or an error of the state. */
int shrink_add_kept(struct shrink *shrink, struct state *state,
    const struct entry *ours);
/* Ours is here a second time, as when a tree was reloaded: everything counts
 * once. */
void shrink_add_copy(struct shrink *shrink, const struct entry *ours);
/* Adds another one. */
void shrink_merge(struct shrink *shrink, const struct shrink *other);
/* All kinds together. */
uint64_t shrink_total(const struct shrink *shrink);
/* Is it too much of any kind? Then ret_text names it: "300 of 1000 accounts",
 * "the suspension of all 20 accounts that have one". */
bool shrink_is_too_much(const struct shrink *shrink, struct state *state,
    char ret_text[SHRINK_TEXT_MAX]);
/* The same if only the numbers, before and now, are known. */
bool shrink_is_much_less(const uint64_t had[SHRINK_KINDS],
    const uint64_t has[SHRINK_KINDS], char ret_text[SHRINK_TEXT_MAX]);

#endif
