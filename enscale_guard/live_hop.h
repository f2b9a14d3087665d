/*
 * The hops that run: those whose ssh has received its signature and is running.
 * They are judged like sessions, whatever happens to the connection that
 * declared them, and each has an empty file in run_dir/guard/hops whose name
 * says everything, so that a restarted guard knows them, too:
 *
 *	SESSION.NODE.PID.START
 */
#ifndef ENSCALE_GUARD_LIVE_HOP_H
#define ENSCALE_GUARD_LIVE_HOP_H

#include "enscale_guard/guard.h"

struct live_hop {
	uint32_t node;
	struct process ssh;
	struct shell *shell; /* NULL: from an earlier guard, or gone */
	bool ending;
	uint32_t ended; /* as struct hop has it */
	uint32_t owner; /* of the environment when it began; 0: not known */
	LIST_ENTRY(live_hop) of_session;
};

/* Makes the folder if necessary, opens it, and notes the hops of an earlier
 * guard. 0 or -errno. */
int live_hop_open(struct guard *guard);
void live_hop_close(struct guard *guard);

/* The shell's declaration was signed for this ssh. 0 or -errno. */
int live_hop_add(struct guard *guard, struct shell *shell,
    const struct process *ssh);
/* The earlier hops of one session, when it appears. */
void live_hop_take_in(struct guard *guard, struct session_entry *entry);
/* The shell says that its hop is over, or has gone itself. A hop whose ssh is
 * running stays. */
void live_hop_release(struct guard *guard, struct shell *shell);
/* Forgets those whose ssh has ended. */
void live_hop_prune(struct guard *guard, struct session_entry *entry);
/* Forgets all: the session is over. */
void live_hop_clear(struct guard *guard, struct session_entry *entry);
/* Removes the files of sessions that no longer exist. */
void live_hop_tidy(struct guard *guard);

#endif
