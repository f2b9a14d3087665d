/*
 * What enscalectl tells the guard of an administrator's act on this host, for
 * the audit log: one datagram to audit.sock, by root, which nobody answers.
 *
 *	u8 ADMIN_ACT_KIND, text by, text op, text what, text result
 *
 * as common/base/wire.h has them, to its last byte.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_ADMIN_ACT_H
#define ENSCALE_COMMON_PROTOCOL_ADMIN_ACT_H

#include "common/base/cleanup.h"
#include "common/base/wire.h"

#define ADMIN_ACT_KIND 2U /* a login's refusal is 1 */
#define ADMIN_TEXT_MAX 1024
#define ADMIN_ACT_MAX  (4 * (ADMIN_TEXT_MAX + 8) + 1)

/* Borrowed; decoded, from the datagram, and fit to be shown. */
struct admin_act {
	const char *by;     /* "alice by sudo" */
	const char *op;     /* "account suspend" */
	const char *what;   /* the entry, or the arguments */
	const char *result; /* "changed" */
};

/* The writer's error says whether it fits. */
void admin_act_encode(struct wire_writer *writer, const struct admin_act *act);
/* 0, or ENS_E_CORRUPT: anything else than one of these. */
ENS_MUST_CHECK int admin_act_decode(struct bytes datagram,
    struct admin_act *ret_act);

#endif
