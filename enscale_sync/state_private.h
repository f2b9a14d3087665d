/*
 * What the files of the state share: state.c (file, transactions, rows),
 * state_info.c (its own properties, counters), state_build.c (until it is
 * durable), state_check.c (damage by a disk), state_entry.c (filing),
 * state_marks.c (sweeping), state_kept.c and state_lessen.c (what a held
 * refresh left), state_stash.c, state_changes.c (what to publish),
 * state_names.c (whose names are), state_warned.c, state_excess.c (what is over
 * limits), state_read.c.
 */
#ifndef ENSCALE_SYNC_STATE_PRIVATE_H
#define ENSCALE_SYNC_STATE_PRIVATE_H

#include <lmdb.h>

#include "enscale_sync/state.h"
#include "enscale_sync/uuid_list.h"
#include "ldap/ldap_dn.h"

enum state_table {
	T_INFO,     /* "info": struct state_info */
	T_ENTRIES,  /* UUID: UUID of the parent (or zeros), entry */
	T_NAMES,    /* hash of a DN: UUID, kind; of those that can be parents */
	T_CHILDREN, /* UUID of the parent, UUID of the child */
	T_ORPHANS,  /* hash of the parent's DN, kind and UUID of the child */
	T_IDS,      /* subject, 0, creation, UUID: first row counts */
	T_MEMBERS,  /* account id (by name: 0, name), UUID of the environment:
	             * whose the name was when names were frozen; or nothing */
	T_HOST_KEYS, /* fingerprint, UUID of the node */
	T_ALIASES,   /* name that is no DN, UUID of the account or person */
	T_CHANGED,   /* subject: generation */
	T_REFUSED,   /* UUID: reasons, a line each */
	T_WARNED,    /* UUID, what about: warnings, a line each */
	T_STASH,     /* UUID: entry */
	T_EXCESS,    /* subject: how much is left out, name, text */
	T_KEPT,      /* UUID */
	T_COUNT,
};

struct state {
	MDB_env *env;
	MDB_txn *txn; /* under way, or NULL */
	bool writing;
	int lock_fd;    /* of the folder */
	char *path;     /* owned */
	bool building;  /* the file does not have its name yet: state_build.c */
	uint64_t room;  /* bytes that are allocated on its file system */
	uint64_t used;  /* of them, at most */
	uint64_t large; /* values larger than a page, so far */
	pid_t child;    /* the child that writes the file; or 0 */
	MDB_dbi tables[T_COUNT];
	struct state_info info;      /* as the transaction has it */
	struct state_info committed; /* as on disk */
	bool new;                    /* begun by this process */
	bool damaged;  /* something was read that was never written */
	bool stuck;    /* nothing can be written until it is opened again */
	bool unsynced; /* state_sync() has something to do */
	bool full;     /* a transaction has reached STATE_GROWTH_MAX */
	bool changed;  /* this transaction listed something to publish */
	bool wrote;    /* state_has_written() */
	struct uuid_list *marks;  /* owned; NULL: none */
	struct wire_writer entry; /* the entry being filed */
	struct wire_writer old;   /* the one in its place */
	struct entry_rows old_rows;
};

#define STATE_KEY_MAX 511 /* LMDB's own limit */

/* A key that is being built, or one that was found. */
struct state_key {
	uint8_t data[STATE_KEY_MAX];
	size_t len;
};

/* The info at the end of a transaction (state_info.c). Reading: ENS_E_VERSION,
 * ENS_E_CORRUPT; that a new file has none is not an error. */
int state_write_info(struct state *state);
int state_read_info(struct state *state);

/* Opens LMDB's file, and reads its info. */
int state_open_file(struct state *state, const char *path);

/*
 * For a state that is being built (state_build.c): allocates room for a value
 * of that many bytes; makes a complete one durable and gives it its name.
 */
#define STATE_BUILDING_SUFFIX ".new"
int state_build_room(struct state *state, size_t len);
void state_build_end(struct state *state);

/* Our code for LMDB's (state_check.c). */
int state_error(struct state *state, int r);
/* What was read is not what was written: returns ENS_E_CORRUPT, and remembers
 * it. */
int state_distrust(struct state *state);
/* entry_decode() of what the state holds. */
int state_decode(struct state *state, struct bytes data,
    const uint8_t uuid[ENTRY_UUID_LEN], struct entry_rows *rows,
    struct entry *ret_entry);

int state_get(struct state *state, enum state_table table, struct bytes key,
    struct bytes *ret_value);
int state_store(struct state *state, enum state_table table, struct bytes key,
    struct bytes value);
/* The same, but -EEXIST when the key exists. */
int state_add(struct state *state, enum state_table table, struct bytes key,
    struct bytes value);
/* A missing key is a success. */
int state_drop(struct state *state, enum state_table table, struct bytes key);
int state_empty(struct state *state, enum state_table table);
uint64_t state_rows(struct state *state, enum state_table table);

/* Copies the first key that is not below from. ENS_E_NOTFOUND. */
int state_seek(struct state *state, enum state_table table, struct bytes from,
    struct state_key *ret_key);

