/* agent.sock: the hops' ssh, speaking the ssh-agent protocol. */
#ifndef ENSCALE_GUARD_AGENT_SOCKET_H
#define ENSCALE_GUARD_AGENT_SOCKET_H

#include "enscale_guard/guard.h"

/* A connection's life, from accept(2) on. */
#define AGENT_SECONDS 60

/* Listens. 0 or -errno. */
int agent_socket_open(struct guard *guard);
/* Takes over a connection that was just accepted. */
void agent_socket_accepted(int fd, struct client *client, void *guard);
/* The session is over: its connections get nothing more. */
void agent_socket_session_over(struct guard *guard,
    const struct session_entry *entry);
/* Has a certificate made for that session, and audits it. 0 or as
 * signer_certify(). */
int agent_socket_certify(struct guard *guard, const struct session *session,
    const struct cert_request *request, struct wire_writer *writer);
void agent_socket_close(struct guard *guard);

#endif
