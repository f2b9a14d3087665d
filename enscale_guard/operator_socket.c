/* See operator_socket.h. It has places of its own: however many connections
 * accounts have, an operator gets in. */
#include <config.h>

#include "enscale_guard/operator_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/log.h"
#include "enscale_guard/operator_request.h"

#define CONNECTIONS_MAX  16 /* of DESCRIPTORS_KEPT, in main.c */
#define OPERATOR_SECONDS 60 /* then the next one has the place */

static void
free_operator(struct operator_client *operator)
{
	LIST_REMOVE(operator, all);
	admission_leave(&operator->guard->operator_admission, operator->client);
	stream_free(operator->stream);
	free(operator->rest);
	free(operator);
}

static void
on_closed(struct stream *stream, void *arg)
{
	(void)stream;
	free_operator(arg);
}

static void
tell(struct operator_client *operator, json_t * answer)
{
	AUTO_FREE char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT)
	                                      : NULL;
	size_t len = text != NULL ? strlen(text) : 0;

	json_decref(answer);
	if (text == NULL) {
		stream_finish(operator->stream);
		return;
	}
	text[len] = '\n'; /* over the NUL */
	if (stream_write(operator->stream, text, len + 1) < 0)
		stream_finish(operator->stream);
}

static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	struct operator_client *operator= arg;
	const uint8_t *end = memchr(in.data, '\n', in.len);

	if (end == NULL && in.len < GUARD_REQUEST_MAX)
		return 0;
	if (end == NULL) {
		stream_finish(stream);
		return (ssize_t)in.len;
	}
	tell(operator, operator_request_answer(operator,(const char *) in.data,
	         (size_t)(end - in.data)));
	return end - in.data + 1;
}

static bool
admits(int fd, void *arg)
{
	const struct guard *guard = arg;

	return operator_may_ask(fd, guard->operator_group);
}

static void
accepted(int fd, struct client *client, void *arg)
{
	static const struct stream_handler prototype = {
		.data = on_data,
		.closed = on_closed,
		.in_max = GUARD_REQUEST_MAX,
		.out_max = GUARD_REPLY_MAX,
	};
	struct guard *guard = arg;
	struct operator_client *operator= calloc(1, sizeof(*operator));
	int r = operator!= NULL ? 0 : - ENOMEM;

	if (r == 0) {
		operator->handler = prototype;
		operator->handler.arg = operator;
		r = stream_new(guard->event, fd, &operator->handler,
		    &operator->stream);
	}
	if (r < 0) {
		log_warning("cannot accept a connection of an operator: %s",
		    error_text(r));
		close(fd);
		free(operator);
		admission_leave(&guard->operator_admission, client);
		return;
	}
	operator->guard = guard;
	operator->client = client;
	operator_identify(fd, guard->maker, &operator->who);
	stream_set_deadline(operator->stream,
	    bucket_now() + OPERATOR_SECONDS * BUCKET_SECOND);
	LIST_INSERT_HEAD(&guard->operators, operator, all);
}

int
operator_socket_open(struct guard *guard)
{
	const struct listener_options options = {
		.path = guard->operator_socket,
		.admission = &guard->operator_admission,
		.admits = admits,
		.accepted = accepted,
		.arg = guard,
	};

	admission_init(&guard->operator_admission, CONNECTIONS_MAX);
	return listener_new(guard->event, &options, &guard->operator_listener);
}

void
operator_socket_close(struct guard *guard)
{
	struct operator_client *operator;

	listener_free(guard->operator_listener);
	guard->operator_listener = NULL;
	while ((operator= LIST_FIRST(&guard->operators)) != NULL)
		free_operator(operator);
	admission_clear(&guard->operator_admission);
}
