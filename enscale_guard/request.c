/*
 * hello, hop, hop-done; list.c, keys.c and about.c have the rest. No request
 * names an account: that is the session's. It refuses what it does not know, and lists nothing that policy
 * has not been asked about.
 */
#include <config.h>

#include "enscale_guard/request.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint_text.h"
#include "common/guard_protocol.h"
#include "common/host_address.h"
#include "common/ssh_key.h"
#include "common/text.h"
#include "enscale_guard/about.h"
#include "enscale_guard/admission.h"
#include "enscale_guard/cert.h"
#include "enscale_guard/keys.h"
#include "enscale_guard/list.h"
#include "enscale_guard/log.h"
#include "enscale_guard/native.h"

#define DIRECTORY_TEXT_MAX (4 * NAME_TEXT_MAX)
#define TIME_SIZE          32

static void
unref(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON AUTO(unref)

/* ---- words ------------------------------------------------------------- */

/* Text of the directory, fit for JSON and for a terminal. */
json_t *
request_text(const char *text)
{
	char buf[DIRECTORY_TEXT_MAX + 1];

	text_printable(text, buf, sizeof(buf));
	return json_string(buf);
}

int
request_exit_code(enum policy_verdict verdict)
{
	if (verdict == POLICY_CANNOT_TELL || verdict == POLICY_VIEW_TOO_OLD)
		return GUARD_EXIT_UNWELL;
	return GUARD_EXIT_REFUSED;
}

json_t *
request_refusal(int code, const char *verdict, const char *sentence,
    const struct session *session)
{
	return json_pack("{s:b, s:i, s:s, s:s, s:s*}", "ok", 0, "code", code,
	    "verdict", verdict, "sentence", sentence, "session",
	    session != NULL ? session->id : NULL);
}

json_t *
request_event(const char *event, const struct policy_answer *answer,
    const struct session *session)
{
	char sentence[POLICY_SENTENCE_MAX], said[2 * POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	snprintf(said, sizeof(said), "The gateway ends this %s. %s",
	    strcmp(event, "end") == 0 ? "session" : "connection", sentence);
	text_printable(said, sentence, sizeof(sentence));
	return json_pack("{s:s, s:i, s:s, s:s, s:s}", "event", event, "code",
	    request_exit_code(answer->verdict), "verdict",
	    policy_verdict_text(answer->verdict), "sentence", sentence,
	    "session", session->id);
}

json_t *
request_refuse(const struct request *request,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	if (answer->verdict == POLICY_CANNOT_TELL)
		log_warning("cannot tell: %s session=%s account=%u node=%u",
		    error_text(answer->error), request->session->id,
		    request->session->account, answer->node_id);
	return request_refusal(request_exit_code(answer->verdict),
	    policy_verdict_text(answer->verdict), sentence, request->session);
}

json_t *
request_bad(const struct request *request, const char *sentence,
    bool *ret_close)
{
	*ret_close = true;
	return request_refusal(GUARD_EXIT_UNWELL, "bad-request", sentence,
	    request->session);
}

/* ---- policy ------------------------------------------------------------ */

void
request_judge(const struct request *request, uint32_t node,
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

/* ---- hello ------------------------------------------------------------- */

/* Before a hello the shell knows nobody whom to ask. */
static json_t *
refuse_hello(const struct request *request, const struct policy_answer *answer)
{
	json_t *refusal = request_refuse(request, answer);

	json_object_set_new(refusal, "support",
	    json_string(request->config->support));
	return refusal;
}

static json_t *
hello(const struct request *request, const json_t *object, bool *ret_close)
{
	const struct session *session = request->session;
	const struct config *config = request->config;
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	struct last_login last = { 0 };
	struct policy_answer answer;

	if (json_object_size(object) != 1)
		return request_bad(request, "Unknown field.", ret_close);
	request_judge(request, 0, &answer);
	if (answer.verdict != POLICY_ALLOWED)
		return refuse_hello(request, &answer);
	if (request->last_use != NULL)
		last_use_find(request->last_use, session->account,
		    session->opened, &last, NULL);
	fingerprint_format_sha256(session->fingerprint, fingerprint);
	return json_pack(
	    "{s:b, s:s, s:I, s:I, s:o, s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:I, s:s, s:I}",
	    "ok", 1, "session", session->id, "account",
	    (json_int_t)session->account, "node", (json_int_t)session->node,
	    "name", request_text(answer.account.name), "support",
	    config->support, "announcement", config->announcement, "host",
	    config->host, "port", (int)config->port, "key", fingerprint,
	    "address", session->address, "native", config->native, "last_login",
	    (json_int_t)last.opened, "last_address", last.address, "as_of",
	    (json_int_t)view_as_of(request->view));
}

/* ---- hop --------------------------------------------------------------- */

int
request_known_hosts(const struct node_record *node, char *buf, size_t size)
{
	struct bytes cursor = node->host_keys, blob;
	char alias[REQUEST_ALIAS_SIZE];
	size_t used = 0;

	snprintf(alias, sizeof(alias), "node%u", node->node);
	buf[0] = '\0';
	while (node_record_next_host_key(&cursor, &blob) == 0) {
		size_t len = strlen(alias);

		if (used + len + 2 >= size)
			return ENS_E_LIMIT;
		memcpy(buf + used, alias, len);
		used += len;
		buf[used++] = ' ';
		len = ssh_key_format(blob, buf + used, size - used);
		if (len == 0 || used + len + 2 > size)
			return ENS_E_LIMIT;
		used += len;
		buf[used++] = '\n';
		buf[used] = '\0';
	}
	return used > 0 ? 0 : ENS_E_NOTFOUND;
}

static void
tell_refusal(const struct request *request, uint32_t node, const char *verdict,
    const char *sentence)
{
	log_info("hop-refused: %s session=%s account=%u node=%u", sentence,
	    request->session->id, request->session->account, node);
	audit_event(request->audit, "hop-refused", request->session,
	    json_pack("{s:I, s:s, s:s}", "node", (json_int_t)node, "verdict",
	        verdict, "sentence", sentence));
}

static json_t *
refuse_hop(const struct request *request, uint32_t node, int code,
    const char *verdict, const char *sentence)
{
	tell_refusal(request, node, verdict, sentence);
	return request_refusal(code, verdict, sentence, request->session);
}

static json_t *
refuse_hop_by_policy(const struct request *request,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	tell_refusal(request, answer->node_id,
	    policy_verdict_text(answer->verdict), sentence);
	return request_refuse(request, answer);
}

static json_t *
declare(const struct request *request, const struct node_record *node,
    bool forward_agent)
{
	AUTO_FREE char *hosts = malloc(REQUEST_KNOWN_HOSTS_MAX);
	char alias[REQUEST_ALIAS_SIZE], sentence[POLICY_SENTENCE_MAX];
	json_t *answer;
	int r;

	if (hosts == NULL)
		return NULL;
	snprintf(alias, sizeof(alias), "node%u", node->node);
	r = request_known_hosts(node, hosts, REQUEST_KNOWN_HOSTS_MAX);
	if (r < 0) {
		snprintf(sentence, sizeof(sentence),
		    "Node %u cannot be reached: the directory has no host key of it.",
		    node->node);
		return refuse_hop(request, node->node, GUARD_EXIT_UNREACHABLE,
		    "no-host-key", sentence);
	}
	if (host_address_is_own(node->address)) {
		snprintf(sentence, sizeof(sentence),
		    "Node %u cannot be reached: the directory has the gateway's own address for it.",
		    node->node);
		return refuse_hop(request, node->node, GUARD_EXIT_UNREACHABLE,
		    "own-address", sentence);
	}
	answer = json_pack("{s:b, s:I, s:s, s:i, s:s, s:s, s:s, s:i, s:s}",
	    "ok", 1, "node", (json_int_t)node->node, "address", node->address,
	    "port", (int)node->port, "user", node->system_user, "alias", alias,
	    "known_hosts", hosts, "connect_timeout",
	    (int)request->config->connect_timeout, "agent_socket",
	    request->agent_socket);
	if (answer == NULL)
		return NULL;
	hop_declare(request->hop, node->node, forward_agent, request->now);
	audit_event(request->audit, "hop-declared", request->session,
	    json_pack("{s:I, s:b}", "node", (json_int_t)node->node,
	        "forward_agent", forward_agent));
	return answer;
}

static json_t *
hop(const struct request *request, json_t *object, bool *ret_close)
{
	struct policy_answer answer;
	char sentence[POLICY_SENTENCE_MAX];
	int forward_agent;
	json_int_t node;
	const char *op;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s:I, s:b}", "op",
	        &op, "node", &node, "forward_agent", &forward_agent) != 0 ||
	    node < 1 || node > NODE_ID_MAX)
		return request_bad(request, "Not a node.", ret_close);
	/* What was declared before is over, whatever becomes of this. */
	hop_clear(request->hop);
	if (request->session->node != 0 &&
	    request->session->node != (uint32_t)node) {
		snprintf(sentence, sizeof(sentence),
		    "This session was opened for node %u alone.",
		    request->session->node);
		return refuse_hop(request, (uint32_t)node, GUARD_EXIT_REFUSED,
		    "other-node", sentence);
	}
	request_judge(request, (uint32_t)node, &answer);
	if (answer.verdict != POLICY_ALLOWED)
		return refuse_hop_by_policy(request, &answer);
	return declare(request, &answer.node, forward_agent != 0);
}

