/*
 * How many sessions an account has opened within the last minute: a small file
 * of root's on /run, in which accounts share places. One that finds another in
 * its place begins anew, so that the file never grows and nobody is refused for
 * another's sake. The caller holds the registry's lock.
 */
#ifndef ENSCALE_PAM_LOGIN_RATE_H
#define ENSCALE_PAM_LOGIN_RATE_H

#include <stdint.h>

#include "common/base/cleanup.h"

#define LOGIN_RATE_PLACES 65536U

/* Opens it, or makes it: a descriptor, or -errno. */
ENS_MUST_CHECK int login_rate_open(const char *path);
/* About how many within the last minute. 0 or -errno. seconds: since boot. */
ENS_MUST_CHECK int login_rate_count(int fd, uint32_t account, uint64_t seconds,
    uint32_t *ret_count);
/* Counts one more. 0 or -errno. */
ENS_MUST_CHECK int login_rate_add(int fd, uint32_t account, uint64_t seconds);

#endif
