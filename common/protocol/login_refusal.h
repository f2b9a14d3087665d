/*
 * What pam_enscale tells the guard of a login that it refused, for the audit
 * log: one datagram to audit.sock, by root, which nobody answers. It is sent
 * without waiting: a login is as fast without a guard as with one, and what the
 * guard does not get is in the system's log.
 *
 *	u8 LOGIN_REFUSAL_VERSION, u32 account, u32 node, text session,
 *	u8 and 32 bytes key, text address, u32 port, text verdict, text sentence
 *
 * as common/base/wire.h has them, to its last byte.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_LOGIN_REFUSAL_H
#define ENSCALE_COMMON_PROTOCOL_LOGIN_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/wire.h"
#include "common/protocol/session_registry.h"

#define LOGIN_REFUSAL_VERSION 1U
#define LOGIN_REFUSAL_MAX     2048 /* bytes of one datagram */
#define LOGIN_VERDICT_MAX     64
#define LOGIN_SENTENCE_MAX    512

struct login_refusal {
	/* What there is of a session: its id, account and node, the key, if
	 * has_key, and where the user comes from. */
	struct session session;
	bool has_key;
	char verdict[LOGIN_VERDICT_MAX + 1];
	char sentence[LOGIN_SENTENCE_MAX + 1];
};

/* The writer's error says whether it fits. */
void login_refusal_encode(struct wire_writer *writer,
    const struct login_refusal *refusal);
/* 0, or ENS_E_CORRUPT: anything else than one of these. */
ENS_MUST_CHECK int login_refusal_decode(struct bytes datagram,
    struct login_refusal *ret_refusal);

#endif
