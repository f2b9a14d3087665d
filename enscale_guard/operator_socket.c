/* See operator_socket.h. It has places of its own: however many connections
 * accounts have, an operator gets in, and however many operators have, root. */
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
#define CONNECTIONS_UID  4  /* of these, of one that is not root */
#define CONNECTIONS_ROOT 2  /* of these, only root's */
#define OPERATOR_SECONDS 60 /* then the next one has the place */

static void
free_operator(struct operator_client *asker)
{
	LIST_REMOVE(asker, all);
	admission_leave(&asker->guard->operator_admission, asker->client);
	stream_free(asker->stream);
	free(asker->rest);
	free(asker);
}

static void
on_closed(struct stream *stream, void *arg)
{
	(void)stream;
	free_operator(arg);
}

static void
tell(struct operator_client *asker, json_t *answer)
{
	AUTO_FREE char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT)
	                                      : NULL;
	size_t len = text != NULL ? strlen(text) : 0;

	json_decref(answer);
	if (text == NULL) {
		stream_finish(asker->stream);
		return;
	}
	text[len] = '\n'; /* over the NUL */
	if (stream_write(asker->stream, text, len + 1) < 0)
		stream_finish(asker->stream);
}

static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	struct operator_client *asker = arg;
	const uint8_t *end = memchr(in.data, '\n', in.len);

	if (end == NULL && in.len < GUARD_REQUEST_MAX)
		return 0;
	if (end == NULL) {
		stream_finish(stream);
		return (ssize_t)in.len;
	}
	tell(asker,
	    operator_request_answer(asker, (const char *)in.data,
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
	struct operator_client *asker = calloc(1, sizeof(*asker));
	int r = asker != NULL ? 0 : -ENOMEM;

	if (r == 0) {
		asker->handler = prototype;
		asker->handler.arg = asker;
		r = stream_new(guard->event, fd, &asker->handler,
		    &asker->stream);
	}
	if (r < 0) {
		log_warning("cannot accept a connection of an operator: %s",
		    error_text(r));
		close(fd);
		free(asker);
		admission_leave(&guard->operator_admission, client);
		return;
	}
	asker->guard = guard;
	asker->client = client;
	operator_identify(fd, guard->maker, &asker->who);
	stream_set_deadline(asker->stream,
	    bucket_now() + OPERATOR_SECONDS * BUCKET_SECOND);
	LIST_INSERT_HEAD(&guard->operators, asker, all);
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
	admission_keep_for_root(&guard->operator_admission, CONNECTIONS_UID,
	    CONNECTIONS_ROOT);
	return listener_new(guard->event, &options, &guard->operator_listener);
}

void
operator_socket_close(struct guard *guard)
{
	struct operator_client *asker;

	listener_free(guard->operator_listener);
	guard->operator_listener = NULL;
	while ((asker = LIST_FIRST(&guard->operators)) != NULL)
		free_operator(asker);
	admission_clear(&guard->operator_admission);
}
