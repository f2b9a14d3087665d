/*
 * The requests, one row each. No request names an account: it is always the
 * session's. Unknown requests are refused.
 */
#include <config.h>

#include "enscale_guard/request.h"

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/admission.h"
#include "enscale_guard/environments.h"
#include "enscale_guard/hello.h"
#include "enscale_guard/hop_request.h"
#include "enscale_guard/info.h"
#include "enscale_guard/keys.h"
#include "enscale_guard/native.h"

#define SENTENCE_SIZE  96
#define NAME_SHOWN_MAX 32 /* of a field that nobody knows */

/* ---- fields ------------------------------------------------------------ */

enum argument_type {
	ARGUMENT_TEXT,
	ARGUMENT_FLAG,
	ARGUMENT_NODE,
};

/* Bits of a row's fields. */
enum {
	AFTER = 1 << 0,
	DENIED = 1 << 1,
	FINGERPRINT = 1 << 2,
	FORWARD_AGENT = 1 << 3,
	HOST_KEYS = 1 << 4,
	KEY = 1 << 5,
	NODE = 1 << 6,
	TITLE = 1 << 7,
};

#define AT(member) offsetof(struct request_fields, member)

static const struct argument {
	unsigned bit;
	const char *name;
	enum argument_type type;
	size_t at;
} fields[] = {
	{ AFTER, "after", ARGUMENT_TEXT, AT(after) },
	{ DENIED, "denied", ARGUMENT_FLAG, AT(denied) },
	{ FINGERPRINT, "fingerprint", ARGUMENT_TEXT, AT(fingerprint) },
	{ FORWARD_AGENT, "forward_agent", ARGUMENT_FLAG, AT(forward_agent) },
	{ HOST_KEYS, "host_keys", ARGUMENT_FLAG, AT(host_keys) },
	{ KEY, "key", ARGUMENT_TEXT, AT(key) },
	{ NODE, "node", ARGUMENT_NODE, AT(node) },
	{ TITLE, "title", ARGUMENT_TEXT, AT(title) },
};

#define ARGUMENT_COUNT (sizeof(fields) / sizeof(fields[0]))

/* ---- rows -------------------------------------------------------------- */

static const struct row {
	const char *op;
	unsigned required, optional; /* fields */
	uint32_t cost;               /* beside that of any request */
	bool judged;                 /* by policy, before it runs */
	struct reply (*run)(const struct request *request,
	    const struct request_fields *fields);
} rows[] = {
	{ .op = "hello", .run = hello_answer },
	{ .op = "list",
	    .optional = AFTER | HOST_KEYS,
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = environments_list },
	{ .op = "hop",
	    .required = NODE | FORWARD_AGENT,
	    .run = hop_request_declare },
	{ .op = "hop-done", .optional = DENIED, .run = hop_request_done },
	{ .op = "settings", .judged = true, .run = info_settings },
	{ .op = "sessions",
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = info_sessions },
	{ .op = "cert",
	    .cost = ADMISSION_COST_SIGN,
	    .run = native_certificate },
	{ .op = "keys",
	    .optional = AFTER,
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = keys_list },
	{ .op = "key-add",
	    .required = TITLE | KEY,
	    .cost = ADMISSION_COST_REFUSED,
	    .run = keys_add },
	{ .op = "key-delete",
	    .required = FINGERPRINT,
	    .cost = ADMISSION_COST_REFUSED,
	    .run = keys_delete },
};

static const struct row *
find_row(const json_t *object)
{
	const char *op = json_string_value(json_object_get(object, "op"));

	for (size_t i = 0; op != NULL && i < sizeof(rows) / sizeof(rows[0]);
	     i++)
		if (strcmp(rows[i].op, op) == 0)
			return &rows[i];
	return NULL;
}

/* ---- reading a request's fields ---------------------------------------- */

static int
take_value(const struct argument *field, const json_t *value,
    struct request_fields *ret_fields)
{
	void *at = (char *)ret_fields + field->at;