/* ---- hop-done ---------------------------------------------------------- */

static void
format_time(int64_t when, char buf[TIME_SIZE])
{
	time_t seconds = when;
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL ||
	    strftime(buf, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		buf[0] = '\0';
}

/*
 * The node has seen a certificate and asked for no signature with it. Why, it
 * tells nobody; of the causes the clock is the one that the gateway cannot see,
 * since nothing in the protocol says the time of the node.
 */
static void
tell_denial(const struct request *request)
{
	const struct hop *hop = request->hop;
	int64_t from = hop->certified - CERT_BACKDATE;
	int64_t until = hop->certified + request->config->cert_lifetime;
	char from_text[TIME_SIZE], until_text[TIME_SIZE];

	format_time(from, from_text);
	format_time(until, until_text);
	log_warning("node-refused: node %u did not accept a certificate that "
	            "is good from %s to %s: is its clock right, and does it "
	            "trust the gateway (enscale-node check)? session=%s "
	            "account=%u node=%u",
	    hop->node, from_text, until_text, request->session->id,
	    request->session->account, hop->node);
	audit_event(request->audit, "node-refused", request->session,
	    json_pack("{s:I, s:s, s:s}", "node", (json_int_t)hop->node,
	        "valid_after", from_text, "valid_before", until_text));
}

static json_t *
hop_done(const struct request *request, json_t *object, bool *ret_close)
{
	struct hop *hop = request->hop;
	int is_denied = 0;
	json_t *answer;
	const char *op;

	if (json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s?b}", "op", &op,
	        "denied", &is_denied) != 0)
		return request_bad(request, "Unknown field.", ret_close);
	if (is_denied && hop->state == HOP_DECLARED && hop->certified != 0)
		tell_denial(request);
	answer = json_pack("{s:b, s:b}", "ok", 1, "signed",
	    hop->state == HOP_SIGNED);
	if (hop->state == HOP_DECLARED && hop->verdict != POLICY_ALLOWED) {
		json_object_set_new(answer, "code",
		    json_integer(request_exit_code(hop->verdict)));
		json_object_set_new(answer, "verdict",
		    json_string(policy_verdict_text(hop->verdict)));
		json_object_set_new(answer, "sentence",
		    json_string(hop->sentence));
	}
	hop_clear(hop);
	return answer;
}

