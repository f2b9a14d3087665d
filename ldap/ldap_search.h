/* What to search for in a directory: below which entry, and with which names.
 */
#ifndef ENSCALE_LDAP_LDAP_SEARCH_H
#define ENSCALE_LDAP_LDAP_SEARCH_H

#include "common/names/schema.h"

/* A configured filter, or one that names every class. */
#define LDAP_SEARCH_FILTER_MAX 2048

struct ldap_search {
	const char *base;            /* borrowed */
	int scope;                   /* LDAP_SCOPE_... */
	const struct schema *schema; /* borrowed */
	char filter[LDAP_SEARCH_FILTER_MAX];
	/* What entry_parse() reads, by the directory's names; borrowed from the
	 * schema. If polled, the first LDAP_SEARCH_STAMPS identify the entry
	 * and its version. Ends with NULL. */
	const char *attributes[SCHEMA_COUNT + 1];
	int limit; /* entries at most; 0: all */
};
#define LDAP_SEARCH_STAMPS 3

/*
 * filter "": the object classes of the schema. polled: entryUUID is read,
 * too, which RFC 4533 tells in another way.
 */
void ldap_search_init(struct ldap_search *ret_search, const char *base,
    int scope, const char *filter, const struct schema *schema, bool polled);

#endif
