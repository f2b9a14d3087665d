/*
 * The shell's end of guard.sock: one JSON object per line, see
 * common/protocol/guard_protocol.h. The guard knows from the socket who asks;
 * nothing here says it.
 */
#ifndef ENSCALE_SHELL_GUARD_CLIENT_H
#define ENSCALE_SHELL_GUARD_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/policy/policy.h"

struct guard_client;

/*
 * Connects to the socket at path; tries again for a few seconds while nothing
 * listens there (the guard is being restarted). Returns 0 or -errno; the caller
 * owns *ret_client.
 */
int guard_client_connect(const char *path, struct guard_client **ret_client);
/* Tries once, for that many seconds at most, at least 1. */
int guard_client_try(const char *path, unsigned wait_s,
    struct guard_client **ret_client);
void guard_client_close(struct guard_client *client);

/* To poll(2) for POLLIN; see guard_client_event(). */
int guard_client_fd(const struct guard_client *client);

/*
 * Sends a request and waits for its answer, at most GUARD_ANSWER_SECONDS.
 * An event that comes before the answer is kept for guard_client_event().
 * Returns 0; -errno (-EPIPE, -ECONNRESET: the guard has gone; -ETIMEDOUT);
 * ENS_E_PROTOCOL; ENS_E_LIMIT. After any failure the connection is useless.
 * The caller owns *ret_reply, an object.
 */
int guard_client_ask(struct guard_client *client, const json_t *request,
    json_t **ret_reply);

/* What the guard says of its own accord, and why. */
struct guard_event {
	bool ends_session; /* otherwise it ends only the hop */
	int code;          /* GUARD_EXIT_* */
	char sentence[POLICY_SENTENCE_MAX];
};

/*
 * The first event, one of the session before one of the hop. Reads what has
 * arrived, without waiting. Returns 0; -EAGAIN when nothing was said; any other
 * error as guard_client_ask().
 */
int guard_client_event(struct guard_client *client,
    struct guard_event *ret_event);

/*
 * What operators announced last, if it was read since this was asked for: "" is
 * that they took it back. NULL: nothing new. Borrowed until the next call.
 */
const char *guard_client_announcement(struct guard_client *client);

#define GUARD_CONNECT_SECONDS 3
#define GUARD_ANSWER_SECONDS  15

#endif
