/*
 * The parts of an entry that decide rights: whether one copy of it grants more
 * than another, and what both of them grant. A hidden attribute reads as if it
 * did not exist; if it is one that restricts rights, a suspended account then
 * looks active.
 */
#ifndef ENSCALE_SYNC_RIGHTS_H
#define ENSCALE_SYNC_RIGHTS_H

#include "enscale_sync/entry_codec.h"
#include "ldap/ldap_entry.h"

/* Limits: what restricts the rights of an account or a key for good, and most
 * do not have. Stopped environments and nodes are not limits: they come and go.
 */
enum rights_limit {
	RIGHTS_SUSPENSION,
	RIGHTS_ACCOUNT_EXPIRY,
	RIGHTS_SESSIONS,
	RIGHTS_FROM,
	RIGHTS_KEY_EXPIRY,
	RIGHTS_LIMITS,
};

/* Does the entry have this limit? A refused one has none: it has no rights. */
bool rights_has_limit(const struct entry *entry, enum rights_limit limit);
/* The kind of entry that has it: ENTRY_ACCOUNT or ENTRY_KEY. */
enum entry_kind rights_limit_kind(enum rights_limit limit);
/* "the suspension": of all accounts that have one. */
const char *rights_limit_text(enum rights_limit limit);

/*
 * In what does theirs grant more than ours: a limit that is gone or wider, a
 * key or a role that is new, a node that is a different one? Returns the
 * attribute's name in our schema, or words for it; NULL if in nothing. Changed
 * texts do not count.
 */
const char *rights_widened(const struct entry *ours,
    const struct entry *theirs);

/*
 * Two copies of one thing: also removes from ours what theirs forbids. Of two
 * limits the stricter one counts, of two roles the lower one, for a key that
 * both have see entry_key_lessen(); a key, a member or a host key that theirs
 * does not have stays. rows are those of ours. False: ours is a key, and
 * nothing is left of it.
 */
bool rights_lessen(struct entry *ours, struct entry_rows *rows,
    const struct entry *theirs);

#endif
