/*
 * What the directory says about an account, a key, an environment and a node: a
 * row for each field. The parser of entries, the state, the records of the
 * view, the guard's answers, the shell and enscalectl all use these rows, so a
 * field that decides nothing needs only a row; one that decides something is
 * also handled in policy and in enscale_sync/rights.c.
 *
 *	FIELD(member, TYPE, limit, ATTRIBUTE, shown)
 *
 * member	of struct account_fields, ...; its name in the JSON that is for
 *		administrators
 * TYPE		below: the type in C, the form in a record, the rules
 * limit	bytes of a text without its NUL, the largest number, all options
 * ATTRIBUTE	of names/schema.h
 * shown	its name for people: in the guard's answers, the shell's JSON and
 *		enscalectl lookup; NULL: it is in none of them
 *
 * A new row is added after the others, and its default must be a value of its
 * type: what was written before the row existed reads as that, until a full
 * refresh, which the new row causes (fields_checksum()). Readers that do not
 * know it skip it. So a row that restricts rights must increase RECORD_VERSION
 * and MANIFEST_VERSION: then readers that do not know it cannot tell.
 */
#ifndef ENSCALE_COMMON_VIEW_FIELDS_H
#define ENSCALE_COMMON_VIEW_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/wire.h"
#include "common/keys/ssh_key.h"
#include "common/names/schema.h"

/* clang-format off */
#define ACCOUNT_FIELDS(FIELD) \
	FIELD(status,       STATUS, 0,                 STATUS,       NULL) \
	FIELD(expires,      TIME,   0,                 EXPIRES,      NULL) \
	FIELD(max_sessions, NUMBER, SESSION_LIMIT_MAX, MAX_SESSIONS, NULL) \
	FIELD(name,         TEXT,   NAME_TEXT_MAX,     CN,           NULL) \
	FIELD(mail,         TEXT,   MAIL_TEXT_MAX,     MAIL,         NULL)

#define KEY_FIELDS(FIELD) \
	FIELD(title,   TEXT,    NAME_TEXT_MAX, CN,             "title") \
	FIELD(from,    FROM,    FROM_TEXT_MAX, SSH_PUBLIC_KEY, "from") \
	FIELD(options, OPTIONS, KEY_OPTIONS,   SSH_PUBLIC_KEY, "options") \
	FIELD(expires, TIME,    0,             EXPIRES,        "expires")

#define ENVIRONMENT_FIELDS(FIELD) \
	FIELD(name,  NAME,  NAME_TEXT_MAX,  CN,    "name") \
	FIELD(state, STATE, 0,              STATE, "state") \
	FIELD(owner, ID,    ACCOUNT_ID_MAX, OWNER, "owner")

#define NODE_FIELDS(FIELD) \
	FIELD(address,      ADDRESS, ADDRESS_TEXT_MAX, ADDRESS,      "address") \
	FIELD(port,         PORT,    UINT16_MAX,       PORT,         "port") \
	FIELD(state,        STATE,   0,                STATE,        "state") \
	FIELD(service_type, TEXT,    NAME_TEXT_MAX,    SERVICE_TYPE, "service") \
	FIELD(system_user,  USER,    SYSTEM_USER_MAX,  SYSTEM_USER,  "user")
/* clang-format on */

/* ---- values that are words ---------------------------------------------- */

enum account_status {
	ACCOUNT_ACTIVE = 1,
	ACCOUNT_SUSPENDED = 2,
};

enum environment_state {
	ENVIRONMENT_RUNNING = 1,
	ENVIRONMENT_STOPPED = 2,
	ENVIRONMENT_SLEEPING = 3,
};

/* Ordered: of two roles that an environment gives, the lower number wins,
 * except that the owner is always the owner. */
enum environment_role {
	ROLE_NONE = 0,
	ROLE_LIMITED = 1,
	ROLE_FULL = 2,
	ROLE_OWNER = 3,
};

/* How an environment gives access: a row for each role but none. */
struct access {
	enum environment_role role;
	const char *word;           /* "owner", "full", "limited" */
	enum schema_name attribute; /* its values are account ids */
};
#define ACCESS_ROWS 3
extern const struct access access_rows[ACCESS_ROWS];

/* "active", "running", "owner"; "unknown" for anything else. */
const char *account_status_text(enum account_status status);
const char *environment_state_text(enum environment_state state);
/* "none" for what is not a role. */
const char *environment_role_text(enum environment_role role);

/* ---- types -------------------------------------------------------------- */

/* The longest text for people. */
#define FIELD_TEXT_MAX MAIL_TEXT_MAX

