/* See signer_maker.h. It refuses everything but four requests of one byte,
 * and reads only the configuration; its child reads the key. */
#include <config.h>

#include "enscale_guard/signer_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/log.h"
#include "enscale_guard/operator.h"

#define REQUEST_NEW    'n'
#define REQUEST_CONFIG 'c'
#define REQUEST_USERS  'u'
#define REQUEST_GROUP  'g'
#define USERS_FILE     "/etc/passwd"

struct signer_maker {
	pid_t pid;
	int fd;
	/* Late replies, which nobody waited for. They come first, and may be
	 * from a key that is no longer in use. */
	unsigned int late;
};

struct reply {
	int32_t error;
	uint32_t len;
	uint8_t authority[KEY_BLOB_MAX];
	/* Of REQUEST_CONFIG */
	char text[CONFIG_ERROR_MAX];
	struct config config;
	gid_t group; /* of REQUEST_GROUP */
};

/* One reply, and the new signer's socket beside it. */
struct message {
	struct msghdr head;
	struct iovec part;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
};

static void
message_init(struct message *message, struct reply *reply)
{
	memset(message, 0, sizeof(*message));
	message->part.iov_base = reply;
	message->part.iov_len = sizeof(*reply);
	message->head.msg_iov = &message->part;
	message->head.msg_iovlen = 1;
	message->head.msg_control = message->control.space;
	message->head.msg_controllen = sizeof(message->control.space);
}

/* ---- the process -------------------------------------------------------- */

static void
attach(struct message *message, int fd)
{
	struct cmsghdr *item = &message->control.align;

	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(item), &fd, sizeof(fd));
}

/* fd -1: nothing beside it. */
static int
send_reply(struct reply *reply, int fd)
{
	struct message message;

	message_init(&message, reply);
	if (fd >= 0) {
		attach(&message, fd);
	} else {
		message.head.msg_control = NULL;
		message.head.msg_controllen = 0;
	}
	return sendmsg(SIGNER_SOCKET, &message.head, MSG_NOSIGNAL) < 0 ? -errno
	                                                               : 0;
}

static int
make(const char *path, const char *addresses)
{
	static struct reply reply;
	struct signer *signer = NULL;
	struct bytes authority;
	int r;

	reply.error = signer_start(path, addresses, &signer);
	if (reply.error != 0)
		return send_reply(&reply, -1);
	authority = signer_authority(signer);
	memcpy(reply.authority, authority.data, authority.len);
	reply.len = (uint32_t)authority.len;
	r = send_reply(&reply, signer_fd(signer));
	signer_abandon(signer);
	return r;
}

static int
read_config(const char *path)
{
	static struct reply reply;

	reply.error = config_load(path, &reply.config, reply.text);
	return send_reply(&reply, -1);
}

/* Open, not read: whoever asked does that. */
static int
open_users(void)
{
	static struct reply reply;
	AUTO_FD int fd = open(USERS_FILE, O_RDONLY | O_CLOEXEC);

	reply.error = fd < 0 ? -errno : 0;
	return send_reply(&reply, fd);
}

static int
find_group(void)
{
	static struct reply reply;

	reply.group = operator_group();
	return send_reply(&reply, -1);
}

static int
answer_request(char request, const struct signer_maker_files *files,
    const char *addresses)
{
	switch (request) {
	case REQUEST_NEW:
		return make(files->ca_key, addresses);
	case REQUEST_CONFIG:
		return read_config(files->config);
	case REQUEST_USERS:
		return open_users();
	case REQUEST_GROUP:
		return find_group();
	default:
		return ENS_E_PROTOCOL;
	}
}

