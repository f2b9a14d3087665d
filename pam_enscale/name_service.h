/*
 * What this host's name service says about a login name. sshd becomes whoever
 * getpwnam() and initgroups() say, and that answer may not come from our NSS
 * module: a local user's name can be a number, and another service can come
 * before ours.
 */
#ifndef ENSCALE_PAM_NAME_SERVICE_H
#define ENSCALE_PAM_NAME_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/names/login_name.h"

#define NAME_SERVICE_CAUSE_MAX 320

/*
 * Does it say about this name, its uid and its groups what our own module says
 * about an account? If not, cause has the reason, for operators. It asks every
 * service in nsswitch.conf, as sshd does.
 */
bool name_service_agrees(const struct login_name *name, uint32_t uid_base,
    char cause[NAME_SERVICE_CAUSE_MAX]);

#endif
