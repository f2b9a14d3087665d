/* See hop_request.h. It refuses every node but those that the session may
 * enter. */
#include <config.h>

#include "enscale_guard/hop_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/host_address.h"
#include "common/base/text.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/cert.h"
#include "enscale_guard/known_hosts.h"
#include "enscale_guard/log.h"

#define TIME_SIZE 32

/* ---- hop --------------------------------------------------------------- */

static void
tell_refusal(const struct request *request, uint32_t node, const char *verdict,
    const char *sentence)
{
	log_about(OF_VERDICT(request->session, node, verdict), LOG_INFO,
	    "hop-refused: %s", sentence);
	audit_event(request->audit, AUDIT_EVENT_HOP_REFUSED, request->session,
	    &(struct audit_fields){ .node = node,
	        .verdict = verdict,
	        .sentence = sentence });
}

static struct reply
refuse(const struct request *request, uint32_t node, int code,
    const char *verdict, const char *sentence)
{
	tell_refusal(request, node, verdict, sentence);
	return reply_refusal(code, verdict, sentence, request->session);
}

static struct reply
refuse_by_policy(const struct request *request,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	tell_refusal(request, answer->node_id,
	    policy_verdict_text(answer->verdict), sentence);
	return reply_refuse(request, answer);
}

/* For this line and those that come later: as much of it as the log keeps. */
static struct hop_what
what_of(const struct request_fields *fields)
{
	struct hop_what what = { .terminal = fields->terminal };

	if (fields->command != NULL)
		(void)text_printable(fields->command, what.command,
		    sizeof(what.command));
	if (fields->subsystem != NULL)
		(void)text_printable(fields->subsystem, what.subsystem,
		    sizeof(what.subsystem));
	return what;
}

/*
 * However many channels a connection has: what one account runs here is
 * bounded, so that there is room for the others. True: *ret_reply is the no.
 */
static bool
is_over_limit(const struct request *request, uint32_t node,
    struct reply *ret_reply)
{
	const struct config *config = request->config;
	char sentence[POLICY_SENTENCE_MAX];
	struct hop_count count = { 0, 0 };

	if (request->count_hops != NULL)
		request->count_hops(request->arg, &count);
	if (count.session >= config->max_session_hops)
		snprintf(sentence, sizeof(sentence),
		    "This session has %u open connections to nodes and may not have more; end one and try again.",
		    count.session);
	else if (count.account >= config->max_hops)
		snprintf(sentence, sizeof(sentence),
		    "Account %u has %u open connections to nodes and may not have more; end one and try again.",
		    request->session->account, count.account);
	else
		return false;
	*ret_reply = refuse(request, node, GUARD_EXIT_REFUSED, "hop-limit",
	    sentence);
	return true;
}

static struct reply
declare(const struct request *request, const struct node_record *node,
    const struct request_fields *fields)
{
	AUTO_FREE char *hosts = malloc(KNOWN_HOSTS_MAX);
	char alias[KNOWN_HOSTS_ALIAS_SIZE], sentence[POLICY_SENTENCE_MAX];
	json_t *answer;
	int r;

	if (hosts == NULL)
		return reply_now(NULL);
	known_hosts_alias(node->node, alias);
	r = known_hosts_format(node, hosts, KNOWN_HOSTS_MAX);
	if (r < 0) {
		snprintf(sentence, sizeof(sentence),
		    "Node %u cannot be reached: the directory has no host key for it.",
		    node->node);
		return refuse(request, node->node, GUARD_EXIT_UNREACHABLE,
		    "no-host-key", sentence);
	}
	if (host_address_is_own(node->address)) {
		snprintf(sentence, sizeof(sentence),
		    "Node %u cannot be reached: the directory has the gateway's own address for it.",
		    node->node);
		return refuse(request, node->node, GUARD_EXIT_UNREACHABLE,
		    "own-address", sentence);
	}
	answer = json_pack("{s:b, s:I, s:s, s:i, s:s, s:s, s:s, s:i, s:s}",
	    "ok", 1, "node", (json_int_t)node->node, "address", node->address,
	    "port", (int)node->port, "user", node->system_user, "alias", alias,
	    "known_hosts", hosts, "connect_timeout",
	    (int)request->config->connect_timeout, "agent_socket",
	    request->agent_socket);
	if (answer == NULL)
		return reply_now(NULL);
	hop_declare(request->hop, node->node, fields->forward_agent,
	    request->now);
	request->hop->what = what_of(fields);
	audit_event(request->audit, AUDIT_EVENT_HOP_DECLARED, request->session,
	    &(struct audit_fields){ .node = node->node,
	        .forward_agent = fields->forward_agent,
	        .terminal = fields->terminal,
	        .subsystem = fields->subsystem != NULL
	            ? request->hop->what.subsystem
	            : NULL,
	        .command = fields->command != NULL ? request->hop->what.command
	                                           : NULL });
	return reply_now(answer);
}

