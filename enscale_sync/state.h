/*
 * The state: what the directory holds, as far as we have been told. An LMDB
 * file that nobody but enscale-sync opens (0600, under an exclusive lock), so
 * that a kill at any instant loses nothing: one transaction holds what one
 * batch of messages changed, the cookie, and the list of what must be published
 * because of it.
 *
 * Entries are filed by entryUUID. Keys and nodes are attached to the entryUUID
 * of the entry above them, because a server says nothing about children when it
 * renames their parent; a child whose parent has not come yet waits as an
 * orphan, and so does a key that is not below an account, or a node that is not
 * below an environment.
 *
 * Of two entries with one id (or environments with one name, whatever its
 * letters' case) the one with the earlier createTimestamp counts, then the one
 * with the smaller entryUUID; the other is refused as a duplicate for as long
 * as the first exists.
 *
 * Errors: -errno, ENS_E_CORRUPT, ENS_E_NOTFOUND. After any error other than
 * ENS_E_NOTFOUND the transaction is useless: call state_end().
 */
#ifndef ENSCALE_SYNC_STATE_H
#define ENSCALE_SYNC_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/view/record.h"
#include "enscale_sync/entry_codec.h"
#include "enscale_sync/rights.h"
#include "ldap/ldap_csn.h"
#include "ldap/ldap_entry.h"

#define STATE_FILE       "state.mdb"
#define STATE_DIGEST_LEN SHA256_LEN

struct state;

/* What one transaction changes as a whole. */
struct state_info {
	uint64_t generation; /* counts commits that left something to publish */
	uint64_t purged;     /* up to this one, nothing is listed any longer */
	bool complete;       /* a refresh has been completed once */
	bool behind;    /* it was found to be older than its view: publish.h */
	bool unsettled; /* something from a server behind us was held back */
	bool frozen;    /* names: state_freeze_names() */
	uint64_t entries[ENTRY_KINDS + 1]; /* good ones, by kind */
	uint64_t limits[RIGHTS_LIMITS];    /* how many of them have each */
	uint64_t key_values;              /* keys that are values of accounts */
	uint8_t digest[STATE_DIGEST_LEN]; /* of source, filter and rules */
	uint32_t fields;                  /* fields_checksum() then */
	size_t cookie_len;
	char cookie[COOKIE_LEN_MAX]; /* of the server, or empty */
	struct csn_set seen; /* the furthest that any server has brought us */
};

/*
 * Opens or makes the state in folder dir. A file of another version or a broken
 * one is replaced by an empty one, and *ret_replaced says so. -EWOULDBLOCK when
 * another process has it.
 */
ENS_MUST_CHECK int state_open(const char *dir, struct state **ret_state,
    bool *ret_replaced);
void state_close(struct state *state);

/*
 * A state that was begun here becomes durable, as a whole, some time after it
 * is complete: call state_settle() from time to time for that; it does nothing
 * within a transaction or when that is done. state_close() does the rest at
 * once. 0; -errno, and state_is_stuck(), when the disk refuses.
 */
int state_settle(struct state *state);
bool state_is_settled(const struct state *state);
/*
 * The last commit is durable from now on; before that a power failure may undo
 * it. A no-op if it already is, and for a state that does not have its name
 * yet. 0; -errno, and state_is_stuck(), when the disk refuses.
 */
ENS_MUST_CHECK int state_sync(struct state *state);

/*
 * The directory is authoritative: a state that a disk has damaged is removed,
 * and everything is fetched again. state_is_damaged() says that something was
 * read that was never written; whoever sees that calls state_discard(), which
 * removes the file's name, and exits. After state_discard_on_fault() a memory
 * fault, which a truncated file causes, does the same, in the whole process.
 */
bool state_is_damaged(const struct state *state);
/* ENS_E_LIMIT came from STATE_GROWTH_MAX: it was too much for one transaction.
 */
bool state_is_full(const struct state *state);
/* Nothing can be written until it is opened again. */
bool state_is_stuck(const struct state *state);
ENS_MUST_CHECK int state_discard(struct state *state);
ENS_MUST_CHECK int state_discard_on_fault(const char *dir);
/* Was it begun by this process? */
bool state_is_new(const struct state *state);
/* Reads all of it: 0, or ENS_E_CORRUPT when a row is missing or broken. Within
 * a transaction. */
int state_check(struct state *state);

/* One transaction at a time. state_end() of a writing one undoes it. */
ENS_MUST_CHECK int state_begin_write(struct state *state);
ENS_MUST_CHECK int state_begin_read(struct state *state);
ENS_MUST_CHECK int state_commit(struct state *state);
void state_end(struct state *state);
bool state_is_busy(const struct state *state);
bool state_is_writing(const struct state *state);
/* Has the transaction changed a row, or what is held back? */
bool state_has_written(const struct state *state);

/* Of the current transaction, or else of the last commit. */
const struct state_info *state_info(const struct state *state);
uint64_t state_refused_count(struct state *state);
uint64_t state_warning_count(struct state *state); /* warnings, by subject */
uint64_t state_orphan_count(struct state *state);
uint64_t state_entry_count(struct state *state);  /* refused ones too */
uint64_t state_access_count(struct state *state); /* account, environment */
uint64_t state_bytes(const struct state *state);  /* of its file, in use */

