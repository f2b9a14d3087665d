/*
 * What a record has that "export" prints and "import" takes: the columns of
 * each kind, one after the other. They are the fields of common/view/fields.h,
 * by their names in JSON, with the id before them and the keys or accounts
 * behind them.
 */
#ifndef ENSCALECTL_COLUMNS_H
#define ENSCALECTL_COLUMNS_H

#include <jansson.h>

#include "enscalectl/request.h"
#include "ldap/ldap_entry.h"

enum column_type {
	COLUMN_ID,     /* of an account, a node */
	COLUMN_PARENT, /* of a key: its account; of a node: its environment */
	COLUMN_FIELD,  /* as the type of the field says */
	COLUMN_ACCESS, /* a list of accounts */
	COLUMN_KEY,    /* as in authorized_keys, options before it */
	COLUMN_HOST_KEYS, /* a list of those */
};

struct column {
	char name[REQUEST_NAME_MAX];
	enum column_type type;
	enum schema_name attribute; /* not of an environment as a parent */
	const struct field *field;  /* of COLUMN_FIELD */
	enum environment_role role; /* of COLUMN_ACCESS */
};

#define COLUMNS_MAX 16
struct columns {
	struct column each[COLUMNS_MAX];
	uint32_t count;
};

/* Account, key, environment, node: each after those that it needs. */
#define COLUMNS_KINDS 4
extern const enum entry_kind columns_kinds[COLUMNS_KINDS];

/* Of one of these. */
const struct columns *columns_of(enum entry_kind kind);
/* By its name in JSON, or the name of its field; NULL: there is none. */
const struct column *columns_find(const struct columns *columns,
    const char *name);
/* By the attribute that the directory has it in; NULL: there is none. */
const struct column *columns_find_attribute(const struct columns *columns,
    const struct schema *schema, struct berval name);
/* "kind, account_id, ...", for people. */
#define COLUMNS_TEXT_MAX 256
void columns_text(const struct columns *columns, char buf[COLUMNS_TEXT_MAX]);

/* The fields of an entry, in the struct that their table is for. */
const void *columns_fields(const struct entry *entry);
/* Do two entries of a kind, neither refused, say the same there? Of what is
 * above them, they are not asked. */
bool column_is_same(const struct column *column, const struct entry *a,
    const struct entry *b);
/* What an entry, not refused, says there. parent: for COLUMN_PARENT. */
json_t *column_value(const struct column *column, const struct entry *entry,
    json_t *parent);

#endif
