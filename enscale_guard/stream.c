/* Reading and writing without waiting. It closes a connection only from the
 * event loop, so that no caller is left with a stale pointer. */
#include <config.h>

#include "enscale_guard/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/bucket.h"

#define IN_FIRST 1024

struct stream {
	const struct stream_handler *handler; /* borrowed */
	sd_event_source *io;
	sd_event_source *timer;
	int fd;
	bool finishing;
	bool failed;
	uint8_t *in;
	size_t in_len, in_size;
	struct wire_writer out;
	size_t out_at;
	/* bucket_now() at which it is over: 0 is never. */
	uint64_t in_deadline, out_deadline, deadline;
};

static bool
has_output(const struct stream *stream)
{
	return stream->out.len > stream->out_at;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* Tells the event loop what is waited for. */
static void
arm(struct stream *stream)
{
	uint32_t events = 0;
	uint64_t at;

	if (has_output(stream))
		events = EPOLLOUT;
	else if (!stream->finishing)
		events = EPOLLIN;
	sd_event_source_set_io_events(stream->io, events);
	at = earlier(stream->deadline,
	    earlier(stream->in_deadline, stream->out_deadline));
	if (stream->failed || (stream->finishing && !has_output(stream)))
		at = 1; /* at once, but from the event loop */
	if (at == 0) {
		sd_event_source_set_enabled(stream->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(stream->timer, at);
	sd_event_source_set_enabled(stream->timer, SD_EVENT_ONESHOT);
}

static void
close_now(struct stream *stream)
{
	stream->handler->closed(stream, stream->handler->arg);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source, (void)usec;
	close_now(arg);
	return 0;
}

/* 0, also when the peer takes no more for now; -errno. */
static int
flush(struct stream *stream)
{
	while (has_output(stream)) {
		ssize_t n = send(stream->fd, stream->out.data + stream->out_at,
		    stream->out.len - stream->out_at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (stream->out_deadline == 0)
				stream->out_deadline = bucket_now() +
				    STREAM_OUT_SECONDS * BUCKET_SECOND;
			return 0;
		}
		if (n < 0)
			return -errno;
		stream->out_at += (size_t)n;
	}
	wire_write_free(&stream->out);
	wire_write_init_growing(&stream->out, stream->handler->out_max);
	stream->out_at = 0;
	stream->out_deadline = 0;
	return 0;
}

static int
make_room(struct stream *stream)
{
	size_t size = stream->in_size > 0 ? 2 * stream->in_size : IN_FIRST;
	uint8_t *in;

	if (stream->in_len < stream->in_size)
		return 0;
	if (size > stream->handler->in_max)
		size = stream->handler->in_max;
	if (size <= stream->in_size)
		return ENS_E_LIMIT;
	in = realloc(stream->in, size);
	if (in == NULL)
		return -ENOMEM;
	stream->in = in;
	stream->in_size = size;
	return 0;
}

/* Hands over the input, message by message, until an answer waits. */
static int
hand_over(struct stream *stream)
{
	size_t at = 0;

	while (at < stream->in_len && !has_output(stream) &&
	    !stream->finishing && !stream->failed) {
		const struct bytes in = { stream->in + at,
			stream->in_len - at };
		ssize_t n = stream->handler->data(stream, in,
		    stream->handler->arg);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	stream->in_len -= at;
	if (at > 0)
		memmove(stream->in, stream->in + at, stream->in_len);
	if (stream->in_len == 0)
		stream->in_deadline = 0;
	else if (at > 0 || stream->in_deadline == 0)
		stream->in_deadline = bucket_now() +
		    STREAM_IN_SECONDS * BUCKET_SECOND;
	return 0;
}

/* Once per event, so that everybody has a turn. */
static int
fill(struct stream *stream)
{
	ssize_t n;
	int r;

	r = make_room(stream);
	if (r < 0)
		return r;
	n = recv(stream->fd, stream->in + stream->in_len,
	    stream->in_size - stream->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	stream->in_len += (size_t)n;
	return hand_over(stream);
}

static int
on_io(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct stream *stream = arg;
	int r = 0;

	(void)source, (void)fd;
	if ((revents & EPOLLOUT) != 0) {
		r = flush(stream);
		if (r == 0 && !has_output(stream))
			r = hand_over(stream);
	} else if ((revents & EPOLLIN) != 0) {
		r = fill(stream);
	} else {
		r = -ECONNRESET; /* hung up while we wait for nothing */
	}
	if (r < 0 || stream->failed ||
	    (stream->finishing && !has_output(stream)))
		close_now(stream);
	else
		arm(stream);
	return 0;
}

int
stream_new(sd_event *event, int fd, const struct stream_handler *handler,
    struct stream **ret_stream)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (stream == NULL)
		return -ENOMEM;
	stream->fd = -1;
	stream->handler = handler;
	wire_write_init_growing(&stream->out, handler->out_max);
	r = sd_event_add_io(event, &stream->io, fd, EPOLLIN, on_io, stream);
	if (r >= 0)
		r = sd_event_add_time(event, &stream->timer, CLOCK_MONOTONIC, 0,
		    1000, on_timer, stream);
	if (r >= 0)
		r = sd_event_source_set_enabled(stream->timer, SD_EVENT_OFF);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	stream->fd = fd;
	*ret_stream = stream;
	return 0;
}

void
stream_free(struct stream *stream)
{
	if (stream == NULL)
		return;
	sd_event_source_disable_unref(stream->io);
	sd_event_source_disable_unref(stream->timer);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->in);
	wire_write_free(&stream->out);
	free(stream);
}

int
stream_write(struct stream *stream, const void *data, size_t len)
{
	int r;

	wire_write_bytes(&stream->out, data, len);
	r = stream->out.error;
	if (r == 0)
		r = flush(stream);
	if (r < 0)
		stream->failed = true;
	arm(stream);
	return r;
}

void
stream_finish(struct stream *stream)
{
	stream->finishing = true;
	arm(stream);
}

void
stream_set_deadline(struct stream *stream, uint64_t at)
{
	stream->deadline = at;
	arm(stream);
}
