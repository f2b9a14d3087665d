/* guard.sock: the shells' connections, one JSON line each way. */
#ifndef ENSCALE_GUARD_GUARD_SOCKET_H
#define ENSCALE_GUARD_GUARD_SOCKET_H

#include "enscale_guard/guard.h"

/* Listens. 0 or -errno. */
int guard_socket_open(struct guard *guard);
/* Takes over a connection that was just accepted. */
void guard_socket_accepted(int fd, struct client *client, void *guard);
/* The session is over: what its shells declared is void. */
void guard_socket_session_over(struct session_entry *entry);
void guard_socket_close(struct guard *guard);

#endif
