/* See service.h. It waits for its one peer, with a limit, and for nobody else:
 * the guard asks nothing while an answer is being made. */
#include <config.h>

#include "enscale_keyd/service.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

static int
check_peer(int fd, uid_t client)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return peer.uid == client ? 0 : ENS_E_DENIED;
}

/* All of it, or an error; each piece within the limit. */
static int
read_all(int fd, void *buf, size_t len)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t *at = buf;
	ssize_t n;
	int r;

	while (len > 0) {
		r = poll(&ready, 1, SERVICE_READ_SECONDS * 1000);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : -errno;
		n = recv(fd, at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EPIPE : -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* 0 also for what is not a request: then *ret_request has no op. */
static int
read_request(int fd, uint8_t *buf, struct keyd_request *ret_request)
{
	struct wire_reader reader;
	uint32_t len;
	int r;

	r = read_all(fd, buf, KEYD_HEADER_LEN);
	if (r < 0)
		return r;
	wire_read_init(&reader, buf, KEYD_HEADER_LEN);
	len = wire_read_u32(&reader);
	if (len > KEYD_REQUEST_MAX)
		return ENS_E_PROTOCOL;
	r = read_all(fd, buf, len);
	if (r < 0)
		return r;
	if (keyd_request_decode((struct bytes){ buf, len }, ret_request) < 0)
		return ENS_E_PROTOCOL;
	return 0;
}

/* A client that gave up must not get the change after all. */
static bool
is_waiting(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLRDHUP };

	return poll(&ready, 1, 0) == 0;
}

static int
write_reply(int fd, const struct keyd_reply *reply)
{
	uint8_t buf[KEYD_HEADER_LEN + KEYD_REPLY_LEN];
	struct wire_writer writer;

	wire_write_init(&writer, buf, sizeof(buf));
	keyd_reply_encode(&writer, reply);
	if (writer.error != 0)
		return writer.error;
	/* It fits into the buffer of a new socket. */
	if (send(fd, buf, writer.len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)writer.len)
		return -EPIPE;
	return 0;
}

static int
serve(int fd, uid_t client, service_answer *answer, void *arg)
{
	static uint8_t buf[KEYD_REQUEST_MAX];
	struct keyd_reply reply = { .result = KEYD_BAD_REQUEST };
	struct keyd_request request;
	int r, w;

	r = check_peer(fd, client);
	if (r < 0)
		return r;
	r = read_request(fd, buf, &request);
	if (r < 0 && r != ENS_E_PROTOCOL)
		return r;
	if (r == 0 && !is_waiting(fd))
		return -EPIPE;
	if (r == 0)
		answer(&request, &reply, arg);
	w = write_reply(fd, &reply);
	return r < 0 ? r : w;
}

int
service_connection(int fd, uid_t client, service_answer *answer, void *arg)
{
	int r = serve(fd, client, answer, arg);

	close(fd);
	return r;
}
