/*
 * passwd entries, by name and uid, and one after the other if the map allows
 * that. Names outside the grammar and uids outside the range are answered
 * without a system call.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "nss_enscale/entry.h"
#include "nss_enscale/exports.h"
#include "nss_enscale/map.h"

static int
by_name(const char *text, struct passwd *result, char *buffer, size_t buflen)
{
	AUTO_MAP struct nss_map use = { 0 };
	struct login_name name;
	int r;

	r = login_name_parse(text, &name);
	if (r != 0 || name.account > ACCOUNT_ID_MAX)
		return ENS_E_NOTFOUND;
	r = nss_map_get(&use);
	if (r != 0)
		return r;
	if (!account_map_has(use.map, name.account))
		return ENS_E_NOTFOUND;
	return nss_entry_passwd(&name, account_map_uid_base(use.map), buffer,
	    buflen, result);
}

static int
by_uid(uid_t uid, struct passwd *result, char *buffer, size_t buflen)
{
	AUTO_MAP struct nss_map use = { 0 };
	struct login_name name = { 0 };
	int r;

	if (nss_entry_foreign(uid))
		return ENS_E_NOTFOUND;
	r = nss_map_get(&use);
	if (r == 0)
		r = nss_entry_account(account_map_uid_base(use.map), uid,
		    &name.account);
	if (r != 0)
		return r;
	if (!account_map_has(use.map, name.account))
		return ENS_E_NOTFOUND;
	return nss_entry_passwd(&name, account_map_uid_base(use.map), buffer,
	    buflen, result);
}

/* The account that getpwent() looks at next. glibc holds a lock around
 * setpwent(), getpwent_r() and endpwent(); atomic for callers without it. */
static uint32_t cursor;

static int
next(struct passwd *result, char *buffer, size_t buflen)
{
	AUTO_MAP struct nss_map use = { 0 };
	struct login_name name = { 0 };
	int r;

	r = nss_map_get(&use);
	if (r != 0)
		return r;
	if (!account_map_enumerates(use.map))
		return ENS_E_NOTFOUND;
	r = account_map_next(use.map,
	    __atomic_load_n(&cursor, __ATOMIC_RELAXED), &name.account);
	if (r == 0)
		r = nss_entry_passwd(&name, account_map_uid_base(use.map),
		    buffer, buflen, result);
	/* Not after "too small": the same entry is asked for again. */
	if (r == 0)
		__atomic_store_n(&cursor, name.account + 1, __ATOMIC_RELAXED);
	return r;
}

ENS_EXPORT enum nss_status
_nss_enscale_getpwnam_r(const char *name, struct passwd *result, char *buffer,
    size_t buflen, int *errnop)
{
	int saved = errno;

	return nss_entry_status(by_name(name, result, buffer, buflen), saved,
	    errnop);
}

ENS_EXPORT enum nss_status
_nss_enscale_getpwuid_r(uid_t uid, struct passwd *result, char *buffer,
    size_t buflen, int *errnop)
{
	int saved = errno;

	return nss_entry_status(by_uid(uid, result, buffer, buflen), saved,
	    errnop);
}

ENS_EXPORT enum nss_status
_nss_enscale_setpwent(int stayopen ENS_UNUSED)
{
	__atomic_store_n(&cursor, 0, __ATOMIC_RELAXED);
	return NSS_STATUS_SUCCESS;
}

ENS_EXPORT enum nss_status
_nss_enscale_getpwent_r(struct passwd *result, char *buffer, size_t buflen,
    int *errnop)
{
	int saved = errno;

	return nss_entry_status(next(result, buffer, buflen), saved, errnop);
}

ENS_EXPORT enum nss_status
_nss_enscale_endpwent(void)
{
	__atomic_store_n(&cursor, 0, __ATOMIC_RELAXED);
	return NSS_STATUS_SUCCESS;
}
