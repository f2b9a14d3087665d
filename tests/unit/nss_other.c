/*
 * A name service that answers what the test program says: with glibc between
 * it and the PAM module, as on a gateway where another service stands in
 * front of ours.
 */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>

#include "common/base/cleanup.h"
#include "tests/unit/other_service.h"

enum nss_status _nss_other_getpwnam_r(const char *name, struct passwd *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_other_getpwuid_r(uid_t uid, struct passwd *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_other_initgroups_dyn(const char *user, gid_t group,
    long *start, long *size, gid_t **groupsp, long limit, int *errnop);

static enum nss_status
answer(int r, int *errnop)
{
	*errnop = r == -ERANGE ? ERANGE : ENOENT;
	if (r == 0)
		return NSS_STATUS_SUCCESS;
	return r == -ERANGE ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

ENS_EXPORT enum nss_status
_nss_other_getpwnam_r(const char *name, struct passwd *result, char *buffer,
    size_t buflen, int *errnop)
{
	return answer(other_service_passwd(name, 0, buffer, buflen, result),
	    errnop);
}

ENS_EXPORT enum nss_status
_nss_other_getpwuid_r(uid_t uid, struct passwd *result, char *buffer,
    size_t buflen, int *errnop)
{
	return answer(other_service_passwd(NULL, uid, buffer, buflen, result),
	    errnop);
}

/* glibc begins with room for more than one. */
ENS_EXPORT enum nss_status
_nss_other_initgroups_dyn(const char *user ENS_UNUSED, gid_t group ENS_UNUSED,
    long *start, long *size, gid_t **groupsp, long limit ENS_UNUSED,
    int *errnop)
{
	if (other_group == 0 || *start >= *size) {
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	}
	(*groupsp)[(*start)++] = other_group;
	return NSS_STATUS_SUCCESS;
}