/* ---- one line ---------------------------------------------------------- */

static json_t *
refuse_stranger(const struct request *request)
{
	if (request->unrecorded)
		return request_refusal(GUARD_EXIT_UNWELL, "unrecorded",
		    "The gateway is not set up properly: it let you in without "
		    "a record of this session. Only its operator can mend "
		    "that.",
		    NULL);
	return request_refusal(GUARD_EXIT_REFUSED, "no-session",
	    "This process does not belong to a session of the gateway.", NULL);
}

static json_t *
answer_object(const struct request *request, json_t *object, bool *ret_close)
{
	const char *op = json_string_value(json_object_get(object, "op"));

	if (request->session == NULL) {
		*ret_close = true;
		return refuse_stranger(request);
	}
	if (!request->charge(request->arg, ADMISSION_COST_REQUEST))
		return request_refusal(GUARD_EXIT_UNWELL, "too-many-requests",
		    "Too many requests; please wait a moment.",
		    request->session);
	if (op != NULL && strcmp(op, "hello") == 0)
		return hello(request, object, ret_close);
	if (op != NULL && strcmp(op, "list") == 0)
		return list_environments(request, object, ret_close);
	if (op != NULL && strcmp(op, "hop") == 0)
		return hop(request, object, ret_close);
	if (op != NULL && strcmp(op, "hop-done") == 0)
		return hop_done(request, object, ret_close);
	if (op != NULL && strcmp(op, "settings") == 0)
		return about_settings(request, object, ret_close);
	if (op != NULL && strcmp(op, "sessions") == 0)
		return about_sessions(request, object, ret_close);
	if (op != NULL && strcmp(op, "cert") == 0)
		return native_certificate(request, object, ret_close);
	if (op != NULL && strcmp(op, "keys") == 0)
		return keys_list(request, object, ret_close);
	if (op != NULL && strcmp(op, "key-add") == 0)
		return keys_add(request, object, ret_close);
	if (op != NULL && strcmp(op, "key-delete") == 0)
		return keys_delete(request, object, ret_close);
	return request_bad(request, "Unknown request.", ret_close);
}

json_t *
request_answer(const struct request *request, const char *line, size_t len,
    bool *ret_close)
{
	AUTO_JSON json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES,
	    NULL);

	*ret_close = false;
	if (!json_is_object(object))
		return request_bad(request, "Not a request.", ret_close);
	return answer_object(request, object, ret_close);
}
