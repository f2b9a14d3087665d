/*
 * The ssh-agent protocol (RFC 9987 and OpenSSH's PROTOCOL.agent) as far as
 * one hop needs it: a state machine over whole messages, without a socket.
 *
 * The rules:
 * (a) exactly one session-bind@openssh.com, first, well-formed, is_forwarding
 *     0, with a valid signature over the session id by that host key;
 * (b) the host key is one of the declared node's;
 * (c) policy allows account, the session's key and the node, now;
 * (d) then one certificate is listed, else none;
 * (e) the sign request names that certificate byte for byte, and its data is,
 *     strictly parsed to the end: the bound session id, 50
 *     (SSH_MSG_USERAUTH_REQUEST), the node's system user, ssh-connection,
 *     publickey or publickey-hostbound-v00@openssh.com (then with the bound
 *     host key behind), TRUE, the certificate's algorithm, the certificate;
 * (f) policy again;
 * (g) one signature, then the key pair is wiped;
 * (h) everything else is a FAILURE, and whoever gets one is closed, because
 *     ssh ignores a refusal and goes on.
 */
#ifndef ENSCALE_GUARD_AGENT_H
#define ENSCALE_GUARD_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/wire.h"
#include "common/policy/policy.h"
#include "common/protocol/session_registry.h"
#include "enscale_guard/cert.h"

/* The longest exchange hash is SHA-512's; none is shorter than SHA-256's. */
#define AGENT_SESSION_ID_MIN 32
#define AGENT_SESSION_ID_MAX 64

#define SSH_AGENT_FAILURE             5
#define SSH_AGENT_SUCCESS             6
#define SSH_AGENTC_REQUEST_IDENTITIES 11
#define SSH_AGENT_IDENTITIES_ANSWER   12
#define SSH_AGENTC_SIGN_REQUEST       13
#define SSH_AGENT_SIGN_RESPONSE       14
#define SSH_AGENTC_EXTENSION          27

/* The hop that the peer's shell has declared. */
struct agent_hop {
	uint64_t id;
	uint32_t node;
	bool forward_agent;
	struct session session;
};

/* The surroundings of an agent's connection; the tests replace them. */
struct agent_surroundings {
	/* The open hop of this peer, now. 0 or ENS_E_NOTFOUND. */
	int (*find_hop)(void *arg, struct agent_hop *ret_hop);
	/* The view to judge by; NULL, and the reason in *ret_error. */
	const struct view *(*view)(void *arg, int *ret_error);
	/* Has the certificate made and appends it. 0 or an error. */
	int (*certify)(void *arg, const struct cert_request *request,
	    struct wire_writer *writer);
	/* The hop's only signature was made. Unless this returns 0, it is not
	 * given away. */
	int (*sign)(void *arg, const struct agent_hop *hop);
	/* Something was refused: by rule 'a' to 'h'; hop NULL if none is known;
	 * answer NULL if it was not policy. */
	void (*refused)(void *arg, char rule, int error,
	    const struct agent_hop *hop, const struct policy_answer *answer);
	void *arg;
	int64_t max_age;   /* config's offline_max_age */
	uint32_t lifetime; /* of a certificate, in seconds */
};

struct agent;

/* surroundings is borrowed. 0 or -ENOMEM. */
int agent_new(const struct agent_surroundings *surroundings,
    struct agent **ret_agent);
/* Wipes what is secret. */
void agent_free(struct agent *agent);

/*
 * Answers one message (without its length) by appending one whole message,
 * length included. Returns false when the connection must be closed after
 * that answer.
 */
bool agent_handle(struct agent *agent, struct bytes message,
    struct wire_writer *reply);

#endif
