/*
 * Making, and connecting to, sockets with a path.
 */
#ifndef ENSCALE_COMMON_BASE_LOCAL_SOCKET_H
#define ENSCALE_COMMON_BASE_LOCAL_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "common/base/cleanup.h"

#ifndef SO_PEERPIDFD
#	define SO_PEERPIDFD 77 /* asm-generic/socket.h since Linux 6.5 */
#endif

/*
 * A new socket (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM) with that path and
 * mode; it replaces what was at the path, so the caller must hold a lock.
 * Returns the descriptor, close-on-exec and not blocking, or -errno.
 */
ENS_MUST_CHECK int local_socket_bind(const char *path, int type, mode_t mode);

/*
 * Connects to one of that type; a path that begins with @ is an abstract name
 * (unix(7)). With wait_s 0 at once or, with many waiting, not at all, and the
 * descriptor does not block; otherwise connecting, sending and receiving wait,
 * each at most so many seconds, and fail with -EAGAIN. Returns the descriptor,
 * close-on-exec, or -errno.
 */
ENS_MUST_CHECK int local_socket_connect(const char *path, int type,
    unsigned wait_s);

/* Sends one datagram to the socket with that path, without waiting: 0 or
 * -errno; -EAGAIN: whoever reads there is behind. */
ENS_MUST_CHECK int local_socket_tell(const char *path, const void *data,
    size_t len);

#endif
