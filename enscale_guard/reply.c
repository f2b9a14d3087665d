/* See reply.h. */
#include <config.h>

#include "enscale_guard/reply.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/log.h"

#define DIRECTORY_TEXT_MAX (4 * NAME_TEXT_MAX)

struct reply
reply_now(json_t *line)
{
	return (struct reply){ .line = line };
}

struct reply
reply_later(void)
{
	return (struct reply){ .later = true };
}

json_t *
reply_text(const char *text)
{
	char buf[DIRECTORY_TEXT_MAX + 1];

	text_printable(text, buf, sizeof(buf));
	return json_string(buf);
}

/* ---- refusals ---------------------------------------------------------- */

int
reply_exit_code(enum policy_verdict verdict)
{
	return policy_class(verdict) == POLICY_CLASS_CANNOT_TELL
	    ? GUARD_EXIT_FAULT
	    : GUARD_EXIT_REFUSED;
}

struct reply
reply_refusal(int code, const char *verdict, const char *sentence,
    const struct session *session)
{
	return reply_now(json_pack("{s:b, s:i, s:s, s:s, s:s*}", "ok", 0,
	    "code", code, "verdict", verdict, "sentence", sentence, "session",
	    session != NULL ? session->id : NULL));
}

struct reply
reply_refuse(const struct request *request, const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	if (answer->verdict == POLICY_CANNOT_TELL)
		log_about(OF_VERDICT(request->session, answer->node_id,
		              policy_verdict_text(answer->verdict)),
		    LOG_WARNING, "cannot tell: %s", error_text(answer->error));
	return reply_refusal(reply_exit_code(answer->verdict),
	    policy_verdict_text(answer->verdict), sentence, request->session);
}

struct reply
reply_cannot_tell(const struct request *request, int error)
{
	const struct policy_answer answer = { .verdict = POLICY_CANNOT_TELL,
		.error = error,
		.account_id = request->session->account };

	return reply_refuse(request, &answer);
}

struct reply
reply_busy(const struct request *request)
{
	return reply_refusal(GUARD_EXIT_FAULT, "too-many-requests",
	    "Too many requests; please wait a moment.", request->session);
}

struct reply
reply_bad(const struct request *request, const char *sentence)
{
	struct reply reply = reply_refusal(GUARD_EXIT_FAULT, "bad-request",
	    sentence, request->session);

	reply.close = true;
	return reply;
}

/* ---- lines of the guard's own ------------------------------------------ */

json_t *
reply_event(const char *event, const struct policy_answer *answer,
    const struct session *session)
{
	char sentence[POLICY_SENTENCE_MAX], said[2 * POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	snprintf(said, sizeof(said), "The gateway is ending this %s. %s",
	    strcmp(event, "end") == 0 ? "session" : "connection", sentence);
	text_printable(said, sentence, sizeof(sentence));
	return json_pack("{s:s, s:i, s:s, s:s, s:s}", "event", event, "code",
	    reply_exit_code(answer->verdict), "verdict",
	    policy_verdict_text(answer->verdict), "sentence", sentence,
	    "session", session->id);
}

/* ---- policy ------------------------------------------------------------ */

void
reply_judge(const struct request *request, uint32_t node,
    struct policy_answer *ret_answer)
{
	const struct policy_question question = {
		.account = request->session->account,
		.fingerprint = request->session->fingerprint,
		.address = request->session->address,
		.node = node,
		.now = time(NULL),
		.max_age = request->config->offline_max_age,
	};

	policy_judge(request->view, request->view_error, &question, ret_answer);
}