struct reply
hop_request_declare(const struct request *request,
    const struct request_fields *fields)
{
	struct policy_answer answer;
	char sentence[POLICY_SENTENCE_MAX];
	struct reply reply;

	/* The previous declaration is over, whatever happens to this one. */
	hop_clear(request->hop);
	if (request->session->node != 0 &&
	    request->session->node != fields->node) {
		snprintf(sentence, sizeof(sentence),
		    "This session was opened for node %u only.",
		    request->session->node);
		return refuse(request, fields->node, GUARD_EXIT_REFUSED,
		    "other-node", sentence);
	}
	reply_judge(request, fields->node, &answer);
	if (answer.verdict != POLICY_ALLOWED)
		return refuse_by_policy(request, &answer);
	if (is_over_limit(request, fields->node, &reply))
		return reply;
	return declare(request, &answer.node, fields);
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
 * The node has seen a certificate but asked for no signature with it. It does
 * not say why; a wrong clock is the cause that the gateway cannot see, since
 * nothing in the protocol tells the node's time.
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
	log_about(OF_HOP(request->session, hop->node), LOG_WARNING,
	    "node-refused: node %u did not accept a certificate that is valid "
	    "from %s to %s: is its clock right, and does it trust the gateway "
	    "(enscale-node check)?",
	    hop->node, from_text, until_text);
	audit_event(request->audit, AUDIT_EVENT_NODE_REFUSED, request->session,
	    &(struct audit_fields){ .node = hop->node,
	        .valid_after = from_text,
	        .valid_before = until_text });
}

/* A word of the audit log's, whatever the peer says. */
static const char *
failure_word(const char *said)
{
	static const char *const words[] = { "host-key", "certificate",
		"unreachable", "closed", "algorithm", "no-ssh", "damaged",
		"request" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(said, words[i]) == 0)
			return words[i];
	return "other";
}

/* As the session's shell says that its ssh said. */
static void
tell_failure(const struct request *request, const struct request_fields *fields)
{
	const struct hop *hop = request->hop;
	const char *reason = failure_word(fields->failed);
	char why[AUDIT_WHY_MAX + 1] = "-";

	if (fields->why != NULL)
		(void)text_printable(fields->why, why, sizeof(why));
	audit_event(request->audit, AUDIT_EVENT_HOP_FAILED, request->session,
	    &(struct audit_fields){ .node = hop->node,
	        .reason = reason,
	        .sentence = fields->why != NULL ? why : NULL });
	log_about(OF_HOP(request->session, hop->node), LOG_INFO,
	    "hop-failed: %s: %s", reason, why);
}

struct reply
hop_request_done(const struct request *request,
    const struct request_fields *fields)
{
	struct hop *hop = request->hop;
	json_t *answer;

	if (fields->denied && hop->state == HOP_DECLARED && hop->certified != 0)
		tell_denial(request);
	if (fields->failed != NULL && hop->state != HOP_NONE)
		tell_failure(request, fields);
	answer = json_pack("{s:b, s:b}", "ok", 1, "signed",
	    hop->state == HOP_SIGNED);
	if (hop->state == HOP_DECLARED && hop->verdict != POLICY_ALLOWED) {
		json_object_set_new(answer, "code",
		    json_integer(reply_exit_code(hop->verdict)));
		json_object_set_new(answer, "verdict",
		    json_string(policy_verdict_text(hop->verdict)));
		json_object_set_new(answer, "sentence",
		    json_string(hop->sentence));
	}
	hop_clear(hop);
	hop->ended = fields->exit;
	return reply_now(answer);
}
