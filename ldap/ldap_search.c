/* What is looked for in a directory. See ldap_search.h. */
#include <config.h>

#include "ldap/ldap_search.h"

#include <stdio.h>
#include <string.h>

/* Names of a schema need no escaping (RFC 4515). */
static void
make_filter(const struct schema *schema, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "(|");

	for (int i = 0; i < SCHEMA_CLASSES && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len,
		    "(objectClass=%s)", schema->names[i]);
	if (len < size)
		(void)snprintf(buf + len, size - len, ")");
}

void
ldap_search_init(struct ldap_search *ret_search, const char *base, int scope,
    const char *filter, const struct schema *schema, bool polled)
{
	static const enum schema_name stamps[] = { SCHEMA_UUID, SCHEMA_CSN,
		SCHEMA_MODIFIED };
	int count = 0;

	*ret_search = (struct ldap_search){ .base = base,
		.scope = scope,
		.schema = schema };
	if (*filter != '\0')
		(void)snprintf(ret_search->filter, sizeof(ret_search->filter),
		    "%s", filter);
	else
		make_filter(schema, ret_search->filter,
		    sizeof(ret_search->filter));
	for (int i = polled ? 0 : 1; i < LDAP_SEARCH_STAMPS; i++)
		ret_search->attributes[count++] = schema->names[stamps[i]];
	for (int i = SCHEMA_CLASSES; i < SCHEMA_COUNT; i++) {
		if (i != SCHEMA_UUID && i != SCHEMA_CSN && i != SCHEMA_MODIFIED)
			ret_search->attributes[count++] = schema->names[i];
	}
}
