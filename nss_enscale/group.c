/*
 * One private group per account, of the account's name and without members.
 * Groups are not enumerated: nothing needs that; thanks to initgroups_dyn() not
 * even glibc.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "nss_enscale/entry.h"
#include "nss_enscale/exports.h"
#include "nss_enscale/map.h"

/* The group list that initgroups_dyn() is handed: glibc's, grown by
 * realloc(3) as its own modules do. */
struct group_list {
	long *start; /* the next free place */
	long *size;
	gid_t **groups;
	long limit; /* of the size; 0 or less: none */
};

static int
by_name(const char *text, struct group *result, char *buffer, size_t buflen)
{
	AUTO_MAP struct nss_map use = { 0 };
	struct login_name name;
	int r;

	r = login_name_parse(text, &name);
	if (r != 0 || name.node != 0 || name.account > ACCOUNT_ID_MAX)
		return ENS_E_NOTFOUND;
	r = nss_map_get(&use);
	if (r != 0)
		return r;
	if (!account_map_has(use.map, name.account))
		return ENS_E_NOTFOUND;
	return nss_entry_group(name.account, account_map_uid_base(use.map),
	    buffer, buflen, result);
}

static int
by_gid(gid_t gid, struct group *result, char *buffer, size_t buflen)
{
	AUTO_MAP struct nss_map use = { 0 };
	uint32_t account;
	int r;

	if (nss_entry_foreign(gid))
		return ENS_E_NOTFOUND;
	r = nss_map_get(&use);
	if (r == 0)
		r = nss_entry_account(account_map_uid_base(use.map), gid,
		    &account);
	if (r != 0)
		return r;
	if (!account_map_has(use.map, account))
		return ENS_E_NOTFOUND;
	return nss_entry_group(account, account_map_uid_base(use.map), buffer,
	    buflen, result);
}

static bool
listed(const struct group_list *list, gid_t gid)
{
	for (long i = 0; i < *list->start; i++) {
		if ((*list->groups)[i] == gid)
			return true;
	}
	return false;
}

/* Adds a group, or leaves it out when the list may grow no further. */
static int
add(const struct group_list *list, gid_t gid)
{
	if (*list->start == *list->size) {
		long size = *list->size > 0 ? 2 * *list->size : 1;
		gid_t *groups;

		if (list->limit > 0 && size > list->limit)
			size = list->limit;
		if (size <= *list->size)
			return 0;
		groups = realloc(*list->groups, (size_t)size * sizeof(*groups));
		if (groups == NULL)
			return -ENOMEM;
		*list->groups = groups;
		*list->size = size;
	}
	(*list->groups)[(*list->start)++] = gid;
	return 0;
}

static int
groups_of(const char *user, gid_t group, const struct group_list *list)
{
	AUTO_MAP struct nss_map use = { 0 };
	struct login_name name;
	gid_t gid;
	int r;

	r = login_name_parse(user, &name);
	if (r != 0 || name.account > ACCOUNT_ID_MAX)
		return ENS_E_NOTFOUND;
	r = nss_map_get(&use);
	if (r != 0)
		return r;
	if (!account_map_has(use.map, name.account))
		return ENS_E_NOTFOUND;
	gid = account_map_uid_base(use.map) + name.account;
	/* The caller has put the primary group there already. */
	if (gid == group || listed(list, gid))
		return 0;
	return add(list, gid);
}

ENS_EXPORT enum nss_status
_nss_enscale_getgrnam_r(const char *name, struct group *result, char *buffer,
    size_t buflen, int *errnop)
{
	int saved = errno;

	return nss_entry_status(by_name(name, result, buffer, buflen), saved,
	    errnop);
}

ENS_EXPORT enum nss_status
_nss_enscale_getgrgid_r(gid_t gid, struct group *result, char *buffer,
    size_t buflen, int *errnop)
{
	int saved = errno;

	return nss_entry_status(by_gid(gid, result, buffer, buflen), saved,
	    errnop);
}

ENS_EXPORT enum nss_status
_nss_enscale_initgroups_dyn(const char *user, gid_t group, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop)
{
	const struct group_list list = { start, size, groupsp, limit };
	int saved = errno;

	return nss_entry_status(groups_of(user, group, &list), saved, errnop);
}
