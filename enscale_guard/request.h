/*
 * The shell's requests (common/protocol/guard_protocol.h), without a socket: one line
 * in, one reply out. They read the view and ask policy; they change only the
 * connection's own hop.
 */
#ifndef ENSCALE_GUARD_REQUEST_H
#define ENSCALE_GUARD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enscale_guard/reply.h"

/* The fields of all requests; those of a request are in its row. Texts are
 * borrowed; NULL: not given. */
struct request_fields {
	uint32_t node; /* 1 to NODE_ID_MAX */
	bool forward_agent;
	bool denied;
	bool host_keys;
	const char *after;
	const char *title;
	const char *key;
	const char *fingerprint;
};

/* Answers one line, its end not included. */
struct reply request_answer(const struct request *request, const char *line,
    size_t len);

#endif
