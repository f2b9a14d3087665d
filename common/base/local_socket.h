/*
 * Sockets with a path, as a daemon listens at them, and connects to another's.
 * Where systemd holds the socket (a .socket unit), the daemon takes that:
 * whoever connects while the daemon is restarted waits in its queue and is
 * refused by nobody.
 */
#ifndef ENSCALE_COMMON_BASE_LOCAL_SOCKET_H
#define ENSCALE_COMMON_BASE_LOCAL_SOCKET_H

#include <sys/types.h>

/*
 * A new socket (SOCK_STREAM, SOCK_DGRAM) with that path and mode; it replaces
 * what has the path, so the caller holds a lock. Returns the descriptor,
 * close-on-exec and not blocking, or -errno.
 */
int local_socket_bind(const char *path, int type, mode_t mode);

/*
 * The same, of type SOCK_STREAM and listening: the one with that path which
 * was handed over (sd_listen_fds(3)), mode and all, or else a new one.
 */
int local_socket_listen(const char *path, mode_t mode, int backlog);

/* Connects to one of type SOCK_STREAM, at once or, with many waiting, not at
 * all. Returns the descriptor, close-on-exec and not blocking, or -errno. */
int local_socket_connect(const char *path);

#endif
