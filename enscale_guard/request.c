/*
 * The requests, one row each. No request names an account: it is always the
 * session's. Unknown requests are refused.
 */
#include <config.h>

#include "enscale_guard/request.h"

#include <string.h>

#include "common/base/json.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/admission.h"
#include "enscale_guard/environments.h"
#include "enscale_guard/hello.h"
#include "enscale_guard/hop_request.h"
#include "enscale_guard/info.h"
#include "enscale_guard/keys.h"
#include "enscale_guard/native.h"

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
	    .optional = REQUEST_AFTER | REQUEST_HOST_KEYS,
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = environments_list },
	{ .op = "hop",
	    .required = REQUEST_NODE | REQUEST_FORWARD_AGENT,
	    .optional = REQUEST_COMMAND | REQUEST_SUBSYSTEM | REQUEST_TERMINAL,
	    .cost = ADMISSION_COST_HOP,
	    .run = hop_request_declare },
	{ .op = "hop-done",
	    .optional = REQUEST_DENIED | REQUEST_FAILED | REQUEST_WHY |
	        REQUEST_EXIT,
	    .run = hop_request_done },
	{ .op = "settings", .judged = true, .run = info_settings },
	{ .op = "sessions",
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = info_sessions },
	{ .op = "log",
	    .optional = REQUEST_ENVIRONMENT,
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = info_log },
	{ .op = "cert",
	    .cost = ADMISSION_COST_SIGN,
	    .run = native_certificate },
	{ .op = "keys",
	    .optional = REQUEST_AFTER,
	    .cost = ADMISSION_COST_LIST,
	    .judged = true,
	    .run = keys_list },
	{ .op = "key-add",
	    .required = REQUEST_TITLE | REQUEST_KEY,
	    .cost = ADMISSION_COST_REFUSED,
	    .run = keys_add },
	{ .op = "key-delete",
	    .required = REQUEST_FINGERPRINT,
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
	struct request_fields given;
	char sentence[REQUEST_FIELDS_SENTENCE_SIZE];
	struct policy_answer answer;

	if (request_fields_read(object, row->required, row->optional, &given,
	        sentence) < 0)
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
