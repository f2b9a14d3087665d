/* Names to ask the server about. See orphans.h. */
#include <config.h>

#include "enscale_sync/orphans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "ldap/ldap_dn.h"

int
orphans_add(struct orphans *orphans, const char *child)
{
	char name[ENTRY_DN_MAX + 1];
	int r = ldap_dn_parent(child, name, sizeof(name));

	if (r != 0)
		return r;
	for (uint32_t i = orphans->asked; i < orphans->count; i++) {
		if (strcmp(orphans->names[i], name) == 0)
			return 0;
	}
	if (orphans->count == ORPHANS_MAX)
		return ENS_E_LIMIT;
	orphans->names[orphans->count] = strdup(name);
	if (orphans->names[orphans->count] == NULL)
		return -ENOMEM;
	orphans->count++;
	return 0;
}

const char *
orphans_first(const struct orphans *orphans)
{
	return orphans->asked < orphans->count ? orphans->names[orphans->asked]
	                                       : NULL;
}

void
orphans_next(struct orphans *orphans)
{
	orphans->asked++;
	if (orphans->asked == orphans->count)
		orphans_clear(orphans);
}

void
orphans_clear(struct orphans *orphans)
{
	for (uint32_t i = 0; i < orphans->count; i++)
		free(orphans->names[i]);
	orphans->count = orphans->asked = 0;
}
