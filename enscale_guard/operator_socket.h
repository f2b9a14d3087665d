/* operator.sock: the operators' connections, one JSON line each way
 * (common/protocol/operator_protocol.h). */
#ifndef ENSCALE_GUARD_OPERATOR_SOCKET_H
#define ENSCALE_GUARD_OPERATOR_SOCKET_H

#include "enscale_guard/guard.h"
#include "enscale_guard/operator.h"

/* A connection. */
struct operator_client {
	struct guard *guard;
	struct client *client;
	struct stream *stream;
	struct stream_handler handler;
	struct operator_identity who;
	/* The sessions that the last request found and no answer had yet. */
	char (*rest)[SESSION_ID_LEN + 1]; /* owned */
	size_t rest_count, rest_next;
	LIST_ENTRY(operator_client) all;
};

/* Listens. 0 or -errno. */
int operator_socket_open(struct guard *guard);
void operator_socket_close(struct guard *guard);

#endif
