/*
 * Verbs that ask the running guard for something, as an operator
 * (common/protocol/operator_protocol.h): their command line, and the asking.
 */
#ifndef ENSCALECTL_OPERATOR_H
#define ENSCALECTL_OPERATOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "enscalectl/verb.h"

/* What a verb takes. */
#define OPERATOR_WORD        0x01U /* one word */
#define OPERATOR_ACCOUNT     0x02U
#define OPERATOR_NODE        0x04U
#define OPERATOR_ENVIRONMENT 0x08U
#define OPERATOR_MESSAGE     0x10U
#define OPERATOR_CLEAR       0x20U
#define OPERATOR_JSON        0x40U

struct operator_line {
	unsigned given;   /* which of them */
	const char *word; /* borrowed, as the others are */
	uint32_t account, node;
	const char *environment, *message;
};

/* Reads what the verb takes, none of which it needs. Complains; an exit code.
 */
int operator_read(const char *verb, unsigned taken, int argc, char **argv,
    struct operator_line *ret_line);

struct guard_client;

/* Connects to the guard. Complains; an exit code. */
int operator_connect(const struct context *context,
    struct guard_client **ret_client);
/* Asks. Takes the request over; NULL: no memory for it. Complains of what
 * failed or was refused; an exit code, and with EXIT_YES the caller owns
 * *ret_answer. */
int operator_ask(struct guard_client *client, json_t *request,
    json_t **ret_answer);

/* Connects, asks once, and hangs up. */
int operator_ask_once(const struct context *context, json_t *request,
    json_t **ret_answer);

#endif
