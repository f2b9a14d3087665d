/*
 * Who an operator is: root, or a member of OPERATOR_GROUP, according to the
 * kernel. His name, for people and the audit log, is that of /etc/passwd alone:
 * no name service is waited for.
 */
#ifndef ENSCALE_GUARD_OPERATOR_H
#define ENSCALE_GUARD_OPERATOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/limits.h"

struct signer_maker;

#define OPERATOR_NOBODY ((uid_t)-1)

struct operator_identity {
	uid_t uid;
	char name[SYSTEM_USER_MAX + 1]; /* the number, where it has none */
	uid_t login; /* who logged in, before sudo; OPERATOR_NOBODY: unknown */
	char login_name[SYSTEM_USER_MAX + 1];
	char by[NOTICE_BY_MAX + 1]; /* "root", or "ada (root)" */
};

/* The group's number now; (gid_t)-1: there is none. It asks the name service. */
gid_t operator_group(void);
/* May the peer of this socket ask? group: operator_group(). */
bool operator_may_ask(int fd, gid_t group);
/* Who the peer is. */
void operator_identify(int fd, struct signer_maker *maker,
    struct operator_identity *ret_identity);

#endif
