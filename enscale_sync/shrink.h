/*
 * How much a refresh would take away. More than a tenth of a kind, and more
 * than a hundred, is nothing that a directory does every day: an access list
 * that suddenly hides, a schema that was lost, a database that was emptied.
 * Such a refresh is held, and waits for an administrator. What is refused now
 * and was not before counts as taken away.
 *
 * To lose a limit (rights.h) is to gain rights. That of a few is lifted every
 * day; that none of a kind has it any more is an attribute that was hidden, or
 * lost when the tree was loaded: when ten had it, or when all of that kind
 * were written anew at once.
 */
#ifndef ENSCALE_SYNC_SHRINK_H
#define ENSCALE_SYNC_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/rights.h"
#include "enscale_sync/state.h"

#define SHRINK_LEAST    100 /* so many may go in any case, of each kind */
#define SHRINK_PART     10  /* and one of so many */
#define SHRINK_LIMIT    10  /* limits of a kind that are lost as a whole */
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
	/* Limits that ours have: gone with the entry, gone from it, and gone
	 * from the one that has its number now. */
	uint64_t gone[RIGHTS_LIMITS], lifted[RIGHTS_LIMITS];
	uint64_t replaced[RIGHTS_LIMITS];
	uint64_t rewritten[ENTRY_KINDS + 1]; /* in another version than ours */
	uint64_t copies[SHRINK_KINDS];       /* of what is lost, here besides */
};

/* Adds what is lost when theirs (NULL: nothing) takes the place of ours. Is
 * anything? */
bool shrink_add(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs);
/* The same for one whose UUID is not ours: does it take the place of another
 * one with its number? 0, or an error of the state. */
int shrink_add_new(struct shrink *shrink, struct state *state,
    const struct entry *theirs, bool *ret_lost);
/* Ours goes, which is kept so far (state_kept.c): its number is that of the
 * directory's own copy then. 0, or an error of the state. */
int shrink_add_kept(struct shrink *shrink, struct state *state,
    const struct entry *ours);
/* Ours is here a second time, as is a tree that was loaded anew: all that there
 * is counts once. */
void shrink_add_copy(struct shrink *shrink, const struct entry *ours);
/* Adds another one. */
void shrink_merge(struct shrink *shrink, const struct shrink *other);
/* All kinds together. */
uint64_t shrink_total(const struct shrink *shrink);
/* Too much of any kind? ret_text then names it: "300 of 1000 accounts", "the
 * suspension of all 20 accounts that have one". */
bool shrink_is_too_much(const struct shrink *shrink, struct state *state,
    char ret_text[SHRINK_TEXT_MAX]);
/* The same where only numbers are known, of before and now. */
bool shrink_is_much_less(const uint64_t had[SHRINK_KINDS],
    const uint64_t has[SHRINK_KINDS], char ret_text[SHRINK_TEXT_MAX]);

#endif
