/*
 * Do we have what the server has? A cookie does not prove it: a server that was
 * killed can answer "nothing changed" to an older cookie although a delete is
 * in its database and not here. Nor does a version: an access list may hide an
 * attribute without any change. So a list of all entries of the server,
 * complete and in any order, is compared with the state.
 *
 * What the server has and we do not, or have differently, is noticed at once.
 * To find what we have and it does not, the list is not kept: every UUID that
 * is on both sides is added to one of many sums, and then all of ours are
 * subtracted; where a sum is not zero, something of ours was not on the list.
 * So it takes the same memory for a thousand entries and for a hundred million.
 *
 * Changes go on meanwhile, so a difference is only a doubt, which is settled by
 * reading that one entry. Nothing is written here.
 */
#ifndef ENSCALE_SYNC_COMPARISON_H
#define ENSCALE_SYNC_COMPARISON_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/state.h"

/* With more doubts than this, reading single entries is not worth it. */
#define COMPARISON_DOUBTS_MAX 10000

struct comparison;

/*
 * state is borrowed. context: how far the server was before it began its list;
 * entries with a later version arrived since then, and need not be on it.
 */
int comparison_new(struct state *state, const struct csn_set *context,
    struct comparison **ret_comparison);
void comparison_free(struct comparison *comparison);

/* One entry of the list. 0, or an error of the state. */
int comparison_add(struct comparison *comparison, const struct entry *theirs);
/*
 * The list is complete: checks some of our entries; call it again while it
 * returns -EAGAIN. 0 at the end.
 */
int comparison_weigh(struct comparison *comparison);

/* An entry to be read, NULL when no doubt is left; until _settled(). */
const uint8_t *comparison_doubt(const struct comparison *comparison);
void comparison_settled(struct comparison *comparison);
/* There are more doubts than can be kept, or the list would take away too much
 * (shrink.h). */
bool comparison_is_hopeless(const struct comparison *comparison);
/* Entries on the list so far. */
uint64_t comparison_count(const struct comparison *comparison);

#endif
