/*
 * What this host's name service says of a login name. sshd becomes whoever
 * getpwnam() and initgroups() say, and our NSS module may not be the one that
 * answered: a local user can have a number for a name, and another service
 * can stand in front of ours.
 */
#ifndef ENSCALE_PAM_NAME_SERVICE_H
#define ENSCALE_PAM_NAME_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/names/login_name.h"

#define NAME_SERVICE_CAUSE_MAX 320

/*
 * Does it say of this name, of its uid and of its groups what our own module
 * says of an account? When not, cause has the reason, for operators. It asks
 * every service of nsswitch.conf, as sshd does.
 */
bool name_service_agrees(const struct login_name *name, uint32_t uid_base,
    char cause[NAME_SERVICE_CAUSE_MAX]);

#endif
