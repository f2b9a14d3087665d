/*
 * From state to records: what the view says about a subject (an account, an
 * environment, a node, a host key), computed anew from the entries that count.
 * It writes neither state nor view.
 */
#ifndef ENSCALE_SYNC_DERIVE_H
#define ENSCALE_SYNC_DERIVE_H

#include "common/record.h"
#include "common/view.h"
#include "enscale_sync/state.h"

/* Takes one record of the publication; a non-zero result ends it. */
typedef int derive_put(void *arg, const struct record_key *key,
    struct bytes record);

struct derive;

/*
 * view is what is published: what it says already is not put again, and what
 * it should not say any more gets a tombstone. NULL: everything is put. The
 * view is borrowed.
 */
int derive_new(struct state *state, const struct view *view, derive_put *put,
    void *arg, struct derive **ret_derive);
void derive_free(struct derive *derive);

/*
 * Puts the records of one subject, inside a transaction of the state. Each
 * record belongs to one subject. A record that would be over a limit is left
 * out as if absent, and counted.
 */
int derive_subject(struct derive *derive, const struct record_key *subject);
/* Puts the records of all subjects. */
int derive_all(struct derive *derive);

/* Records that were over a limit. */
uint64_t derive_left_out(const struct derive *derive);

#endif