/*
 * Walks the rows whose keys begin with prefix. What it points to is valid until
 * the next write. Start with *walk = {0}; 0, ENS_E_NOTFOUND at the end, or an
 * error; state_walk_end() in any case.
 */
struct state_walk {
	MDB_cursor *cursor;
	struct bytes key, value;
};
int state_walk_next(struct state *state, enum state_table table,
    struct bytes prefix, struct state_walk *walk);
void state_walk_end(struct state_walk *walk);

void state_key_add(struct state_key *key, const void *data, size_t len);
void state_key_add_u32(struct state_key *key, uint32_t value);
void state_key_add_u64(struct state_key *key, uint64_t value);
static inline struct bytes
state_key_bytes(const struct state_key *key)
{
	return (struct bytes){ key->data, key->len };
}

static inline struct bytes
state_uuid_bytes(const uint8_t uuid[ENTRY_UUID_LEN])
{
	return (struct bytes){ uuid, ENTRY_UUID_LEN };
}

/* state->entry, emptied: an entry that was too large for it must not affect the
 * next one. */
struct wire_writer *state_fresh_entry(struct state *state);
/* The prefix of the rows of T_MEMBERS for a number, or for a name (number 0).
 */
struct state_key state_member_prefix(uint32_t account,
    const struct ldap_dn_hash *name);
/* The prefix of the rows of T_IDS for a subject. */
struct state_key state_ids_prefix(const struct record_key *subject);
/* A value of T_NAMES; what an orphan waits for, the beginning of a key. */
#define STATE_NAME_LEN   (ENTRY_UUID_LEN + 1)
#define STATE_WANTED_LEN (LDAP_DN_HASH_LEN + 1)
/* The UUID at the end of a row's key. */
const uint8_t *state_last_uuid(struct bytes key);
/* Of the rows of T_IDS for the subject the first one that is kept, else the
 * first one. ENS_E_NOTFOUND. */
int state_winner(struct state *state, const struct record_key *subject,
    uint8_t ret_uuid[ENTRY_UUID_LEN]);

/* Takes back all warnings of an entry (state_warned.c). */
int state_forget_warnings(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);

extern const uint8_t state_no_uuid[ENTRY_UUID_LEN];

/* Filing (state_entry.c), and the same where something is kept: what is taken
 * away from its other copy is taken from it (state_lessen.c). */
int state_file(struct state *state, const struct entry *entry, bool adopt);
int state_remove(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN]);
int state_put_beside_kept(struct state *state, const struct entry *entry,
    bool adopt);
int state_delete_beside_kept(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
/* It is about to leave its parent, if any. */
int state_move_beside_kept(struct state *state,
    const uint8_t uuid[ENTRY_UUID_LEN]);
/*
 * A copy of an entry, and a list of UUIDs, which stay valid while something is
 * written; walks do not. Start with zeros; free them in any case (AUTO()).
 */
struct state_copy {
	struct wire_writer bytes; /* owned; the value of T_ENTRIES */
	struct entry_rows rows;   /* owned */
	struct entry entry;
	uint8_t parent[ENTRY_UUID_LEN];
};
int state_copy_load(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    struct state_copy *ret_copy);
void state_copy_free(struct state_copy *copy);
struct state_uuids {
	uint8_t (*rows)[ENTRY_UUID_LEN]; /* owned */
	uint32_t count, room;
};
/* Adds the UUIDs that the rows under a prefix end with. */
int state_gather(struct state *state, enum state_table table,
    struct bytes prefix, struct state_uuids *uuids);
/* Adds all good entries that stand for the subject. */
int state_gather_copies(struct state *state, const struct record_key *subject,
    struct state_uuids *uuids);
void state_uuids_free(struct state_uuids *uuids);

/* Keeps an entry, or no longer keeps it: then another one may count. */
int state_change_kept(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN],
    bool keep);
/* From now on another copy of the entry's subject may count: decides again
 * which one is refused, and lists what depends on them. */
int state_judge_copies(struct state *state, const struct entry *entry,
    const uint8_t before[ENTRY_UUID_LEN]);

/*
 * Listing for publication (state_changes.c). As long as nothing was ever
 * published nothing is listed: the first publication holds everything.
 */
int state_list_subject(struct state *state, const struct record_key *subject);
/* The account of that entry, if it is one. others: perhaps another entry counts,
 * or has one of its names: lists whoever depends on that, too. */
int state_list_account(struct state *state, const struct entry *account,
    bool others);
/* The accounts that an environment lists, and that the other one (NULL: none)
 * does not list in the same way. */
int state_list_members(struct state *state, const struct entry *environment,
    const struct entry *other);
/* An account or an environment, if it is a good one. */
int state_list_entry(struct state *state, const uint8_t uuid[ENTRY_UUID_LEN]);
/* Perhaps another entry counts under this name: lists everything that depends
 * on any of them. */
int state_list_environment(struct state *state,
    const struct record_key *subject);
int state_list_node(struct state *state, uint32_t node);
/* A key or node below parent comes, goes or changes. */
int state_list_child(struct state *state, const struct entry *entry,
    const uint8_t parent[ENTRY_UUID_LEN]);

#endif
