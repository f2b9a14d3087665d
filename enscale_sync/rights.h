/*
 * What of an entry decides rights, whether one copy of it grants more than
 * another, and what is as little as both. An attribute that is not shown reads
 * as if there was none; where it is one that narrows rights, a suspended account
 * then is an active one.
 */
#ifndef ENSCALE_SYNC_RIGHTS_H
#define ENSCALE_SYNC_RIGHTS_H

#include "enscale_sync/entry_codec.h"
#include "ldap/ldap_entry.h"

/* What narrows the rights of an account or a key for good, and is not there in
 * most. Stopped environments and nodes are no such thing: they come and go. */
enum rights_limit {
	RIGHTS_SUSPENSION,
	RIGHTS_ACCOUNT_EXPIRY,
	RIGHTS_SESSIONS,
	RIGHTS_FROM,
	RIGHTS_KEY_EXPIRY,
	RIGHTS_LIMITS,
};

/* Has the entry such a limit? A refused one has none: it has no rights. */
bool rights_has_limit(const struct entry *entry, enum rights_limit limit);
/* Whose it is: ENTRY_ACCOUNT or ENTRY_KEY. */
enum entry_kind rights_limit_kind(enum rights_limit limit);
/* "the suspension": of all accounts that have one. */
const char *rights_limit_text(enum rights_limit limit);

/*
 * By what does theirs grant more than ours: a limit that is gone or wider, a
 * key or a role that was not there, a node that is another? The attribute's
 * name in our schema, or words for it; NULL when by nothing. A change of texts
 * is none.
 */
const char *rights_widened(const struct entry *ours,
    const struct entry *theirs);

/*
 * Two copies of one thing: takes from ours what theirs takes away, too. Of two
 * limits the stricter one counts, of two roles the lower one, of a key that both
 * have entry_key_lessen(); a key, a member or a host key that theirs does not
 * have stays. rows are those of ours. False: ours is a key, and nothing is left
 * of it.
 */
bool rights_lessen(struct entry *ours, struct entry_rows *rows,
    const struct entry *theirs);

#endif
