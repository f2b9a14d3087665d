/*
 * How much a refresh would take away. More than a tenth of a kind, and more
 * than a hundred, is nothing that a directory does every day: an access list
 * that suddenly hides, a schema that was lost, a database that was emptied.
 * Such a refresh is held, and waits for an administrator. What is refused now
 * and was not before counts as taken away.
 */
#ifndef ENSCALE_SYNC_SHRINK_H
#define ENSCALE_SYNC_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/state.h"

#define SHRINK_LEAST    100 /* so many may go in any case, of each kind */
#define SHRINK_PART     10  /* and one of so many */
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
	uint64_t account_keys; /* values on accounts that were looked at */
	uint64_t copies[SHRINK_KINDS]; /* of what is lost, here besides */
};

/* Adds what is lost when theirs (NULL: nothing) takes the place of ours. Is
 * anything? */
bool shrink_add(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs);
/* Ours is here a second time, as is a tree that was loaded anew: all that there
 * is counts once. */
void shrink_add_copy(struct shrink *shrink, const struct entry *ours);
/* Adds another one. */
void shrink_merge(struct shrink *shrink, const struct shrink *other);
/* All kinds together. */
uint64_t shrink_total(const struct shrink *shrink);
/* Too much of any kind? ret_text then names it: "300 of 1000 accounts". */
bool shrink_is_too_much(const struct shrink *shrink, struct state *state,
    char ret_text[SHRINK_TEXT_MAX]);
/* The same where only numbers are known, of before and now. */
bool shrink_is_much_less(const uint64_t had[SHRINK_KINDS],
    const uint64_t has[SHRINK_KINDS], char ret_text[SHRINK_TEXT_MAX]);

#endif
