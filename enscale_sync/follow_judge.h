/*
 * Is a copy of an entry let in? Would it bring back what is known to be over,
 * or grant more without a change? The copy, the one that is here and the
 * circumstances decide: nothing is read or written.
 */
#ifndef ENSCALE_SYNC_FOLLOW_JUDGE_H
#define ENSCALE_SYNC_FOLLOW_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ldap/ldap_csn.h"
#include "ldap/ldap_entry.h"

/* The circumstances. */
struct circumstances {
	const struct csn_set *floor; /* what is up to it was reported before */
	bool behind;                 /* the server has not seen all of that */
	bool late;   /* it may send an older copy after the newer one */
	bool reread; /* ours was read by other rules */
	int64_t now; /* seconds since the epoch */
	bool named;  /* environments list accounts by name */
};

enum verdict_kind {
	TAKE,
	HOLD,
	PASS_OVER, /* late, from a server that has sent the newer one */
};

struct verdict {
	enum verdict_kind kind;
	const char *widened; /* HOLD: in what it grants more; NULL: it is old */
	bool told_before;    /* it is one of those up to the floor */
};

/* ours: NULL when there is none. */
struct verdict follow_judge(const struct circumstances *circumstances,
    const struct entry *ours, const struct entry *theirs);

#endif
