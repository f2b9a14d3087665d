/* See hop_confinement.h. Refuses every call beyond those that are counted. */
#include <config.h>

#include "enscale_shell/hop_confinement.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "enscale_shell/syscall_filter.h"

#define PROGRAMS    2 /* ssh, enscale-connect */
#define CONNECTIONS 1
#define CHILDREN    1 /* of ssh's, for enscale-connect */

/* ---- the child --------------------------------------------------------- */

#ifdef SYSCALL_FILTER
#	ifdef SYS_fork /* the older calls, of x86; glibc uses clone */
#		define DENY_OLD_FORKS FILTER_DENY(fork), FILTER_DENY(vfork),
#	else
#		define DENY_OLD_FORKS
#	endif

/* The shell decides on the calls that are counted. Unix sockets are free. */
#	define FILTER(action)                                                 \
		{                                                              \
			FILTER_BEGIN, FILTER_DENY(memfd_create),               \
			    DENY_OLD_FORKS FILTER_UNLESS(SYS_execve, 1),       \
			    FILTER_GIVE(action), FILTER_UNLESS(SYS_clone, 1),  \
			    FILTER_GIVE(action), FILTER_UNLESS(SYS_socket, 3), \
			    FILTER_LOAD_ARGUMENT(0), FILTER_WHEN(AF_UNIX, 1),  \
			    FILTER_GIVE(action), FILTER_ALLOW,                 \
		}

static const struct sock_filter counting[] = FILTER(SECCOMP_RET_USER_NOTIF);
/* Below somebody who listens already, as some containers are. */
static const struct sock_filter plain[] = FILTER(SECCOMP_RET_ALLOW);

/* A listener; -1 where there is none; other -errno. */
static int
confine_calls(int *ret_listener)
{
	int r = syscall_filter_begin(counting,
	    sizeof(counting) / sizeof(counting[0]),
	    SECCOMP_FILTER_FLAG_NEW_LISTENER);

	if (r >= 0) {
		*ret_listener = r;
		return 0;
	}
	if (r != -EINVAL && r != -EBUSY && r != -ENOSYS)
		return r;
	r = syscall_filter_begin(plain, sizeof(plain) / sizeof(plain[0]), 0);
	return r == -EINVAL || r == -ENOSYS ? 0 : r;
}
#else
static int
confine_calls(int *ret_listener)
{
	(void)ret_listener;
	return 0;
}
#endif

union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* One byte, and the descriptor with it if there is one. */
static int
send_listener(int channel, int listener)
{
	union control control = { .space = { 0 } };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (listener >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_len = CMSG_LEN(sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(header), &listener, sizeof(listener));
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int
hop_confinement_begin(int channel)
{
	AUTO_FD int listener = -1;
	int r = confine_calls(&listener);

	return r != 0 ? r : send_listener(channel, listener);
}

/* ---- the shell --------------------------------------------------------- */

int
hop_confinement_receive(int channel, struct hop_confinement *ret_hop)
{
	struct hop_confinement hop = { -1, PROGRAMS, CONNECTIONS, CHILDREN };
	union control control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	const struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return n < 0 ? -errno : -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&hop.listener, CMSG_DATA(header), sizeof(int));
	*ret_hop = hop;
	return 0;
}

void
cleanup_hop_confinement(struct hop_confinement *hop)
{
	cleanup_fd(&hop->listener);
	hop->listener = -1;
}

#ifdef SYSCALL_FILTER
/* What is left of this call, to be counted down; NULL: nothing. */
static unsigned *
find_allowance(struct hop_confinement *hop, int call)
{
	unsigned *left = call == SYS_execve ? &hop->programs
	    : call == SYS_socket            ? &hop->connections
	    : call == SYS_clone             ? &hop->children
	                                    : NULL;

	return left != NULL && *left > 0 ? left : NULL;
}

static void
answer_call(struct hop_confinement *hop)
{
	struct seccomp_notif asked = { 0 };
	struct seccomp_notif_resp answer = { 0 };
	unsigned *left;

	/* It fails when a signal has interrupted the call. */
	if (ioctl(hop->listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
		return;
	left = find_allowance(hop, asked.data.nr);
	answer.id = asked.id;
	if (left != NULL)
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else
		answer.error = -EPERM;
	/* A call that was interrupted meanwhile did not happen. */
	if (ioctl(hop->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 &&
	    left != NULL)
		*left -= 1;
}
#else
static void
answer_call(struct hop_confinement *hop)
{
	cleanup_hop_confinement(hop);
}
#endif

/* Receiving what is not there would wait for ever. */
void
hop_confinement_answer(struct hop_confinement *hop, short seen)
{
	if ((seen & POLLIN) != 0)
		answer_call(hop);
	else if (seen != 0)
		cleanup_hop_confinement(hop);
}
