/*
 * One connection of a stream socket: the input that was not consumed yet, the
 * output that waits, and how long either may take. While output waits nothing
 * is read, so a client that does not read cannot make the guard hold more than
 * one answer.
 */
#ifndef ENSCALE_GUARD_STREAM_H
#define ENSCALE_GUARD_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "common/base/wire.h"

/* Seconds within which a message must be complete, and an answer must be read.
 */
#define STREAM_IN_SECONDS  10
#define STREAM_OUT_SECONDS 30

struct stream;

struct stream_handler {
	/*
	 * The input so far. Returns how many bytes it has consumed (0: it needs
	 * more), or a negative error: then the connection is closed.
	 */
	ssize_t (*data)(struct stream *stream, struct bytes in, void *arg);
	/* The connection is over; the owner frees the stream here. */
	void (*closed)(struct stream *stream, void *arg);
	void *arg;
	size_t in_max;  /* bytes of one message at most */
	size_t out_max; /* bytes that may wait to go out */
};

/* Takes ownership of fd, which must be non-blocking, on success. handler is
 * borrowed. 0 or -errno. */
int stream_new(sd_event *event, int fd, const struct stream_handler *handler,
    struct stream **ret_stream);
void stream_free(struct stream *stream);

/* Writes, now or when the peer reads. 0; -ENOMEM; ENS_E_LIMIT; a failed
 * connection is closed by the event loop, never from within this call. */
int stream_write(struct stream *stream, const void *data, size_t len);
/* Reads nothing more, and closes once all output is sent. */
void stream_finish(struct stream *stream);
/* Closes at that time at the latest (bucket_now()); 0: never. */
void stream_set_deadline(struct stream *stream, uint64_t at);

#endif
