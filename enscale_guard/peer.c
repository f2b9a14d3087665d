/* Identity from the kernel. It refuses whoever it cannot trace to an open
 * session of the very same uid. */
#include <config.h>

#include "enscale_guard/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"

static int
credentials(int fd, struct ucred *ret_ucred)
{
	struct ucred ucred = { 0 };
	socklen_t len = sizeof(ucred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &len) < 0)
		return -errno;
	if (len != sizeof(ucred) || ucred.pid <= 0)
		return -ESRCH; /* of another pid namespace */
	*ret_ucred = ucred;
	return 0;
}

int
peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred ucred = { 0 };
	int r = credentials(fd, &ucred);

	if (r == 0)
		*ret_uid = ucred.uid;
	return r;
}

uint64_t
peer_ticks(void)
{
	uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * per_second +
	    (uint64_t)now.tv_nsec * per_second / 1000000000U;
}

/* A pidfd is readable once its process has ended. */
static bool
has_ended(int pidfd)
{
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	return poll(&poller, 1, 0) != 0;
}

/* While the descriptor's process is running, its pid is that process. */
static int
process_of(int pidfd, pid_t pid, struct process *ret_process)
{
	struct process process;
	int r;

	r = process_find(pid, &process);
	if (r < 0)
		return r;
	if (has_ended(pidfd))
		return -ESRCH;
	*ret_process = process;
	return 0;
}

int
peer_process_by_pid(int fd, uint64_t accepted, struct process *ret_process)
{
	AUTO_FD int pidfd = -1;
	struct process process;
	struct ucred ucred = { 0 };
	int r;

	r = credentials(fd, &ucred);
	if (r < 0)
		return r;
	pidfd = pidfd_open(ucred.pid, 0);
	if (pidfd < 0)
		return -errno;
	r = process_of(pidfd, ucred.pid, &process);
	if (r < 0)
		return r;
	if (process.start > accepted)
		return -ESRCH;
	*ret_process = process;
	return 0;
}

int
peer_process(int fd, uint64_t accepted, struct process *ret_process)
{
	AUTO_FD int pidfd = -1;
	socklen_t len = sizeof(pidfd);
	struct ucred ucred = { 0 };
	int r;

	r = credentials(fd, &ucred);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return process_of(pidfd, ucred.pid, ret_process);
	if (errno != ENOPROTOOPT)
		return -ESRCH;
	return peer_process_by_pid(fd, accepted, ret_process);
}

/* Cuts the chain after the first process that is a session's monitor. */
static struct session_entry *
find_session(const struct session_table *table, uint32_t uid_base,
    struct peer *peer)
{
	/* The peer itself is no monitor: one is root's. */
	for (size_t i = 1; i < peer->chain_len; i++) {
		struct session_entry *entry = session_table_find(table,
		    &peer->chain[i]);

		if (entry == NULL)
			continue;
		if (entry->session.uid != peer->uid ||
		    uid_base + entry->session.account != peer->uid)
			return NULL;
		peer->chain_len = i + 1;
		return entry;
	}
	return NULL;
}

int
peer_identify(int fd, uint64_t accepted, uint32_t uid_base,
    struct session_table *table, struct peer *ret_peer,
    struct session_entry **ret_entry)
{
	struct session_entry *entry;
	struct process process;
	struct peer peer = { 0 };
	int r;

	r = peer_uid(fd, &peer.uid);
	if (r < 0)
		return r;
	r = peer_process(fd, accepted, &process);
	if (r < 0)
		return r;
	r = process_chain(process.pid, peer.chain, PEER_CHAIN_MAX,
	    &peer.chain_len);
	if (r < 0)
		return r == -ELOOP ? ENS_E_NOTFOUND : r;
	if (peer.chain_len == 0 || !process_equal(&peer.chain[0], &process))
		return -ESRCH;
	entry = find_session(table, uid_base, &peer);
	if (entry == NULL) {
		session_table_refresh(table);
		entry = find_session(table, uid_base, &peer);
	}
	if (entry == NULL)
		return ENS_E_NOTFOUND;
	*ret_peer = peer;
	*ret_entry = entry;
	return 0;
}

/* "enscale-sshd", as the gateway runs it, or what that executes. */
static bool
is_sshd(pid_t pid)
{
	static const char *const names[] = { "enscale-sshd\n", "sshd\n",
		"sshd-session\n" };
	char path[sizeof("/proc/2147483647/comm")], name[32];
	AUTO_FILE FILE *file = NULL;
	size_t i;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(name, sizeof(name), file) == NULL)
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool
peer_is_below_sshd(int fd, uint64_t accepted)
{
	struct process process, chain[PEER_CHAIN_MAX];
	size_t i, count = 0;

	if (peer_process(fd, accepted, &process) != 0 ||
	    process_chain(process.pid, chain, PEER_CHAIN_MAX, &count) != 0)
		return false;
	for (i = 1; i < count; i++)
		if (is_sshd(chain[i].pid))
			return true;
	return false;
}

bool
peer_descends_from(const struct peer *peer, const struct process *process)
{
	for (size_t i = 1; i + 1 < peer->chain_len; i++)
		if (process_equal(&peer->chain[i], process))
			return true;
	return false;
}
