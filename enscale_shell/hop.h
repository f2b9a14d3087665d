/*
 * The hop: from the gateway to one node, with the system's ssh. Standard input,
 * output and error are the user's own and go to ssh as they are, so no byte
 * passes through us.
 */
#ifndef ENSCALE_SHELL_HOP_H
#define ENSCALE_SHELL_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_shell/shell.h"

struct hop_request {
	uint32_t node;
	bool sftp;           /* the sftp subsystem; command is NULL then */
	const char *command; /* NULL: the login shell */
};

struct hop_result {
	bool entered;   /* the node let us in */
	bool was_ended; /* by the guard; its sentence was said */
	bool is_over;   /* the session, too: leave */
	int code;       /* exit code; GUARD_EXIT_* when not entered */
	int signal;     /* the signal we were sent or ssh died of, or 0 */
};

/*
 * Declares the hop to the guard, runs ssh, and waits for it, for the
 * guard's word and for signals. When it returns, all messages have been
 * written, and the terminal has the modes that ssh left. If the guard is
 * restarted before the node has let the hop in, the hop is started again.
 */
struct hop_result hop_run(struct shell *shell,
    const struct hop_request *request);

#endif
