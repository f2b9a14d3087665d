/*
 * What our daemons have in common, so that their mains read alike.
 */
#ifndef ENSCALE_COMMON_BASE_DAEMON_H
#define ENSCALE_COMMON_BASE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon_arguments {
	const char *config; /* the file to read, borrowed from argv or static */
	bool only_check;    /* say what is wrong with it, and end */
};

/*
 * Reads a daemon's command line, -f and -t, and says what arguments.h says for
 * all programs. Returns ARGUMENTS_GO_ON or the exit code.
 */
int daemon_read_arguments(const char *name, int argc, char **argv,
    struct daemon_arguments *ret_arguments);

/*
 * A socket of type SOCK_STREAM with that path that listens: the one that
 * systemd holds (a .socket unit) and has handed over, mode and all, or else a
 * new one (local_socket.h). Whoever connects to systemd's while the daemon is
 * restarted waits in its queue and is refused by nobody. Returns the
 * descriptor, close-on-exec and not blocking, or -errno.
 */
int daemon_listen(const char *path, mode_t mode, int backlog);

#endif