enum field_type {
	FIELD_TEXT,    /* for people: may be empty, is cleaned up */
	FIELD_NAME,    /* used for lookups: kept as it is, never empty */
	FIELD_ADDRESS, /* IPv4 or IPv6, numeric, of a host */
	FIELD_USER,    /* a system user, not root */
	FIELD_FROM,    /* sshd's from= list, of the key itself; "" when none */
	FIELD_STATUS,  /* enum account_status; active */
	FIELD_STATE,   /* enum environment_state; running */
	FIELD_TIME,    /* seconds since the epoch; 0: never */
	FIELD_NUMBER,  /* 0: not given */
	FIELD_ID,      /* 0: not given, and not a valid value */
	FIELD_PORT,    /* 22 */
	FIELD_OPTIONS, /* KEY_NO_PTY, ... of the key itself */
};
#define FIELD_TYPES (FIELD_OPTIONS + 1)

#define FIELD_C_TEXT    const char *
#define FIELD_C_NAME    const char *
#define FIELD_C_ADDRESS const char *
#define FIELD_C_USER    const char *
#define FIELD_C_FROM    const char *
#define FIELD_C_STATUS  enum account_status
#define FIELD_C_STATE   enum environment_state
#define FIELD_C_TIME    int64_t
#define FIELD_C_NUMBER  uint32_t
#define FIELD_C_ID      uint32_t
#define FIELD_C_PORT    uint16_t
#define FIELD_C_OPTIONS uint8_t

#define FIELD_MEMBER(member, type, limit, attribute, shown) \
	FIELD_C_##type member;

/* Texts are borrowed from whatever filled them in. */
struct account_fields {
	ACCOUNT_FIELDS(FIELD_MEMBER)
};
struct key_fields {
	KEY_FIELDS(FIELD_MEMBER)
};
struct environment_fields {
	ENVIRONMENT_FIELDS(FIELD_MEMBER)
};
struct node_fields {
	NODE_FIELDS(FIELD_MEMBER)
};

/* In a larger struct: its members, and all of them under one name. */
#define HAS_ACCOUNT_FIELDS                           \
	union {                                      \
		struct {                             \
			ACCOUNT_FIELDS(FIELD_MEMBER) \
		};                                   \
		struct account_fields fields;        \
	}
#define HAS_KEY_FIELDS                           \
	union {                                  \
		struct {                         \
			KEY_FIELDS(FIELD_MEMBER) \
		};                               \
		struct key_fields fields;        \
	}
#define HAS_ENVIRONMENT_FIELDS                           \
	union {                                          \
		struct {                                 \
			ENVIRONMENT_FIELDS(FIELD_MEMBER) \
		};                                       \
		struct environment_fields fields;        \
	}
#define HAS_NODE_FIELDS                           \
	union {                                   \
		struct {                          \
			NODE_FIELDS(FIELD_MEMBER) \
		};                                \
		struct node_fields fields;        \
	}

/* ---- rows, for what is done with any field -------------------------------- */

struct field {
	const char *name;
	const char *shown; /* or NULL */
	enum field_type type;
	enum schema_name attribute;
	uint32_t limit;
	uint16_t offset, size; /* in its struct */
};

struct field_table {
	const struct field *rows;
	uint32_t count;
	uint32_t first; /* rows that always existed */
};

extern const struct field_table account_fields, key_fields, environment_fields,
    node_fields;
#define FIELD_TABLES 4
extern const struct field_table *const field_tables[FIELD_TABLES];

/* Is its value a text? Is it a number that stands for a word? */
bool field_is_text(const struct field *field);
bool field_has_words(const struct field *field);
/* "" where it was not set. */
const char *field_text(const struct field *field, const void *fields);
uint64_t field_number(const struct field *field, const void *fields);
/* "unknown" for a number without a word. */
const char *field_word(const struct field *field, const void *fields);
/* A number is cut to the size of its type. */
void field_set_text(const struct field *field, void *fields, const char *text);
void field_set_number(const struct field *field, void *fields, uint64_t value);
/* 0, or ENS_E_SYNTAX when it is not a word of this field. */
int field_set_word(const struct field *field, void *fields, struct bytes word);

/* 0; ENS_E_LIMIT when it is over its limit; ENS_E_RANGE for a value that its
 * type does not have. */
int field_check(const struct field *field, const void *fields);

/* The size of their texts in bytes. */
size_t fields_text_size(const struct field_table *table, const void *fields);
/* Sets each field to its default: texts are "", including those that must not
 * be empty. */
void fields_init(const struct field_table *table, void *ret_fields);
/* An SSH string of all fields, in the order of the table. A value that
 * field_check() refuses is the writer's error. */
void fields_write(struct wire_writer *writer, const struct field_table *table,
    const void *fields);
/* Fields that the writer did not know get their default, and additional ones
 * are skipped. The reader's error: a value that field_check() refuses, or one
 * of the first rows is missing. */
void fields_read(struct wire_reader *reader, const struct field_table *table,
    void *ret_fields);
/* The first rows without the string around them, as in records of version 2. */
void fields_read_first(struct wire_reader *reader,
    const struct field_table *table, void *ret_fields);

/* Over all rows of all tables: it changes when an entry may be read in another
 * way. */
uint32_t fields_checksum(void);

#endif
