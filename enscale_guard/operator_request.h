/*
 * The operators' requests (common/protocol/operator_protocol.h): one line in,
 * one answer out, one line of the audit log with who asked.
 */
#ifndef ENSCALE_GUARD_OPERATOR_REQUEST_H
#define ENSCALE_GUARD_OPERATOR_REQUEST_H

#include <stddef.h>

#include <jansson.h>

struct operator_client;

/* Answers one line, its end not included; the caller owns it. NULL: no
 * memory. */
json_t *operator_request_answer(struct operator_client *asker, const char *line,
    size_t len);

/* For the requests: a refusal. */
json_t *operator_refusal(const char *verdict, const char *sentence);

#endif
