/*
 * What files say of accounts, keys, environments and nodes, a record each, and
 * what becomes of it. It is read (import_read.c for the three forms,
 * import_keys.c for authorized_keys) into items (import_items.c), compared with
 * the whole directory (import_look.c), written (import_write.c), and reported
 * (import.c).
 *
 * What a record does not name stays as it is; what it names without a value is
 * taken away. A key without options leaves those that the directory has.
 *
 * Functions complain when they fail, with the record before it, and return an
 * exit code: EXIT_NO is about a record, which counts as refused then;
 * EXIT_CANNOT_TELL ends all of it.
 */
#ifndef ENSCALECTL_IMPORT_H
#define ENSCALECTL_IMPORT_H

#include "enscalectl/columns.h"
#include "enscalectl/pool.h"
#include "enscalectl/request.h"

enum import_state {
	IMPORT_MENTIONED = 0, /* no record of its own: another one needs it */
	IMPORT_TO_ADD,
	IMPORT_TO_CHANGE,
	IMPORT_SAME,
	IMPORT_ADDED,
	IMPORT_CHANGED,
	IMPORT_REFUSED, /* by us or by the directory */
	IMPORT_UNKNOWN, /* under way when the directory went */
};
#define IMPORT_STATES (IMPORT_UNKNOWN + 1)

/* What a record says in one column. */
struct import_said {
	bool named;
	uint32_t count;
	struct berval **values; /* with NULL behind them */
};

/* All memory is the import's. */
struct import_item {
	enum import_state state;
	const char *file;
	unsigned long line;

	/* Which it is: */
	enum entry_kind kind;
	uint32_t number;  /* of an account, a node */
	const char *name; /* of an environment */
	uint8_t fingerprint[SHA256_LEN];

	/* What has to be there before it: of a key first its account, of a node
	 * its environment, of an environment its owner and collaborators. */
	struct import_item **needs;
	uint32_t need_count, need_room;

	struct import_said said[COLUMNS_MAX]; /* as columns_of(kind) */
	const char *comment; /* the title of a new key without another one */
	const char *expires; /* of a key itself; NULL: it has none */
	bool plain;          /* the key has no options beside that */

	/* In the directory: */
	const char *dn; /* where it is, or is to be; NULL: not known yet */
	bool found;
	bool moves;       /* a node, from another environment */
	uint32_t differs; /* a bit for each column */
	/* What it is now, of what is to be changed. */
	struct entry_attribute *old;
	uint32_t old_count;
};

struct import {
	const struct request *request;
	const struct config *config;
	struct directory *directory;
	struct pool pool;
	void *index;                /* of items, by which they are */
	struct import_item **items; /* owned: records, as they came */
	uint32_t count, room;
	unsigned refused;    /* records, and lines that are none */
	unsigned unreadable; /* those lines */
	const char *parent;  /* of new entries, which is there */
	unsigned skipped;    /* entries of LDIF that are none of ours */
	char subject[CONFIG_PATH_MAX + 32];
};

/* ---- items -------------------------------------------------------------- */

/* What complaints are about from now on; line 0: the file as a whole; file
 * NULL: nothing. */
void import_about(struct import *import, const char *file, unsigned long line);
/* The record is refused, and said so. EXIT_NO. */
int import_refuse(struct import *import, struct import_item *item);
/* A line that is no record is. */
int import_refuse_line(struct import *import);
/* --strict, and something was refused. */
bool import_is_over(const struct import *import);
int import_no_memory(void);

/* A record begins; NULL without memory. */
struct import_item *import_begin(struct import *import, enum entry_kind kind,
    const char *file, unsigned long line);
/* It says that of a column; raw: as a directory has it (LDIF), not as people
 * write it. Values are copied. */
int import_say(struct import *import, struct import_item *item,
    const struct column *column, const struct berval *values, uint32_t count,
    bool raw);
/* A key of an account, which record the item is. */
int import_say_key(struct import *import, struct import_item *item,
    const struct ssh_key *key, const uint8_t fingerprint[SHA256_LEN]);
/* The key or node needs that account or environment. */
int import_say_parent(struct import *import, struct import_item *item,
    const char *text);
/* It ends, and counts if it can be told which it is. */
int import_end(struct import *import, struct import_item *item);

/* The item that is the same as this one; NULL: none. */
struct import_item *import_find(const struct import *import,
    const struct import_item *like);
/* What is to change in the directory, or the whole of a new entry. hex and
 * changes are the caller's. */
struct import_changes {
	struct changes changes;
	char hex[2 * SHA256_LEN + 1], number[16];
};
void import_changes(const struct import *import, const struct import_item *item,
    struct import_changes *ret_changes);
/* "account 25880", "key SHA256:...". */
#define IMPORT_NAME_MAX (NAME_TEXT_MAX + 16)
void import_name(const struct import_item *item, char buf[IMPORT_NAME_MAX]);
void cleanup_import(struct import *import);

/* ---- its steps ---------------------------------------------------------- */

/* All records of a file; "-": standard input. */
int import_read(struct import *import, const char *path);
/* A file of authorized_keys for each account in a folder. */
int import_read_keys(struct import *import, const char *folder);
/* Compares all of them with the directory, and plans what is to be done. */
int import_look(struct import *import);
/* Does it; EXIT_CANNOT_TELL also when it was interrupted. */
int import_write(struct import *import);
/* Waits until the gateway that runs here has it: as published_await(). */
int import_await(struct import *import, int64_t *ret_milliseconds);

#endif