/* ---- writing ----------------------------------------------------------- */

/*
 * Files an entry in place of the one with its UUID. While adopt is false a new
 * child waits as an orphan until state_adopt(), and one with a new name stays
 * where it was: in the middle of a refresh, names are of different ages.
 */
ENS_MUST_CHECK int state_put(struct state *state, const struct entry *entry,
    bool adopt);
/* An unknown UUID is a success. */
ENS_MUST_CHECK int state_delete(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
/* Attaches every child to the parent that its name says; without a parent it is
 * an orphan. */
ENS_MUST_CHECK int state_adopt(struct state *state);
/* The entry with this UUID now has this name: its server said so when asked,
 * although it sent no change. Orphans below the name are adopted. */
int state_learn_name(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    const char *dn);

/*
 * Warnings about an entry that counts all the same: one text for each subject
 * of a warning, with a line ("\n" between) for each sentence. It stays until it
 * is replaced, or the entry is deleted or refused whole.
 */
enum state_warning {
	WARNING_ENTRY = 1, /* entry->warning: state_put() says it */
	WARNING_ADDRESS,   /* a node with an address of this host */
};
/* text "": there is no warning (any longer). ENS_E_NOTFOUND without the entry;
 * ENS_E_LIMIT for more than ENTRY_REASON_MAX. In a writing transaction. */
int state_warn(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    enum state_warning about, const char *text);

ENS_MUST_CHECK int state_set_cookie(struct state *state, const char *cookie,
    size_t len);
/* What is here was read from that source, with the fields that we know. */
void state_set_digest(struct state *state,
    const uint8_t digest[STATE_DIGEST_LEN]);
/* A refresh was completed: from now on views are made from this state, and
 * changes are listed for publishing. No earlier view is one of its own. */
void state_set_complete(struct state *state);
/* A newer view has been found: until state_set_complete() this state is only
 * where a refresh begins, and no view is made from it. */
void state_set_behind(struct state *state);
/* What is listed has been published. */
ENS_MUST_CHECK int state_purge(struct state *state);
/* The generation must become higher than this one, which a view has. */
void state_raise_generation(struct state *state, uint64_t generation);
void state_forget_seen(struct state *state);
void state_set_unsettled(struct state *state, bool unsettled);

/*
 * In a refresh, and while something is held back, entries are of different
 * ages: one who has taken over a name would have the rights of whoever had it.
 * From state_freeze_names() until state_thaw_names() rows by name count only for
 * the account that they counted for at that moment, so that by name rights can
 * only be lost; then everything is of one age again. No-ops when it is so
 * already, and before the first refresh is complete.
 */
ENS_MUST_CHECK int state_freeze_names(struct state *state);
ENS_MUST_CHECK int state_thaw_names(struct state *state);

/*
 * Entries in a refresh that would take something away wait until its end, when
 * it is clear how much. The last one stashed under a UUID counts.
 */
ENS_MUST_CHECK int state_stash(struct state *state, const struct entry *entry);
ENS_MUST_CHECK int state_unstash(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
ENS_MUST_CHECK int state_clear_stash(struct state *state);
typedef int state_visit_entry(const struct entry *entry, void *arg);
int state_each_stashed(struct state *state, state_visit_entry *visit,
    void *arg);
/* Files them all, like state_put() without adopting. */
ENS_MUST_CHECK int state_apply_stash(struct state *state);
/*
 * The refresh is held back: drops them, except for their names and what they
 * restrict (rights_lessen()) in those that are here, and except for new ones
 * beside an entry that is kept (see below): that one counts, and what is taken
 * away from the new one must be noticed.
 */
ENS_MUST_CHECK int state_apply_stash_held(struct state *state);
/* Restricts the entry that is here, if any, by what this copy of it restricts.
 */
ENS_MUST_CHECK int state_lessen(struct state *state, const struct entry *theirs,
    bool adopt);

/* Marks record what a refresh named, so that the rest can be swept. They are
 * not part of a transaction. */
void state_clear_marks(struct state *state);
ENS_MUST_CHECK int state_mark(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
/* Deletes what has no mark and may go. */
ENS_MUST_CHECK int state_sweep(struct state *state,
    bool (*may_go)(const struct entry *entry, void *arg), void *arg,
    uint64_t *ret_deleted);

/*
 * What is over a limit (derive.h), by subject, for as long as it is: found when
 * a subject is derived, kept for status and metrics. Borrowed when found.
 */
struct state_excess {
	uint64_t left_out; /* rows of the subject */
	const char *name;  /* of its entry, at most ENTRY_DN_MAX */
	const char *text;  /* at most ENTRY_REASON_MAX */
};
int state_put_excess(struct state *state, const struct record_key *subject,
    const struct state_excess *excess);
/* None is a success. */
int state_drop_excess(struct state *state, const struct record_key *subject);
int state_clear_excess(struct state *state);
/* ENS_E_NOTFOUND: it is within all limits. */
int state_find_excess(struct state *state, const struct record_key *subject,
    struct state_excess *ret_excess);
/* The number of subjects over a limit, and of their rows that are left out. */
uint64_t state_excess_count(struct state *state);
uint64_t state_left_out_count(struct state *state);

/*
 * Entries that the directory no longer has, and that stay because a refresh
 * that would take them away was held back. While something is kept, state_put()
 * and state_delete() take away from it what they take away from another copy
 * with its number or name: see state_kept.c.
 */
ENS_MUST_CHECK int state_keep(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
bool state_is_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN]);
uint64_t state_kept_count(struct state *state);
/* Those with a mark are in the directory again. */
ENS_MUST_CHECK int state_release_marked(struct state *state);
/* Is what the entry stands for, or the account that it is a key of, here a
 * second time, under another UUID? */
int state_has_copy(struct state *state, const struct entry *entry,
    bool *ret_has);

/* ---- reading ----------------------------------------------------------- */

/* Entries borrow from the state and from rows, and are valid until the end of
 * the transaction or the next use of rows. By UUID, refused ones are found,
 * too. */
int state_find(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry);
/* Replaces the UUID by that of the next entry. Start with zeros. */
int state_next_uuid(struct state *state, uint8_t uuid[ENTRY_UUID_LEN]);
/* Is exactly this entry here, with the same name? Only bytes are compared, and
 * false may also be an error. */
bool state_has(struct state *state, const struct entry *entry);

/*
 * A subject is what records are derived for, named by a record key: an account
 * (RECORD_ACCOUNT), an environment, a node, a host key.
 */
/* The subject that an entry stands for; empty for keys. */
struct record_key state_subject_of(const struct entry *entry);
/*
 * The entry that counts for an account, an environment or a node; a node's must
 * be attached to an environment that counts. ENS_E_NOTFOUND: none.
 */
int state_find_subject(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry);
/*
 * The account with that name: the DN of the entry that counts for it, or a name
 * beside its number. ENS_E_NOTFOUND: none, or more than one.
 */
int state_find_named(struct state *state, const struct ldap_dn_hash *name,
    uint32_t *ret_account);
/* The account in a row of the environment with that UUID: by name only while it
 * is the one that it was when names were frozen. ENS_E_NOTFOUND: none. */
int state_find_member(struct state *state,
    const uint8_t environment[ENTRY_UUID_LEN], const struct entry_member *row,
    uint32_t *ret_account);
/* The directory's own copy, if the one that counts is kept, which then grants
 * no more than both. ENS_E_NOTFOUND: none. */
int state_find_limit(struct state *state, const struct record_key *subject,
    struct entry_rows *rows, struct entry *ret_entry);
/* Is it a key or a node without a parent of the right kind? */
bool state_is_orphan(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN]);
/* The parent of a key or a node. */
int state_find_parent(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct entry_rows *rows, struct entry *ret_entry);

/* Walks: visit() is called in ascending order; its first non-zero result ends
 * the walk and is returned. Do not write meanwhile. */
typedef int state_visit_uuid(const uint8_t uuid[ENTRY_UUID_LEN], void *arg);
typedef int state_visit_subject(const struct record_key *subject, void *arg);
typedef int state_visit_line(const char *dn, const char *line, void *arg);

int state_each_child(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    state_visit_uuid *visit, void *arg);
/* Environments that list the account's number, or a name. */
int state_each_environment(struct state *state, uint32_t account,
    state_visit_uuid *visit, void *arg);
int state_each_environment_naming(struct state *state,
    const struct ldap_dn_hash *name, state_visit_uuid *visit, void *arg);
/* How many environments the account may enter by the name. */
int state_count_named(struct state *state, const struct ldap_dn_hash *name,
    uint32_t account, uint64_t *ret_count);
/* Does any environment list accounts by name? */
bool state_has_names(struct state *state);
/* Nodes with the host key. */
int state_each_host(struct state *state, const uint8_t fingerprint[SHA256_LEN],
    state_visit_uuid *visit, void *arg);
/* All subjects of a kind: RECORD_ACCOUNT, _ENVIRONMENT, _NODE, _HOST_KEY. */
int state_each_subject(struct state *state, enum record_kind kind,
    state_visit_subject *visit, void *arg);
/* Subjects that changed after this generation. */
int state_each_changed(struct state *state, uint64_t generation,
    state_visit_subject *visit, void *arg);
int state_each_orphan(struct state *state, state_visit_uuid *visit, void *arg);
/* Orphans, each with what is missing. */
int state_each_orphan_line(struct state *state, state_visit_line *visit,
    void *arg);
/* Why entries are refused, and warnings: one visit per line. */
int state_each_refused(struct state *state, state_visit_line *visit, void *arg);
int state_each_warning(struct state *state, state_visit_line *visit, void *arg);
int state_each_excess(struct state *state, state_visit_line *visit, void *arg);
/* The same reasons with the DN "": much cheaper than state_each_refused. */
int state_each_reason(struct state *state, state_visit_line *visit, void *arg);

#endif