	switch (field->type) {
	case ARGUMENT_TEXT:
		if (!json_is_string(value))
			return ENS_E_SYNTAX;
		*(const char **)at = json_string_value(value);
		return 0;
	case ARGUMENT_FLAG:
		if (!json_is_boolean(value))
			return ENS_E_SYNTAX;
		*(bool *)at = json_is_true(value);
		return 0;
	case ARGUMENT_NODE:
		if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		    json_integer_value(value) > NODE_ID_MAX)
			return ENS_E_SYNTAX;
		*(uint32_t *)at = (uint32_t)json_integer_value(value);
		return 0;
	}
	return ENS_E_SYNTAX;
}

/* The field of that name, if the row has one; its bit goes into *seen. */
static const struct argument *
find_field(const struct row *row, const char *name, unsigned *seen)
{
	for (size_t i = 0; i < ARGUMENT_COUNT; i++) {
		if (strcmp(fields[i].name, name) != 0 ||
		    ((row->required | row->optional) & fields[i].bit) == 0)
			continue;
		*seen |= fields[i].bit;
		return &fields[i];
	}
	return NULL;
}

static int
say_wrong(const char *what, const char *name, char sentence[SENTENCE_SIZE])
{
	char shown[NAME_SHOWN_MAX + 1];

	text_printable(name, shown, sizeof(shown));
	snprintf(sentence, SENTENCE_SIZE, "%s field: %s.", what, shown);
	return ENS_E_SYNTAX;
}

/* 0; ENS_E_SYNTAX, and the sentence says of which field. */
static int
read_fields(const struct row *row, json_t *object,
    struct request_fields *ret_fields, char sentence[SENTENCE_SIZE])
{
	const struct argument *field;
	unsigned seen = 0;
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		if (strcmp(name, "op") == 0)
			continue;
		field = find_field(row, name, &seen);
		if (field == NULL)
			return say_wrong("Unknown", name, sentence);
		if (take_value(field, value, ret_fields) < 0)
			return say_wrong("Wrong", name, sentence);
	}
	for (size_t i = 0; i < ARGUMENT_COUNT; i++)
		if ((row->required & ~seen & fields[i].bit) != 0)
			return say_wrong("Missing", fields[i].name, sentence);
	return 0;
}

/* ---- one line ---------------------------------------------------------- */

static struct reply
refuse_stranger(const struct request *request)
{
	if (request->unrecorded)
		return reply_refusal(GUARD_EXIT_FAULT, "unrecorded",
		    "The gateway is not set up properly: it let you in without "
		    "a record of this session. Only its operator can fix that.",
		    NULL);
	return reply_refusal(GUARD_EXIT_REFUSED, "no-session",
	    "This process does not belong to a session of the gateway.", NULL);
}

static struct reply
run(const struct request *request, const struct row *row, json_t *object)
{
	struct request_fields given = { 0 };
	char sentence[SENTENCE_SIZE];
	struct policy_answer answer;

	if (read_fields(row, object, &given, sentence) < 0)
		return reply_bad(request, sentence);
	if (row->cost != 0 && !request->charge(request->arg, row->cost))
		return reply_busy(request);
	if (row->judged) {
		reply_judge(request, 0, &answer);
		if (answer.verdict != POLICY_ALLOWED)
			return reply_refuse(request, &answer);
	}
	return row->run(request, &given);
}

static struct reply
answer_object(const struct request *request, json_t *object)
{
	const struct row *row;
	struct reply reply;

	if (request->session == NULL) {
		reply = refuse_stranger(request);
		reply.close = true;
		return reply;
	}
	if (!request->charge(request->arg, ADMISSION_COST_REQUEST))
		return reply_busy(request);
	row = find_row(object);
	if (row == NULL)
		return reply_bad(request, "Unknown request.");
	return run(request, row, object);
}

struct reply
request_answer(const struct request *request, const char *line, size_t len)
{
	AUTO_JSON json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES,
	    NULL);

	if (!json_is_object(object))
		return reply_bad(request, "Not a request.");
	return answer_object(request, object);
}
