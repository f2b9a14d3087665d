/*
 * What glibc finds in libnss_enscale.so.2 by name; see "NSS Modules
 * Interface" in its manual. Nothing else in the module is visible.
 */
#ifndef ENSCALE_NSS_ENSCALE_EXPORTS_H
#define ENSCALE_NSS_ENSCALE_EXPORTS_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/types.h>

enum nss_status _nss_enscale_getpwnam_r(const char *name, struct passwd *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_enscale_getpwuid_r(uid_t uid, struct passwd *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_enscale_setpwent(int stayopen);
enum nss_status _nss_enscale_getpwent_r(struct passwd *result, char *buffer,
    size_t buflen, int *errnop);
enum nss_status _nss_enscale_endpwent(void);

enum nss_status _nss_enscale_getgrnam_r(const char *name, struct group *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_enscale_getgrgid_r(gid_t gid, struct group *result,
    char *buffer, size_t buflen, int *errnop);
enum nss_status _nss_enscale_initgroups_dyn(const char *user, gid_t group,
    long int *start, long int *size, gid_t **groupsp, long int limit,
    int *errnop);

#endif
