/* The rules. They look only at the view and the question: no clock, no file, no
 * configuration of their own. */
#include <config.h>

#include "common/policy/policy.h"

#include "common/base/errors.h"
#include "common/policy/from_pattern.h"

/* ---- the rules ------------------------------------------------------ */

static void
cannot_tell(struct policy_answer *answer, int error)
{
	answer->verdict = POLICY_CANNOT_TELL;
	answer->error = error;
}

/* A failed lookup: an authoritative no, or cannot tell. */
static void
judge_missing(struct policy_answer *answer, int error, enum policy_verdict no)
{
	if (error == ENS_E_NOTFOUND)
		answer->verdict = no;
	else
		cannot_tell(answer, error);
}

static void
judge_view(const struct view *view, int open_error,
    const struct policy_question *question, struct policy_answer *answer)
{
	int64_t age;

	if (view == NULL) {
		cannot_tell(answer, open_error != 0 ? open_error : ENS_E_VIEW);
		return;
	}
	if (question->max_age == 0)
		return;
	/* A view from the future comes from a clock that was wrong: its age is
	 * unknown. */
	age = question->now - view_as_of(view);
	if (age > question->max_age || age < -question->max_age)
		answer->verdict = POLICY_VIEW_TOO_OLD;
}

static bool
has_expired(int64_t expires, int64_t now)
{
	return expires != 0 && now >= expires;
}

static void
judge_account(const struct view *view, const struct policy_question *question,
    struct policy_answer *answer)
{
	int r = ENS_E_NOTFOUND;

	if (question->account >= 1 && question->account <= ACCOUNT_ID_MAX)
		r = view_find_account(view, question->account,
		    &answer->account);
	if (r < 0) {
		judge_missing(answer, r, POLICY_ACCOUNT_UNKNOWN);
		return;
	}
	switch (answer->account.status) {
	case ACCOUNT_ACTIVE:
		if (has_expired(answer->account.expires, question->now))
			answer->verdict = POLICY_ACCOUNT_EXPIRED;
		return;
	case ACCOUNT_SUSPENDED:
		answer->verdict = POLICY_ACCOUNT_SUSPENDED;
		return;
	}
	cannot_tell(answer, ENS_E_CORRUPT);
}

/* need_address: is a from= list a no where the address is not known? */
static void
judge_key(const struct view *view, const struct policy_question *question,
    bool need_address, struct policy_answer *answer)
{
	const struct key_record *key = &answer->key;
	int r = ENS_E_NOTFOUND;

	if (question->account >= 1 && question->account <= ACCOUNT_ID_MAX)
		r = view_find_key(view, question->account,
		    question->fingerprint, &answer->key);
	if (r < 0) {
		judge_missing(answer, r, POLICY_KEY_UNKNOWN);
		return;
	}
	if (has_expired(key->expires, question->now)) {
		answer->verdict = POLICY_KEY_EXPIRED;
		return;
	}
	if (key->from[0] == '\0' ||
	    (question->address == NULL && !need_address))
		return;
	if (question->address == NULL ||
	    !from_pattern_matches(key->from, question->address))
		answer->verdict = POLICY_KEY_ADDRESS;
}

enum policy_verdict
policy_judge_role(enum environment_role role,
    enum environment_state environment, enum environment_state node)
{
	/* Without a role one learns nothing, not even that it is stopped. */
	if (role != ROLE_LIMITED && role != ROLE_FULL && role != ROLE_OWNER)
		return POLICY_NODE_UNKNOWN;
	if (environment == ENVIRONMENT_SLEEPING)
		return POLICY_ENVIRONMENT_SLEEPING;
	if (environment != ENVIRONMENT_RUNNING)
		return POLICY_ENVIRONMENT_STOPPED;
	if (role == ROLE_LIMITED)
		return POLICY_ACCESS_LIMITED;
	if (node != ENVIRONMENT_RUNNING)
		return POLICY_NODE_STOPPED;
	return POLICY_ALLOWED;
}

static void
judge_node(const struct view *view, const struct policy_question *question,
    struct policy_answer *answer)
{
	int r;

	r = view_find_node(view, question->node, &answer->node);
	if (r == 0)
		r = view_find_environment(view, answer->node.environment,
		    &answer->environment);
	/* Nobody has a role in a node without its environment. */
	if (r < 0) {
		judge_missing(answer, r, POLICY_NODE_UNKNOWN);
		return;
	}
	answer->role = environment_record_role(&answer->environment,
	    question->account);
	answer->verdict = policy_judge_role(answer->role,
	    answer->environment.state, answer->node.state);
}

void
policy_judge(const struct view *view, int open_error,
    const struct policy_question *question, struct policy_answer *ret_answer)
{
	struct policy_answer answer = { .account_id = question->account,
		.node_id = question->node };

	judge_view(view, open_error, question, &answer);
	if (answer.verdict == POLICY_ALLOWED)
		judge_account(view, question, &answer);
	if (answer.verdict == POLICY_ALLOWED && question->fingerprint != NULL)
		judge_key(view, question, true, &answer);
	if (answer.verdict == POLICY_ALLOWED && question->node != 0)
		judge_node(view, question, &answer);
	if (answer.verdict == POLICY_ALLOWED && question->drained != NULL) {
		answer.verdict = POLICY_DRAINED;
		answer.text = question->drained;
	}
	*ret_answer = answer;
}

void
policy_judge_key(const struct view *view, int open_error,
    const struct policy_question *question, struct policy_answer *ret_answer)
{
	struct policy_answer answer = { .account_id = question->account };

	judge_view(view, open_error, question, &answer);
	if (answer.verdict == POLICY_ALLOWED) {
		if (question->fingerprint != NULL)
			judge_key(view, question, false, &answer);
		else
			answer.verdict = POLICY_KEY_UNKNOWN;
	}
	*ret_answer = answer;
}
