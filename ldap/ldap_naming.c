/* Does a server use the names that we were told? See ldap_naming.h. */
#include <config.h>

#include "ldap/ldap_naming.h"

#include <ldap_schema.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "ldap/ldap_values.h"

static void
free_values(struct berval ***values)
{
	ldap_value_free_len(*values);
}

#define AUTO_VALUES AUTO(free_values)

/* What a definition of the schema is about. */
struct definition {
	LDAPAttributeType *attribute; /* owned; one of them */
	LDAPObjectClass *class;
	char **names;
};

static void
free_definition(struct definition *definition)
{
	if (definition->attribute != NULL)
		ldap_attributetype_free(definition->attribute);
	if (definition->class != NULL)
		ldap_objectclass_free(definition->class);
}

static void
read_definition(const char *text, bool is_class, struct definition *definition)
{
	const char *where;
	int code;

	if (is_class)
		definition->class = ldap_str2objectclass(text, &code, &where,
		    LDAP_SCHEMA_ALLOW_ALL);
	else
		definition->attribute = ldap_str2attributetype(text, &code,
		    &where, LDAP_SCHEMA_ALLOW_ALL);
	if (definition->class != NULL)
		definition->names = definition->class->oc_names;
	if (definition->attribute != NULL)
		definition->names = definition->attribute->at_names;
}

static bool
has_name(const struct definition *definition, const char *name)
{
	for (char **n = definition->names; n != NULL && *n != NULL; n++) {
		if (strcasecmp(*n, name) == 0)
			return true;
	}
	return false;
}

/* Copies what the server calls a name; "" when it has no such thing. */
static void
find_own_name(struct berval **definitions, bool is_class, const char *name,
    char own[SCHEMA_NAME_MAX + 1])
{
	own[0] = '\0';
	for (int i = 0; own[0] == '\0' && definitions[i] != NULL; i++) {
		AUTO(free_definition) struct definition definition = { 0 };

		read_definition(definitions[i]->bv_val, is_class, &definition);
		if (has_name(&definition, name))
			(void)snprintf(own, SCHEMA_NAME_MAX + 1, "%s",
			    definition.names[0]);
	}
}

static bool
is_mapped(const struct schema *schema, int which)
{
	return strcmp(schema->names[which], schema_names[which]) != 0;
}

/* The names of the schema from first to behind last. */
static int
check_names(const struct schema *schema, int first, int last,
    struct berval **definitions, char ret_reason[LDAP_REASON_MAX])
{
	bool is_class = first < SCHEMA_CLASSES;
	char own[SCHEMA_NAME_MAX + 1];

	for (int which = first; which < last; which++) {
		const char *name = schema->names[which];

		if (!is_mapped(schema, which))
			continue;
		find_own_name(definitions, is_class, name, own);
		if (strcasecmp(own, name) == 0)
			continue;
		if (own[0] == '\0')
			(void)snprintf(ret_reason, LDAP_REASON_MAX,
			    "[mapping] %s = %s: the server knows no such %s",
			    schema_names[which], name,
			    is_class ? "object class" : "attribute");
		else
			(void)snprintf(ret_reason, LDAP_REASON_MAX,
			    "[mapping] %s = %s: the server calls it %s: write that",
			    schema_names[which], name, own);
		return ENS_E_CONFIG;
	}
	return 0;
}

static int
check_kind(LDAP *ld, const char *dn, const char *attribute,
    const struct schema *schema, int first, int last, uint32_t timeout,
    char ret_reason[LDAP_REASON_MAX])
{
	AUTO_VALUES struct berval **definitions = NULL;
	int r = ldap_values_read(ld, dn, attribute, timeout, &definitions);

	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(ld, r, "schema", ret_reason);
		return ENS_E_LDAP;
	}
	return definitions == NULL
	    ? 0
	    : check_names(schema, first, last, definitions, ret_reason);
}

int
ldap_naming_check(LDAP *ld, const char *base, const struct schema *schema,
    uint32_t timeout, char ret_reason[LDAP_REASON_MAX])
{
	AUTO_VALUES struct berval **entry = NULL;
	bool any = false;
	int r;

	for (int which = 0; which < SCHEMA_MAPPABLE; which++)
		any |= is_mapped(schema, which);
	if (!any)
		return 0;
	r = ldap_values_read(ld, base, "subschemaSubentry", timeout, &entry);
	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(ld, r, "schema", ret_reason);
		return ENS_E_LDAP;
	}
	if (entry == NULL)
		return 0;
	r = check_kind(ld, entry[0]->bv_val, "objectClasses", schema, 0,
	    SCHEMA_CLASSES, timeout, ret_reason);
	if (r == 0)
		r = check_kind(ld, entry[0]->bv_val, "attributeTypes", schema,
		    SCHEMA_CLASSES, SCHEMA_MAPPABLE, timeout, ret_reason);
	return r;
}

/* Takes those that the definitions have out of the set. */
static void
find_names(struct berval **definitions, bool is_class,
    const struct schema *schema, uint64_t *unknown)
{
	int first = is_class ? 0 : SCHEMA_CLASSES;
	int last = is_class ? SCHEMA_CLASSES : SCHEMA_MAPPABLE;

	for (int i = 0; definitions != NULL && definitions[i] != NULL; i++) {
		AUTO(free_definition) struct definition definition = { 0 };

		read_definition(definitions[i]->bv_val, is_class, &definition);
		for (int which = first; which < last; which++) {
			if (has_name(&definition, schema->names[which]))
				*unknown &= ~(UINT64_C(1) << which);
		}
	}
}

int
ldap_naming_unknown(LDAP *ld, const char *base, const struct schema *schema,
    uint32_t timeout, bool *ret_shown, uint64_t *ret_unknown)
{
	AUTO_VALUES struct berval **entry = NULL, **classes = NULL,
	                          **types = NULL;
	int r = ldap_values_read(ld, base, "subschemaSubentry", timeout,
	    &entry);

	*ret_shown = false;
	*ret_unknown = (UINT64_C(1) << SCHEMA_MAPPABLE) - 1;
	if (r == LDAP_SUCCESS && entry != NULL)
		r = ldap_values_read(ld, entry[0]->bv_val, "objectClasses",
		    timeout, &classes);
	if (r == LDAP_SUCCESS && entry != NULL)
		r = ldap_values_read(ld, entry[0]->bv_val, "attributeTypes",
		    timeout, &types);
	if (r != LDAP_SUCCESS)
		return r;
	*ret_shown = classes != NULL && types != NULL;
	find_names(classes, true, schema, ret_unknown);
	find_names(types, false, schema, ret_unknown);
	return LDAP_SUCCESS;
}
