/* See changes.h. It refuses to judge: that is for who reads the entry. */
#include <config.h>

#include "enscalectl/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
changes_put(struct changes *changes, int op, const char *name,
    const struct berval *values, uint32_t count)
{
	struct berval **list = &changes->lists[changes->list_count];
	LDAPMod *mod = &changes->each[changes->count];
	uint32_t i;

	if (changes->count == CHANGES_MAX)
		return;
	*mod = (LDAPMod){ .mod_op = op | LDAP_MOD_BVALUES };
	memcpy(&mod->mod_type, &name, sizeof(name)); /* only read */
	for (i = 0; i < count && changes->value_count < CHANGES_VALUES_MAX;
	     i++) {
		changes->values[changes->value_count] = values[i];
		list[i] = &changes->values[changes->value_count++];
	}
	list[i] = NULL;
	changes->list_count += i + 1;
	mod->mod_bvalues = count > 0 ? list : NULL;
	changes->pointers[changes->count++] = mod;
}

void
changes_put_list(struct changes *changes, int op, const char *name,
    struct berval **values)
{
	unsigned own = changes->count;

	changes_put(changes, op, name, NULL, 0);
	if (changes->count > own && values[0] != NULL)
		changes->each[own].mod_bvalues = values;
}

void
changes_put_text(struct changes *changes, int op, const char *name,
    const char *text)
{
	struct berval value = { 0, NULL };

	if (text == NULL || text[0] == '\0') {
		changes_put(changes, op, name, NULL, 0);
		return;
	}
	memcpy(&value.bv_val, &text, sizeof(text)); /* only read */
	value.bv_len = strlen(text);
	changes_put(changes, op, name, &value, 1);
}

/* ---- what comes of it --------------------------------------------------- */

static bool
is_named(const struct entry_attribute *attribute, const char *name)
{
	return strlen(name) == attribute->name.bv_len &&
	    strncasecmp(name, attribute->name.bv_val, attribute->name.bv_len) ==
	    0;
}

static struct entry_attribute *
find(struct changed *changed, const char *name)
{
	uint32_t i;

	for (i = 0; i < changed->count; i++)
		if (is_named(&changed->attributes[i], name))
			return &changed->attributes[i];
	return NULL;
}

static bool
has(const LDAPMod *mod, const struct berval *value)
{
	struct berval *const *own;

	for (own = mod->mod_bvalues; *own != NULL; own++)
		if ((*own)->bv_len == value->bv_len &&
		    memcmp((*own)->bv_val, value->bv_val, value->bv_len) == 0)
			return true;
	return false;
}

/* The values that stay, and those that come; returns how many. */
static uint32_t
take_values(const LDAPMod *mod, const struct entry_attribute *old,
    struct berval *values)
{
	int op = mod->mod_op & ~LDAP_MOD_BVALUES;
	bool all = mod->mod_bvalues == NULL;
	uint32_t i, count = 0;

	for (i = 0;
	     old != NULL && op != LDAP_MOD_REPLACE && i < old->value_count; i++)
		if (op == LDAP_MOD_ADD || (!all && !has(mod, &old->values[i])))
			values[count++] = old->values[i];
	for (i = 0;
	     op != LDAP_MOD_DELETE && !all && mod->mod_bvalues[i] != NULL; i++)
		values[count++] = *mod->mod_bvalues[i];
	return count;
}

/* Nothing is said of an attribute without values. */
static void
put(struct changed *changed, const LDAPMod *mod, struct berval *values,
    uint32_t count)
{
	struct entry_attribute *attribute = find(changed, mod->mod_type);

	if (attribute == NULL && count > 0) {
		attribute = &changed->attributes[changed->count++];
		attribute->name = (struct berval){ strlen(mod->mod_type),
			mod->mod_type };
	}
	if (attribute == NULL)
		return;
	attribute->values = values;
	attribute->value_count = count;
	if (count == 0)
		*attribute = changed->attributes[--changed->count];
}

static size_t
count_new(const struct changes *changes)
{
	struct berval *const *value;
	size_t count = 0;

	for (unsigned i = 0; i < changes->count; i++)
		for (value = changes->each[i].mod_bvalues;
		     value != NULL && *value != NULL; value++)
			count++;
	return count;
}

int
changes_apply(const struct changes *changes,
    const struct entry_attribute *attributes, uint32_t count,
    struct changed *ret_changed)
{
	size_t all = count_new(changes), used = 0;
	uint32_t i, taken;

	for (i = 0; i < count; i++)
		all += attributes[i].value_count;
	/* An attribute may be changed twice, by a deletion and an addition. */
	*ret_changed = (struct changed){
		.attributes = calloc(count + CHANGES_MAX,
		    sizeof(struct entry_attribute)),
		.count = count,
		.values = calloc(2 * all + 1, sizeof(struct berval)),
	};
	if (ret_changed->attributes == NULL || ret_changed->values == NULL) {
		cleanup_changed(ret_changed);
		return -ENOMEM;
	}
	if (count > 0)
		memcpy(ret_changed->attributes, attributes,
		    count * sizeof(*attributes));
	for (i = 0; i < changes->count; i++) {
		taken = take_values(&changes->each[i],
		    find(ret_changed, changes->each[i].mod_type),
		    ret_changed->values + used);
		put(ret_changed, &changes->each[i], ret_changed->values + used,
		    taken);
		used += taken;
	}
	return 0;
}

void
cleanup_changed(struct changed *changed)
{
	free(changed->attributes);
	free(changed->values);
	*changed = (struct changed){ NULL, 0, NULL };
}
