/*
 * See guard_client.h. Refuses a line longer than GUARD_REPLY_MAX, and waits for
 * the guard only up to a limit.
 */
#include <config.h>

#include "enscale_shell/guard_client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/local_socket.h"
#include "common/base/text.h"
#include "common/protocol/guard_protocol.h"

#define READ_SIZE   16384
#define RETRY_NS    100000000L
#define RETRIES_MAX (GUARD_CONNECT_SECONDS * 10)

struct guard_client {
	int fd;      /* owned */
	char *buf;   /* owned; what was read and not yet taken */
	size_t len;  /* bytes in buf */
	size_t size; /* of buf */
	bool has_event;
	struct guard_event event; /* not yet asked for */
	bool has_announcement;
	char announcement[NOTICE_TEXT_MAX + 1];
};

int
guard_client_try(const char *path, unsigned wait_s,
    struct guard_client **ret_client)
{
	AUTO_FD int fd = local_socket_connect(path, SOCK_STREAM, wait_s);
	struct guard_client *client;

	if (fd < 0)
		return fd;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return -ENOMEM;
	client->fd = TAKE_FD(fd);
	*ret_client = client;
	return 0;
}

int
guard_client_connect(const char *path, struct guard_client **ret_client)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	int r = -ECONNREFUSED;

	for (int tries = 0; tries <= RETRIES_MAX; tries++) {
		r = guard_client_try(path, GUARD_ANSWER_SECONDS, ret_client);
		if (r != -ECONNREFUSED && r != -ENOENT)
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}

void
guard_client_close(struct guard_client *client)
{
	if (client == NULL)
		return;
	close(client->fd);
	free(client->buf);
	free(client);
}

int
guard_client_fd(const struct guard_client *client)
{
	return client->fd;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Makes room for READ_SIZE more bytes. */
static int
make_room(struct guard_client *client)
{
	size_t size;
	char *buf;

	if (client->size - client->len >= READ_SIZE)
		return 0;
	if (client->len >= GUARD_REPLY_MAX)
		return ENS_E_LIMIT;
	size = client->size * 2;
	if (size < 2 * READ_SIZE)
		size = 2 * READ_SIZE;
	buf = realloc(client->buf, size);
	if (buf == NULL)
		return -ENOMEM;
	client->buf = buf;
	client->size = size;
	return 0;
}

/* Reads once. -EAGAIN when nothing came until the deadline. */
static int
read_more(struct guard_client *client, int64_t deadline)
{
	struct pollfd ready = { .fd = client->fd, .events = POLLIN };
	int64_t left;
	ssize_t n;
	int r;

	r = make_room(client);
	if (r != 0)
		return r;
	do {
		left = deadline - now_ms();
		r = poll(&ready, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -EAGAIN;
	do {
		n = recv(client->fd, client->buf + client->len, READ_SIZE,
		    MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	client->len += (size_t)n;
	return 0;
}

/* Takes the first whole line out of the buffer: -EAGAIN when there is none. */
static int
take_line(struct guard_client *client, json_t **ret_object)
{
	const char *end = NULL;
	json_t *object;
	size_t len;

	if (client->len > 0)
		end = memchr(client->buf, '\n', client->len);
	if (end == NULL)
		return client->len > GUARD_REPLY_MAX ? ENS_E_LIMIT : -EAGAIN;
	len = (size_t)(end - client->buf);
	object = json_loadb(client->buf, len, JSON_REJECT_DUPLICATES, NULL);
	client->len -= len + 1;
	memmove(client->buf, end + 1, client->len);
	if (client->len == 0) {
		/* A long list is not held for the hours of a session. */
		free(client->buf);
		client->buf = NULL;
		client->size = 0;
	}
	if (!json_is_object(object)) {
		json_decref(object);
		return ENS_E_PROTOCOL;
	}
	*ret_object = object;
	return 0;
}

static void
keep_announcement(struct guard_client *client, const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "text"));

	text_printable(text != NULL ? text : "", client->announcement,
	    sizeof(client->announcement));
	client->has_announcement = true;
}

/* Is it an event? Then it is remembered. */
static bool
keep_event(struct guard_client *client, const json_t *object)
{
	const char *event = json_string_value(json_object_get(object, "event"));
	const char *sentence;
	json_int_t code;
	bool ends_session;

	if (event == NULL)
		return false;
	if (strcmp(event, "announce") == 0) {
		keep_announcement(client, object);
		return true;
	}
	ends_session = strcmp(event, "end") == 0;
	/* Unknown events, of a later guard, are ignored; and nothing comes
	 * after the end. */
	if ((!ends_session && strcmp(event, "end-hop") != 0) ||
	    (client->has_event && client->event.ends_session))
		return true;
	code = json_integer_value(json_object_get(object, "code"));
	if (code < GUARD_EXIT_REFUSED || code > GUARD_EXIT_USAGE)
		code = GUARD_EXIT_REFUSED;
	sentence = json_string_value(json_object_get(object, "sentence"));
	client->event.ends_session = ends_session;
	client->event.code = (int)code;
	text_printable(sentence != NULL ? sentence
	                                : "The session has been ended.",
	    client->event.sentence, sizeof(client->event.sentence));
	client->has_event = true;
	return true;
}

static int
send_line(const struct guard_client *client, const json_t *request)
{
	char line[GUARD_REQUEST_MAX];
	size_t len, sent = 0;
	ssize_t n;

	len = json_dumpb(request, line, sizeof(line) - 1, JSON_COMPACT);
	if (len == 0 || len > sizeof(line) - 1)
		return ENS_E_LIMIT;
	line[len++] = '\n';
	while (sent < len) {
		n = send(client->fd, line + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		sent += (size_t)n;
	}
	return 0;
}

int
guard_client_ask(struct guard_client *client, const json_t *request,
    json_t **ret_reply)
{
	int64_t deadline = now_ms() + GUARD_ANSWER_SECONDS * 1000;
	json_t *object;
	int r;

	r = send_line(client, request);
	while (r == 0) {
		r = take_line(client, &object);
		if (r == -EAGAIN) {
			r = read_more(client, deadline);
			if (r == -EAGAIN)
				r = -ETIMEDOUT;
		} else if (r == 0 && keep_event(client, object)) {
			json_decref(object);
		} else if (r == 0) {
			*ret_reply = object;
			return 0;
		}
	}
	return r;
}

int
guard_client_event(struct guard_client *client, struct guard_event *ret_event)
{
	json_t *object;
	int r = 0;

	while (!client->has_event && r == 0) {
		r = take_line(client, &object);
		if (r == 0) {
			/* Nothing was asked: an answer is out of place. */
			r = keep_event(client, object) ? 0 : ENS_E_PROTOCOL;
			json_decref(object);
		} else if (r == -EAGAIN) {
			r = read_more(client, 0);
		}
	}
	if (!client->has_event)
		return r;
	*ret_event = client->event;
	client->has_event = false;
	return 0;
}

const char *
guard_client_announcement(struct guard_client *client)
{
	if (!client->has_announcement)
		return NULL;
	client->has_announcement = false;
	return client->announcement;
}
