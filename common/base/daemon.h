/*
 * What our daemons have in common, so that their mains read alike.
 */
#ifndef ENSCALE_COMMON_BASE_DAEMON_H
#define ENSCALE_COMMON_BASE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "common/base/cleanup.h"

struct daemon_arguments {
	const char *config; /* the file to read, borrowed from argv or static */
	bool only_check;    /* check it, and exit */
};

/*
 * Reads a daemon's command line: -f, -t, and the options that arguments.h has
 * for all programs. Returns ARGUMENTS_GO_ON or the exit code.
 */
int daemon_read_arguments(const char *name, int argc, char **argv,
    struct daemon_arguments *ret_arguments);

/* Sets the umask for the files that it makes, ignores SIGPIPE, so that a client
 * that hangs up does not end it, and gives the journal its fields (journal.h). */
void daemon_prepare(mode_t mask);

/* Nobody may trace or dump it, and nothing that it runs has rights that it does
 * not have; logs it if the kernel refuses that. */
void daemon_close_to_others(void);

/*
 * One daemon of a kind at a time, or the second would replace the first one's
 * sockets: locks the file until the process ends. Returns 0, or an error that
 * it has logged.
 */
ENS_MUST_CHECK int daemon_lock(const char *path);

/*
 * The loop, which the caller runs and frees: SIGTERM and SIGINT end it with
 * code 0, SIGHUP calls on_hangup, and systemd's watchdog is kept alive. From
 * here on all three signals wait for the loop. 0 or -errno.
 */
ENS_MUST_CHECK int daemon_open_loop(sd_event_signal_handler_t on_hangup,
    void *arg, sd_event **ret_event);

/*
 * A socket of type SOCK_STREAM with that path that listens: the one that
 * systemd holds (a .socket unit) and has handed over, with its mode, or else a
 * new one (local_socket.h). Whoever connects to systemd's while the daemon is
 * restarted waits in its queue and is not refused. Returns the descriptor,
 * close-on-exec and not blocking, or -errno.
 */
ENS_MUST_CHECK int daemon_listen(const char *path, mode_t mode, int backlog);

#endif
