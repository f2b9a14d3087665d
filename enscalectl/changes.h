/* What is to change in an entry of the directory, as libldap wants it, and what
 * the entry is then. */
#ifndef ENSCALECTL_CHANGES_H
#define ENSCALECTL_CHANGES_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "ldap/ldap_entry.h"

#define CHANGES_MAX        16
#define CHANGES_VALUES_MAX (NODE_HOST_KEYS_MAX + CHANGES_MAX)

/* Begins as zeroes; names and values are borrowed. It points into itself. */
struct changes {
	LDAPMod each[CHANGES_MAX];
	LDAPMod *pointers[CHANGES_MAX + 1];
	unsigned count;
	struct berval values[CHANGES_VALUES_MAX];
	unsigned value_count;
	/* Those of one after the other, each with a NULL behind them. */
	struct berval *lists[CHANGES_VALUES_MAX + CHANGES_MAX];
	unsigned list_count;
};

/* op is LDAP_MOD_ADD, LDAP_MOD_DELETE or LDAP_MOD_REPLACE. A kind has fewer
 * attributes than there is room for; of more values than that, the first. */
void changes_put(struct changes *changes, int op, const char *name,
    const struct berval *values, uint32_t count);
/* The same with a list of any length that ends with NULL, which is borrowed. */
void changes_put_list(struct changes *changes, int op, const char *name,
    struct berval **values);
/* The same with one value; NULL or "": none. */
void changes_put_text(struct changes *changes, int op, const char *name,
    const char *text);

/* The attributes after the changes. */
struct changed {
	struct entry_attribute *attributes; /* owned */
	uint32_t count;
	struct berval *values; /* owned */
};

/* Of the attributes as they are, which stay borrowed. 0 or -ENOMEM. */
int changes_apply(const struct changes *changes,
    const struct entry_attribute *attributes, uint32_t count,
    struct changed *ret_changed);
void cleanup_changed(struct changed *changed);

#endif
