/* See hello.h. */
#include <config.h>

#include "enscale_guard/hello.h"

#include "common/keys/fingerprint_text.h"

/* Before a hello the shell does not know whom to ask. */
static struct reply
refuse(const struct request *request, const struct policy_answer *answer)
{
	struct reply reply = reply_refuse(request, answer);

	json_object_set_new(reply.line, "support",
	    json_string(request->config->support));
	return reply;
}

struct reply
hello_answer(const struct request *request, const struct request_fields *fields)
{
	const struct session *session = request->session;
	const struct config *config = request->config;
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	struct last_login last = { 0 };
	struct policy_answer answer;

	(void)fields;
	reply_judge(request, 0, &answer);
	if (answer.verdict != POLICY_ALLOWED)
		return refuse(request, &answer);
	if (request->last_use != NULL)
		last_use_find(request->last_use, session->account,
		    session->opened, &last, NULL);
	fingerprint_format_sha256(session->fingerprint, fingerprint);
	return reply_now(json_pack(
	    "{s:b, s:s, s:I, s:I, s:o, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:I, s:s, s:I, s:I, s:I}",
	    "ok", 1, "session", session->id, "account",
	    (json_int_t)session->account, "node", (json_int_t)session->node,
	    "name", reply_text(answer.account.name), "support", config->support,
	    "announcement", config->announcement, "notice", request->notice,
	    "host", config->host, "port", (int)config->port, "key", fingerprint,
	    "address", session->address, "native", config->native, "last_login",
	    (json_int_t)last.opened, "last_address", last.address, "as_of",
	    (json_int_t)view_as_of(request->view), "menu_idle",
	    (json_int_t)config->menu_idle, "hop_idle",
	    (json_int_t)config->hop_idle));
}
