/* See key_change.h. An outcome that it does not learn is "unknown", never
 * "done". */
#include <config.h>

#include "enscale_guard/key_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "enscale_guard/bucket.h"
#include "enscale_guard/keys.h"
#include "enscale_guard/log.h"
#include "enscale_guard/shell.h"

#define REPLY_SIZE (KEYD_HEADER_LEN + KEYD_REPLY_LEN)

struct key_change {
	struct guard *guard;
	struct shell *shell;    /* NULL: gone */
	struct session session; /* its own copy: the session may be over */
	enum keyd_op op;
	char title[NAME_TEXT_MAX + 1];
	struct stream *stream;
	struct stream_handler handler;
	bool told;
	LIST_ENTRY(key_change) all;
};

static void
free_change(struct key_change *change)
{
	if (change->shell != NULL)
		change->shell->change = NULL;
	LIST_REMOVE(change, all);
	stream_free(change->stream);
	free(change);
}

static void
tell(struct key_change *change, const struct keyd_reply *outcome)
{
	struct shell *shell = change->shell;
	struct reply reply = keys_outcome(change->guard->audit,
	    &change->session, change->op, change->title, outcome);

	change->told = true;
	if (shell == NULL) {
		json_decref(reply.line);
		return;
	}
	change->shell = NULL;
	shell->change = NULL;
	shell_tell(shell, reply.line);
}

static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	struct key_change *change = arg;
	struct wire_reader reader;
	struct keyd_reply reply;
	struct bytes message;

	if (in.len < REPLY_SIZE)
		return 0;
	wire_read_init(&reader, in.data, in.len);
	message = wire_read_string(&reader);
	if (wire_read_end(&reader) < 0 ||
	    keyd_reply_decode(message, &reply) < 0)
		return ENS_E_PROTOCOL;
	tell(change, &reply);
	stream_finish(stream);
	return (ssize_t)in.len;
}

static void
on_closed(struct stream *stream, void *arg)
{
	static const struct keyd_reply unheard = { .result = KEYD_UNKNOWN };
	struct key_change *change = arg;

	(void)stream;
	if (!change->told) {
		log_about(OF_SESSION(&change->session), LOG_WARNING,
		    "enscale-keyd did not answer");
		tell(change, &unheard);
	}
	free_change(change);
}

static int
send_request(struct key_change *change, const struct keyd_request *request)
{
	AUTO(wire_write_free) struct wire_writer writer;
	int r;

	wire_write_init_growing(&writer, KEYD_HEADER_LEN + KEYD_REQUEST_MAX);
	keyd_request_encode(&writer, request);
	r = writer.error;
	if (r == 0)
		r = stream_write(change->stream, writer.data, writer.len);
	return r;
}

static bool
is_busy(const struct guard *guard, uint32_t account)
{
	const struct key_change *change;
	unsigned count = 0;

	LIST_FOREACH(change, &guard->key_changes, all) {
		if (change->session.account == account)
			return true;
		count++;
	}
	return count >= KEY_CHANGES_UNDER_WAY;
}

static int
open_stream(struct key_change *change)
{
	int fd, r;

	fd = local_socket_connect(change->guard->keyd_socket, SOCK_STREAM, 0);
	if (fd < 0)
		return fd;
	change->handler = (struct stream_handler){ .data = on_data,
		.closed = on_closed,
		.arg = change,
		.in_max = REPLY_SIZE,
		.out_max = KEYD_HEADER_LEN + KEYD_REQUEST_MAX };
	r = stream_new(change->guard->event, fd, &change->handler,
	    &change->stream);
	if (r < 0)
		close(fd);
	return r;
}

static int
start(struct key_change *change, const struct keyd_request *request)
{
	int r = open_stream(change);

	if (r < 0)
		return r;
	stream_set_deadline(change->stream,
	    bucket_now() + KEY_CHANGE_SECONDS * BUCKET_SECOND);
	return send_request(change, request);
}

int
key_change_start(struct shell *shell, const struct keyd_request *request)
{
	struct guard *guard = shell->guard;
	struct key_change *change;
	int r;

	if (is_busy(guard, request->account))
		return -EBUSY;
	change = calloc(1, sizeof(*change));
	if (change == NULL)
		return -ENOMEM;
	change->guard = guard;
	change->session = shell->entry->session;
	change->op = request->op;
	snprintf(change->title, sizeof(change->title), "%s", request->title);
	LIST_INSERT_HEAD(&guard->key_changes, change, all);
	r = start(change, request);
	if (r < 0) {
		log_error("cannot ask enscale-keyd at \"%s\": %s",
		    guard->keyd_socket, error_text(r));
		free_change(change);
		return r;
	}
	change->shell = shell;
	shell->change = change;
	return 0;
}

void
key_change_forget(struct shell *shell)
{
	if (shell->change != NULL)
		shell->change->shell = NULL;
	shell->change = NULL;
}

void
key_change_close(struct guard *guard)
{
	struct key_change *change;

	while ((change = LIST_FIRST(&guard->key_changes)) != NULL)
		on_closed(change->stream, change);
}
