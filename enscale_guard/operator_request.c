/* See operator_request.h. Unknown requests are refused, and audited as well. */
#include <config.h>

#include "enscale_guard/operator_request.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "enscale_guard/log.h"
#include "enscale_guard/operator_sessions.h"
#include "enscale_guard/operator_socket.h"
#include "enscale_guard/request_fields.h"

json_t *
operator_refusal(const char *verdict, const char *sentence)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "verdict", verdict,
	    "sentence", sentence);
}

/* ---- what is said to users ---------------------------------------------- */

static void
make_notice(const struct operator_client *asker, const char *text,
    struct notice *ret_notice)
{
	*ret_notice = (struct notice){ .since = time(NULL),
		.uid = asker->who.uid };
	memcpy(ret_notice->by, asker->who.by, sizeof(ret_notice->by));
	if (text != NULL) /* its length was checked */
		memcpy(ret_notice->text, text, strlen(text) + 1);
}

static json_t *
not_kept(int error, bool holds)
{
	char sentence[128];

	log_error("cannot keep what an operator said%s: %s",
	    holds ? " over a power failure" : "", error_text(error));
	snprintf(sentence, sizeof(sentence), "%s: %s",
	    holds ? "It holds, but a power failure may undo it"
	          : "It was not kept, and does not hold",
	    error_text(error));
	return operator_refusal(holds ? "not-durable" : "not-kept", sentence);
}

static json_t *
announce(struct operator_client *asker, const struct request_fields *fields)
{
	struct notice notice;
	const struct notice *said = fields->text != NULL ? &notice : NULL;
	int r;

	make_notice(asker, fields->text, &notice);
	r = notices_announce(asker->guard, said);
	return r < 0 ? not_kept(r, notices_is_announcement(asker->guard, said))
	             : json_pack("{s:b}", "ok", 1);
}

static json_t *
say_drained(struct operator_client *asker, const struct notice *notice)
{
	int r = notices_drain(asker->guard, notice);

	return r < 0
	    ? not_kept(r, notices_is_drain(asker->guard, notice))
	    : json_pack("{s:b, s:I}", "ok", 1, "sessions",
	          (json_int_t)session_table_count(asker->guard->sessions));
}

static json_t *
drain(struct operator_client *asker, const struct request_fields *fields)
{
	struct notice notice;

	make_notice(asker, fields->text, &notice);
	return say_drained(asker, &notice);
}

static json_t *
undrain(struct operator_client *asker, const struct request_fields *fields)
{
	(void)fields;
	return say_drained(asker, NULL);
}

/* ---- rows --------------------------------------------------------------- */

static const struct row {
	const char *op;
	unsigned required, optional; /* fields */
	bool is_list;
	json_t *(*run)(struct operator_client *asker,
	    const struct request_fields *fields);
} rows[] = {
	{ .op = "announce", .required = REQUEST_TEXT, .run = announce },
	{ .op = "announce-clear", .run = announce },
	{ .op = "drain", .optional = REQUEST_TEXT, .run = drain },
	{ .op = "kill",
	    .optional = REQUEST_SESSION | REQUEST_ACCOUNT | REQUEST_NODE |
	        REQUEST_ENVIRONMENT | REQUEST_TEXT | REQUEST_MORE,
	    .run = operator_sessions_kill },
	{ .op = "sessions",
	    .optional = REQUEST_ACCOUNT | REQUEST_NODE | REQUEST_MORE,
	    .is_list = true,
	    .run = operator_sessions_list },
	{ .op = "undrain", .run = undrain },
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

static json_t *
run(struct operator_client *asker, const struct row *row, json_t *object)
{
	struct request_fields fields;
	char sentence[REQUEST_FIELDS_SENTENCE_SIZE];

	if (request_fields_read(object, row->required, row->optional, &fields,
	        sentence) < 0)
		return operator_refusal("bad-request", sentence);
	if (fields.text != NULL && !notice_text_is_valid(fields.text))
		return operator_refusal("bad-text",
		    "The text is too long, or has characters that cannot be "
		    "shown.");
	return row->run(asker, &fields);
}

/* ---- audit -------------------------------------------------------------- */

static int64_t
number_or_none(const json_t *answer, const char *name)
{
	const json_t *value = json_object_get(answer, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Who asked, what, and what came of it; the object is the request. */
static void
audit(const struct operator_client *asker, json_t *object, const json_t *answer)
{
	AUTO_JSON json_t *op = json_incref(json_object_get(object, "op"));
	const struct operator_identity *who = &asker->who;
	const bool has_login = who->login != OPERATOR_NOBODY;
	const struct audit_fields fields = {
		.uid = who->uid,
		.user = who->name,
		.login_uid = has_login ? (int64_t)who->login : -1,
		.login_user = has_login ? who->login_name : NULL,
		.request = json_string_value(op),
		.arguments = object,
		.ok = json_is_true(json_object_get(answer, "ok")),
		.verdict = json_string_value(
		    json_object_get(answer, "verdict")),
		.sessions = number_or_none(answer, "sessions"),
		.hops = number_or_none(answer, "hops"),
	};

	json_object_del(object, "op");
	log_notice("operator %s asks: %s", who->by,
	    fields.request != NULL ? fields.request : "?");
	audit_event(asker->guard->audit, AUDIT_EVENT_OPERATOR, NULL, &fields);
}

/* The pages of a list are one request. */
static bool
goes_on(const struct row *row, const json_t *object, const json_t *answer)
{
	return row != NULL && row->is_list &&
	    json_is_true(json_object_get(object, "more")) &&
	    json_is_true(json_object_get(answer, "ok"));
}

json_t *
operator_request_answer(struct operator_client *asker, const char *line,
    size_t len)
{
	AUTO_JSON json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES,
	    NULL);
	const struct row *row;
	json_t *answer;

	if (!json_is_object(object))
		return operator_refusal("bad-request", "Not a request.");
	row = find_row(object);
	answer = row != NULL
	    ? run(asker, row, object)
	    : operator_refusal("bad-request", "Unknown request.");
	if (!goes_on(row, object, answer))
		audit(asker, object, answer);
	return answer;
}
