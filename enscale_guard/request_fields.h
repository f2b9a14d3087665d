/*
 * The fields of requests, one row each: their names, what they may be, and
 * reading those of one request. Who asks, and whether he may, is decided
 * elsewhere.
 */
#ifndef ENSCALE_GUARD_REQUEST_FIELDS_H
#define ENSCALE_GUARD_REQUEST_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/base/cleanup.h"

/* Bits of what a request takes. */
enum request_field {
	REQUEST_ACCOUNT = 1 << 0,
	REQUEST_AFTER = 1 << 1,
	REQUEST_DENIED = 1 << 2,
	REQUEST_ENVIRONMENT = 1 << 3,
	REQUEST_FINGERPRINT = 1 << 4,
	REQUEST_FORWARD_AGENT = 1 << 5,
	REQUEST_HOST_KEYS = 1 << 6,
	REQUEST_KEY = 1 << 7,
	REQUEST_MORE = 1 << 8,
	REQUEST_NODE = 1 << 9,
	REQUEST_SESSION = 1 << 10,
	REQUEST_TEXT = 1 << 11,
	REQUEST_TITLE = 1 << 12,
	REQUEST_COMMAND = 1 << 13,
	REQUEST_EXIT = 1 << 14,
	REQUEST_FAILED = 1 << 15,
	REQUEST_SUBSYSTEM = 1 << 16,
	REQUEST_TERMINAL = 1 << 17,
	REQUEST_WHY = 1 << 18,
};

/* The fields of all requests; those of a request are in its row. Texts are
 * borrowed from the request's object; NULL: not given. */
struct request_fields {
	uint32_t account; /* 1 to ACCOUNT_ID_MAX; 0: not given */
	uint32_t node;    /* 1 to NODE_ID_MAX; 0: not given */
	bool forward_agent;
	bool denied;
	bool host_keys;
	bool more;
	bool terminal;
	uint32_t exit; /* 1 to 256: the status plus one; 0: not given */
	const char *after;
	const char *environment;
	const char *fingerprint;
	const char *key;
	const char *session;
	const char *text;
	const char *title;
	const char *command, *subsystem;
	const char *failed, *why;
};

#define REQUEST_FIELDS_SENTENCE_SIZE 96

/* Reads the fields of an object, beside "op". 0; ENS_E_SYNTAX, and the sentence
 * says of which field. */
ENS_MUST_CHECK int request_fields_read(json_t *object, unsigned required,
    unsigned optional, struct request_fields *ret_fields,
    char ret_sentence[REQUEST_FIELDS_SENTENCE_SIZE]);

#endif
