/*
 * The shell's requests (common/protocol/guard_protocol.h), without a socket:
 * one line in, one reply out. They read the view and ask policy; they change
 * only the connection's own hop.
 */
#ifndef ENSCALE_GUARD_REQUEST_H
#define ENSCALE_GUARD_REQUEST_H

#include <stddef.h>

#include "enscale_guard/reply.h"
#include "enscale_guard/request_fields.h"

/* Answers one line, its end not included. */
struct reply request_answer(const struct request *request, const char *line,
    size_t len);

#endif
