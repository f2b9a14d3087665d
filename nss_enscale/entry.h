/*
 * From an account to glibc's entries, and from our errors to glibc's. The only
 * part of the module that knows what a passwd or group entry holds and the only
 * one that knows NSS_STATUS_.
 */
#ifndef ENSCALE_NSS_ENSCALE_ENTRY_H
#define ENSCALE_NSS_ENSCALE_ENTRY_H

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/names/login_name.h"

/*
 * Fill an entry and the caller's buffer. 0, or ENS_E_LIMIT when the buffer
 * is too small; *ret_entry is untouched then. Every pointer in the entry points
 * into the buffer.
 */
int nss_entry_passwd(const struct login_name *name, uint32_t uid_base,
    char *buffer, size_t buflen, struct passwd *ret_entry);
int nss_entry_group(uint32_t account, uint32_t uid_base, char *buffer,
    size_t buflen, struct group *ret_entry);

/* The account of a uid or gid: 0 or ENS_E_NOTFOUND. */
int nss_entry_account(uint32_t uid_base, uint32_t id, uint32_t *ret_account);
/* True for a uid or gid that cannot be ours whatever uid_base is: there is no
 * need to ask the map. */
bool nss_entry_foreign(uint32_t id);

/*
 * The answer for glibc. errno becomes what it was on entry (saved_errno),
 * since a lookup must not disturb its caller; *errnop, which may be the same
 * variable, says why there is no entry.
 */
enum nss_status nss_entry_status(int r, int saved_errno, int *errnop);

#endif
