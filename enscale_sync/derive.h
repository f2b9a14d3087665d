/*
 * From state to records: what the view says about a subject (an account, an
 * environment, a node, a host key), computed from the entries that count. It
 * writes neither state nor view.
 */
#ifndef ENSCALE_SYNC_DERIVE_H
#define ENSCALE_SYNC_DERIVE_H

#include "common/view/record.h"
#include "common/view/view.h"
#include "enscale_sync/state.h"

/* Takes one record of the publication; a non-zero result ends it. */
typedef int derive_put(void *arg, const struct record_key *key,
    struct bytes record);

/* A subject that has more rows than its record holds, or keys with two from=
 * lists. */
struct derive_excess {
	uint64_t left_out; /* rows; 0: it is within all limits */
	const char *name;  /* the DN of its entry, or "host key SHA256:..." */
	const char *text;  /* "10001 nodes, 10000 is the limit: 1 left out" */
};

/* Called for every subject that was derived; its arguments are borrowed. A
 * non-zero result ends the publication. */
typedef int derive_note(void *arg, const struct record_key *subject,
    const struct derive_excess *excess);

struct derive;

/*
 * view is what is published: records that it has already are not put again, and
 * records that it should no longer have get a tombstone. NULL: everything is
 * put. The view is borrowed. note may be NULL.
 */
int derive_new(struct state *state, const struct view *view, derive_put *put,
    derive_note *note, void *arg, struct derive **ret_derive);
void derive_free(struct derive *derive);

/*
 * Puts the records of one subject, inside a transaction of the state. Each
 * record belongs to one subject. If there are more rows than a record holds,
 * the oldest stay (by createTimestamp, then by number, name or fingerprint), so
 * that no new one takes the place of one that is in use. The others are left
 * out: a key is as if absent; a node or an environment is not listed, but can
 * still be found by its number. Of several entries with one key the oldest
 * counts, with the rights that all of them have (entry_key_merge()).
 */
int derive_subject(struct derive *derive, const struct record_key *subject);
/* Puts the records of all subjects. */
int derive_all(struct derive *derive);

#endif
