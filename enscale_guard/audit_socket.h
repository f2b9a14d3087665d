/*
 * audit.sock: what others tell for the audit log, of which nobody waits for an
 * answer. Only what root sends counts.
 */
#ifndef ENSCALE_GUARD_AUDIT_SOCKET_H
#define ENSCALE_GUARD_AUDIT_SOCKET_H

#include "enscale_guard/guard.h"

/* 0 or -errno. */
int audit_socket_open(struct guard *guard);
void audit_socket_close(struct guard *guard);

#endif
