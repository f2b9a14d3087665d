/*
 * Who is at the other end of a local socket, according to the kernel: the uid,
 * the process, and, by walking up from it, the sshd monitor whose session it
 * belongs to. Nothing that the peer says or has in its environment counts.
 */
#ifndef ENSCALE_GUARD_PEER_H
#define ENSCALE_GUARD_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enscale_guard/process.h"
#include "enscale_guard/session_table.h"

#define PEER_CHAIN_MAX 32

struct peer {
	uid_t uid;
	/* The peer first, its session's monitor last. */
	struct process chain[PEER_CHAIN_MAX];
	size_t chain_len;
};

/* The uid that connected. 0 or -errno. */
int peer_uid(int fd, uid_t *ret_uid);

/*
 * The process that connected, if it is still running: 0, -ESRCH when it has
 * ended. SO_PEERPIDFD where the kernel has it (Linux 6.5), else the pid with a
 * start before accepted (clock ticks since boot). The second way takes for the
 * peer what has its pid by then. Where the peer has ended since connect(2),
 * that may be another process, though of the same account, since the uid was
 * noted then. The time for it is what a connection waits in the queue: with
 * systemd's socket as long as the guard takes to begin.
 */
int peer_process(int fd, uint64_t accepted, struct process *ret_process);
/* The same without SO_PEERPIDFD; separate for its test. */
int peer_process_by_pid(int fd, uint64_t accepted, struct process *ret_process);
/* Clock ticks since boot, as in proc_pid_stat(5). */
uint64_t peer_ticks(void);

/*
 * Finds the peer's session. Returns 0; ENS_E_NOTFOUND: it belongs to no open
 * session of its uid, which is uid_base plus the session's account;
 * -ESRCH: it has ended; -errno. *ret_entry is borrowed from the table.
 */
int peer_identify(int fd, uint64_t accepted, uint32_t uid_base,
    struct session_table *table, struct peer *ret_peer,
    struct session_entry **ret_entry);

/*
 * Did an sshd let the peer in? That is, does a process above it have that name?
 * Only for a message to people: a process chooses its own name.
 */
bool peer_is_below_sshd(int fd, uint64_t accepted);

/* Is this process strictly above the peer, and below its monitor? */
bool peer_descends_from(const struct peer *peer, const struct process *process);

#endif
