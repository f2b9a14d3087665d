/* See audit_socket.h. It refuses whoever the kernel does not call root, and
 * whatever does not decode to its last byte. */
#include <config.h>

#include "enscale_guard/audit_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "common/protocol/admin_act.h"
#include "common/protocol/login_refusal.h"
#include "enscale_guard/log.h"

#define DATAGRAMS_MAX 64 /* in one turn of the event loop */

_Static_assert((size_t)ADMIN_ACT_MAX >= (size_t)LOGIN_REFUSAL_MAX,
    "a buffer for either");

/* The bytes of one datagram of root's, or 0 of anybody else's; -errno. */
static ssize_t
receive(int fd, uint8_t *buf, size_t size)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { .iov_base = buf, .iov_len = size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct cmsghdr *head;
	struct ucred sender;
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&message);
	if (head == NULL || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_CREDENTIALS ||
	    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return 0;
	memcpy(&sender, CMSG_DATA(head), sizeof(sender));
	return sender.uid == 0 ? n : 0;
}

static void
take(struct guard *guard, struct bytes datagram)
{
	struct login_refusal refusal;
	struct admin_act act;

	if (login_refusal_decode(datagram, &refusal) == 0)
		audit_event(guard->audit, AUDIT_EVENT_LOGIN_REFUSED,
		    &refusal.session,
		    &(struct audit_fields){ .node = refusal.session.node,
		        .verdict = refusal.verdict,
		        .sentence = refusal.sentence });
	else if (admin_act_decode(datagram, &act) == 0)
		audit_event(guard->audit, AUDIT_EVENT_ADMIN_ACT, NULL,
		    &(struct audit_fields){ .by = act.by,
		        .op = act.op,
		        .what = act.what,
		        .result = act.result });
}

static int
on_datagram(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	uint8_t buf[ADMIN_ACT_MAX]; /* the longer one */

	(void)source, (void)revents;
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		const ssize_t n = receive(fd, buf, sizeof(buf));

		if (n == -EAGAIN)
			break;
		if (n > 0)
			take(arg, (struct bytes){ buf, (size_t)n });
	}
	return 0;
}

int
audit_socket_open(struct guard *guard)
{
	const int on = 1;
	AUTO_FD int fd = local_socket_bind(guard->audit_socket, SOCK_DGRAM,
	    0600);
	int r;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	r = sd_event_add_io(guard->event, &guard->audit_reports, fd, EPOLLIN,
	    on_datagram, guard);
	if (r < 0)
		return r;
	sd_event_source_set_io_fd_own(guard->audit_reports, true);
	fd = -1;
	return 0;
}

void
audit_socket_close(struct guard *guard)
{
	sd_event_source_disable_unref(guard->audit_reports);
	guard->audit_reports = NULL;
}