static int
run(pid_t parent, int fd, const struct signer_maker_files *files,
    const char *addresses)
{
	ssize_t len;
	char byte;
	int r;

	r = signer_prepare(parent, fd, "enscale-maker");
	if (r < 0) {
		log_error("signer's maker: cannot start: %s", error_text(r));
		return EXIT_FAILURE;
	}
	for (;;) {
		len = recv(SIGNER_SOCKET, &byte, sizeof(byte), 0);
		if (len < 0 && errno == EINTR)
			continue;
		/* Earlier signers, which nobody uses any longer. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (len <= 0 || answer_request(byte, files, addresses) < 0)
			return EXIT_SUCCESS;
	}
}

/* ---- the guard's end ---------------------------------------------------- */

int
signer_maker_start(const struct signer_maker_files *files,
    const char *addresses, struct signer_maker **ret_maker)
{
	struct signer_maker *maker;
	pid_t parent = getpid();
	int fds[2], r;

	r = cert_addresses_check(addresses);
	if (r < 0)
		return r;
	maker = calloc(1, sizeof(*maker));
	if (maker == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		free(maker);
		return r;
	}
	maker->fd = fds[0];
	maker->pid = fork();
	if (maker->pid == 0) {
		close(fds[0]);
		_exit(run(parent, fds[1], files, addresses));
	}
	r = maker->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r < 0) {
		close(maker->fd);
		free(maker);
		return r;
	}
	*ret_maker = maker;
	return 0;
}

static int
attached(struct message *message)
{
	struct cmsghdr *item = CMSG_FIRSTHDR(&message->head);
	int fd = -1;

	if (item != NULL && item->cmsg_level == SOL_SOCKET &&
	    item->cmsg_type == SCM_RIGHTS &&
	    item->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(item), sizeof(fd));
	return fd;
}

static int
receive(int from, struct reply *reply, int *ret_fd)
{
	struct pollfd poller = { .fd = from, .events = POLLIN };
	struct message message;
	ssize_t len;
	int n;

	do
		n = poll(&poller, 1, 2 * SIGNER_SECONDS * 1000);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? -ETIMEDOUT : -errno;
	message_init(&message, reply);
	len = recvmsg(from, &message.head, MSG_CMSG_CLOEXEC);
	if (len != (ssize_t)sizeof(*reply))
		return -EPIPE;
	*ret_fd = attached(&message);
	return 0;
}

/* The reply to the last request: each request has one, in order. */
static int
receive_last(struct signer_maker *maker, struct reply *reply, int *ret_fd)
{
	int r;

	for (;;) {
		r = receive(maker->fd, reply, ret_fd);
		if (r == -ETIMEDOUT)
			maker->late++;
		if (r < 0 || maker->late == 0)
			return r;
		maker->late--;
		if (*ret_fd >= 0)
			close(*ret_fd);
	}
}

static int
ask(struct signer_maker *maker, char request, struct reply *reply, int *ret_fd)
{
	*ret_fd = -1;
	if (send(maker->fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return -EPIPE;
	return receive_last(maker, reply, ret_fd);
}

int
signer_maker_read_config(struct signer_maker *maker, struct config *ret_config,
    char ret_error[CONFIG_ERROR_MAX])
{
	static struct reply reply;
	int fd, r;

	r = ask(maker, REQUEST_CONFIG, &reply, &fd);
	if (r < 0) {
		snprintf(ret_error, CONFIG_ERROR_MAX, "%s", error_text(r));
		return r;
	}
	memcpy(ret_error, reply.text, CONFIG_ERROR_MAX);
	if (reply.error == 0)
		*ret_config = reply.config;
	return reply.error;
}

int
signer_maker_ask(struct signer_maker *maker, struct signer **ret_signer)
{
	static struct reply reply;
	int fd, r;

	r = ask(maker, REQUEST_NEW, &reply, &fd);
	if (r < 0)
		return r;
	r = reply.error;
	if (r == 0 && (fd < 0 || reply.len > sizeof(reply.authority)))
		r = ENS_E_PROTOCOL;
	if (r == 0)
		r = signer_adopt(fd,
		    (struct bytes){ reply.authority, reply.len }, ret_signer);
	if (r != 0 && fd >= 0)
		close(fd);
	return r;
}

int
signer_maker_open_users(struct signer_maker *maker)
{
	static struct reply reply;
	int fd, r;

	r = ask(maker, REQUEST_USERS, &reply, &fd);
	if (r == 0)
		r = reply.error;
	if (r == 0)
		return fd >= 0 ? fd : ENS_E_PROTOCOL;
	if (fd >= 0)
		close(fd);
	return r;
}

int
signer_maker_find_group(struct signer_maker *maker, gid_t *ret_group)
{
	static struct reply reply;
	int fd, r;

	r = ask(maker, REQUEST_GROUP, &reply, &fd);
	if (r == 0)
		*ret_group = reply.group;
	if (fd >= 0)
		close(fd);
	return r;
}

void
signer_maker_stop(struct signer_maker *maker)
{
	if (maker == NULL)
		return;
	close(maker->fd); /* it ends at the end of its socket */
	while (waitpid(maker->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(maker);
}
