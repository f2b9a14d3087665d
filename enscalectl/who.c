/*
 * enscalectl who: explain the other way round. Who may enter a node, or the
 * nodes of an environment, by which role and which key, and until when, as this
 * gateway decides it now. It refuses to know a rule of its own: policy is asked
 * about each account and each of its keys.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/login_name.h"
#include "common/policy/policy.h"
#include "enscalectl/output.h"
#include "enscalectl/request.h"

struct who {
	const struct config *config;
	const struct view *view;
	const char *environment;
	uint32_t node; /* 0: any of the environment */
	int64_t now;
	struct output output;
	unsigned found;
	struct policy_answer refused; /* the last of those that may not */
	int code;
};

/* ---- one key -------------------------------------------------------------- */

/* The end that comes first; 0 is never. */
static int64_t
sooner(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a == 0 ? b : a;
	return a < b ? a : b;
}

static void
print_key(struct who *who, const struct policy_answer *account,
    enum environment_role role, const struct key_record *key)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];

	fingerprint_format_sha256(key->fingerprint, fingerprint);
	output_record(&who->output,
	    json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o}", "account_id",
	        (json_int_t)account->account_id, "name",
	        output_text(account->account.name), "role",
	        environment_role_text(role), "fingerprint", fingerprint,
	        "title", output_text(key->title), "from",
	        output_text(key->from), "until",
	        output_time(sooner(account->account.expires, key->expires))));
	who->found++;
}

static void
judge_keys(struct who *who, const struct policy_answer *account,
    enum environment_role role)
{
	struct policy_question question = { .account = account->account_id,
		.now = who->now,
		.max_age = who->config->offline_max_age };
	struct account_keys_record keys;
	struct policy_answer answer;
	int r = view_find_account_keys(who->view, account->account_id, &keys);

	if (r != 0 && r != ENS_E_NOTFOUND)
		who->code = EXIT_CANNOT_TELL;
	for (uint32_t i = 0; r == 0 && i < keys.count; i++) {
		question.fingerprint = keys.fingerprints +
		    (size_t)i * SHA256_LEN;
		policy_judge_key(who->view, 0, &question, &answer);
		if (answer.verdict == POLICY_ALLOWED)
			print_key(who, account, role, &answer.key);
		else if (answer.verdict == POLICY_CANNOT_TELL)
			who->code = EXIT_CANNOT_TELL;
	}
}

/* ---- one account ---------------------------------------------------------- */

static void
judge_member(struct who *who, const struct environment_record *environment,
    struct environment_member member)
{
	const struct policy_question question = { .account = member.account,
		.node = who->node,
		.now = who->now,
		.max_age = who->config->offline_max_age };
	struct policy_answer answer;

	policy_judge(who->view, 0, &question, &answer);
	if (answer.verdict == POLICY_ALLOWED && who->node == 0)
		answer.verdict = policy_judge_role(member.role,
		    environment->state, ENVIRONMENT_RUNNING);
	if (answer.verdict == POLICY_ALLOWED)
		judge_keys(who, &answer, member.role);
	else if (answer.verdict == POLICY_CANNOT_TELL)
		who->code = EXIT_CANNOT_TELL;
	else
		who->refused = answer;
}

static int
judge_all(struct who *who)
{
	struct environment_record environment;
	int r = view_find_environment(who->view, who->environment,
	    &environment);

	if (r == ENS_E_NOTFOUND) {
		complain("this gateway has no environment \"%s\"",
		    who->environment);
		return EXIT_NO;
	}
	if (r != 0) {
		complain("cannot read the view: %s", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	for (uint32_t i = 0; i < environment.member_count; i++)
		judge_member(who, &environment,
		    environment_record_member(&environment, i));
	return who->code;
}

static int
finish(const struct who *who, const char *what)
{
	if (who->code != EXIT_YES) {
		complain("not all could be judged: enscalectl view verify says "
		         "what is wrong");
		return who->code;
	}
	if (who->found > 0)
		return EXIT_YES;
	complain("nobody may enter %s now%s%s", what,
	    who->refused.verdict != POLICY_ALLOWED ? ": " : "",
	    who->refused.verdict != POLICY_ALLOWED
	        ? policy_verdict_text(who->refused.verdict)
	        : "");
	return EXIT_NO;
}

/* A number is a node, anything else an environment. */
static int
find_environment(struct who *who, const char *name, struct node_record *node)
{
	int r;

	who->environment = name;
	if (parse_u32(name, NODE_ID_MAX, &who->node) != 0 || who->node == 0) {
		who->node = 0;
		return EXIT_YES;
	}
	r = view_find_node(who->view, who->node, node);
	if (r == 0) {
		who->environment = node->environment;
		if (node->host_key_count == 0)
			complain("node %u has no host key, so nobody can enter "
			         "it",
			    who->node);
		return EXIT_YES;
	}
	if (r == ENS_E_NOTFOUND)
		complain("this gateway has no node %u", who->node);
	else
		complain("cannot read the view: %s", error_text(r));
	return r == ENS_E_NOTFOUND ? EXIT_NO : EXIT_CANNOT_TELL;
}

int
who_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "who", 1, 1, NULL,
		REQUEST_LOCAL };
	AUTO(cleanup_view) struct view *view = NULL;
	struct who who = { .config = &context->config, .now = time(NULL) };
	struct request request;
	struct node_record node;
	char path[CONFIG_PATH_MAX];
	int code = request_read(context, &form, argc, argv, &request), r;

	if (code != EXIT_YES)
		return code;
	r = config_path(context->config.state_dir, CONFIG_VIEW_DIR, path);
	if (r == 0)
		r = view_open(path, &view);
	if (r != 0) {
		complain("cannot read the view: %s", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	who.view = view;
	code = find_environment(&who, request.words[0], &node);
	if (code != EXIT_YES)
		return code;
	output_begin(&who.output, request.json);
	code = judge_all(&who);
	output_end(&who.output);
	return code == EXIT_YES ? finish(&who, request.words[0]) : code;
}
