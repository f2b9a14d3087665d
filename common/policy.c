/*
 * The rules, and the words for them. It looks at nothing but the view and
 * the question: no clock, no file, no configuration of its own.
 */
#include <config.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/errors.h"
#include "common/login_name.h"
#include "common/policy.h"
#include "common/text.h"

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
	/* One of the future is of a clock that was wrong: nobody knows. */
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

/* address_known: without an address, is a from= list a no? */
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
	    !policy_from_matches(key->from, question->address))
		answer->verdict = POLICY_KEY_ADDRESS;
}

enum policy_verdict
policy_judge_role(enum environment_role role,
    enum environment_state environment, enum environment_state node)
{
	/* Whoever has no role learns nothing, not even that it is stopped. */
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
	/* Nobody has a role on a node without its environment. */
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

/* ---- from= ---------------------------------------------------------- */

struct address {
	int family;
	size_t len; /* 4 or 16 */
	uint8_t data[16];
};

static bool
parse_address(const char *text, struct address *ret_address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct address address = { .family = AF_INET, .len = 4 };

	if (inet_pton(AF_INET, text, address.data) == 1) {
		*ret_address = address;
		return true;
	}
	address = (struct address){ .family = AF_INET6, .len = 16 };
	if (inet_pton(AF_INET6, text, address.data) != 1)
		return false;
	if (memcmp(address.data, mapped, sizeof(mapped)) == 0) {
		address.family = AF_INET;
		address.len = 4;
		memmove(address.data, address.data + 12, 4);
		memset(address.data + 4, 0, 12);
	}
	*ret_address = address;
	return true;
}

/* Is the bit-th bit set, counted from the front? */
static bool
address_bit(const struct address *address, uint32_t bit)
{
	return address->data[bit / 8] >> (7 - bit % 8) & 1;
}

enum pattern {
	PATTERN_NO_ADDRESS, /* neither address nor CIDR: a wildcard */
	PATTERN_WRONG,      /* bits set behind the mask: sshd refuses all */
	PATTERN_MATCHES,
	PATTERN_DIFFERS,
};

/* "address" or "address/bits". */
static enum pattern
match_cidr(const char *pattern, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX + sizeof("/128")];
	struct address net;
	uint32_t bits;
	char *slash;

	if (strlen(pattern) >= sizeof(text))
		return PATTERN_NO_ADDRESS;
	memcpy(text, pattern, strlen(pattern) + 1);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	if (!parse_address(text, &net))
		return PATTERN_NO_ADDRESS;
	bits = (uint32_t)net.len * 8;
	if (slash != NULL && parse_u32(slash + 1, bits, &bits) != 0)
		return PATTERN_WRONG;
	for (uint32_t i = bits; i < net.len * 8; i++) {
		if (address_bit(&net, i))
			return PATTERN_WRONG;
	}
	if (net.family != address->family)
		return PATTERN_DIFFERS;
	for (uint32_t i = 0; i < bits; i++) {
		if (address_bit(&net, i) != address_bit(address, i))
			return PATTERN_DIFFERS;
	}
	return PATTERN_MATCHES;
}

/* '*' and '?', without recursion: the last star takes one more each time. */
static bool
match_wildcard(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

int
policy_from_matches(const char *from, const char *address)
{
	char list[FROM_TEXT_MAX + 1], plain[INET6_ADDRSTRLEN];
	struct address parsed;
	char *rest = list, *word;
	bool found = false, negated, matches;
	enum pattern pattern;

	if (strlen(from) >= sizeof(list) || !parse_address(address, &parsed) ||
	    inet_ntop(parsed.family, parsed.data, plain, sizeof(plain)) == NULL)
		return 0;
	memcpy(list, from, strlen(from) + 1);
	while ((word = strsep(&rest, ",")) != NULL) {
		negated = *word == '!';
		word += negated;
		if (*word == '\0')
			return 0;
		pattern = match_cidr(word, &parsed);
		if (pattern == PATTERN_WRONG)
			return 0;
		matches = pattern == PATTERN_NO_ADDRESS
		    ? match_wildcard(word, plain)
		    : pattern == PATTERN_MATCHES;
		if (matches && negated)
			return 0;
		found = found || matches;
	}
	return found;
}

/* ---- the words ------------------------------------------------------ */

#define TIME_TEXT_SIZE 64

static const char *
format_time(int64_t when, char buf[TIME_TEXT_SIZE])
{
	time_t t = when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return "an unknown date";
	snprintf(buf, TIME_TEXT_SIZE, "%04lld-%02d-%02d %02d:%02d UTC",
	    tm.tm_year + 1900LL, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min);
	return buf;
}

/* "Key 'title'" or, without a title, "This key". */
static const char *
format_key(const struct key_record *key, char *buf, size_t size)
{
	if (key->title == NULL || key->title[0] == '\0')
		return "This key";
	snprintf(buf, size, "Key \"%s\"", key->title);
	return buf;
}

/* A node whose state, or whose environment's state, keeps everybody out; or
 * in a list, where there is no node yet, the environment. */
static void
say_stopped(const struct policy_answer *answer, const char *state, char *buf,
    size_t size)
{
	if (answer->node_id == 0)
		snprintf(buf, size,
		    "Environment %s is %s: its nodes cannot be entered.",
		    answer->environment.name, state);
	else
		snprintf(buf, size,
		    "Node %u cannot be entered: its environment %s is %s.",
		    answer->node_id, answer->environment.name, state);
}

static void
say_limited(const struct policy_answer *answer, char *buf, size_t size)
{
	char owner[32] = "the owner";
	char object[32 + NAME_TEXT_MAX];
	const char *name = answer->environment.name;

	if (answer->environment.owner != 0)
		snprintf(owner, sizeof(owner), "the owner, account %u,",
		    answer->environment.owner);
	if (answer->node_id == 0)
		snprintf(object, sizeof(object), "Environment %s", name);
	else
		snprintf(object, sizeof(object), "Node %u (%s)",
		    answer->node_id, name);
	snprintf(buf, size,
	    "%s: your access is limited and does not include SSH; ask %s for full access.",
	    object, owner);
}

static void
say_allowed(const struct policy_answer *answer, char *buf, size_t size)
{
	if (answer->node_id == 0)
		snprintf(buf, size, "Account %u may log in.",
		    answer->account_id);
	else
		snprintf(buf, size, "Account %u may enter node %u (%s), as %s.",
		    answer->account_id, answer->node_id,
		    answer->environment.name,
		    answer->role == ROLE_OWNER
		        ? "its owner"
		        : "a collaborator with full access");
}

static void
say(const struct policy_answer *answer, char *buf, size_t size)
{
	char when[TIME_TEXT_SIZE], key[NAME_TEXT_MAX + 16];
	uint32_t account = answer->account_id;

	switch (answer->verdict) {
	case POLICY_ALLOWED:
		say_allowed(answer, buf, size);
		return;
	case POLICY_CANNOT_TELL:
		break;
	case POLICY_VIEW_TOO_OLD:
		snprintf(buf, size,
		    "The gateway has not heard from its directory for too long and lets nobody in; please try again later.");
		return;
	case POLICY_ACCOUNT_UNKNOWN:
		snprintf(buf, size, "Account %u does not exist.", account);
		return;
	case POLICY_ACCOUNT_SUSPENDED:
		snprintf(buf, size, "Account %u is suspended.", account);
		return;
	case POLICY_ACCOUNT_EXPIRED:
		snprintf(buf, size, "Account %u expired on %s.", account,
		    format_time(answer->account.expires, when));
		return;
	case POLICY_KEY_UNKNOWN:
		snprintf(buf, size,
		    "This key does not belong to account %u (any longer); use another one.",
		    account);
		return;
	case POLICY_KEY_EXPIRED:
		snprintf(buf, size,
		    "%s of account %u expired on %s; use another one.",
		    format_key(&answer->key, key, sizeof(key)), account,
		    format_time(answer->key.expires, when));
		return;
	case POLICY_KEY_ADDRESS:
		snprintf(buf, size,
		    "%s of account %u may not be used from this address.",
		    format_key(&answer->key, key, sizeof(key)), account);
		return;
	case POLICY_NODE_UNKNOWN:
		snprintf(buf, size,
		    "Node %u does not exist, or account %u has no access to it.",
		    answer->node_id, account);
		return;
	case POLICY_ENVIRONMENT_STOPPED:
		say_stopped(answer, "stopped", buf, size);
		return;
	case POLICY_ENVIRONMENT_SLEEPING:
		say_stopped(answer, "sleeping", buf, size);
		return;
	case POLICY_NODE_STOPPED:
		snprintf(buf, size, "Node %u (%s) cannot be entered: it is %s.",
		    answer->node_id, answer->environment.name,
		    environment_state_text(answer->node.state));
		return;
	case POLICY_NODE_MOVED:
		snprintf(buf, size,
		    "Node %u has another address now; please connect again.",
		    answer->node_id);
		return;
	case POLICY_ACCESS_LIMITED:
		say_limited(answer, buf, size);
		return;
	}
	snprintf(buf, size,
	    "The gateway cannot tell at the moment who may enter; please try again later.");
}

size_t
policy_sentence(const struct policy_answer *answer, char *buf, size_t size)
{
	char sentence[2 * POLICY_SENTENCE_MAX];

	say(answer, sentence, sizeof(sentence));
	return text_printable(sentence, buf, size);
}

const char *
policy_verdict_text(enum policy_verdict verdict)
{
	switch (verdict) {
	case POLICY_ALLOWED:
		return "allowed";
	case POLICY_CANNOT_TELL:
		return "cannot-tell";
	case POLICY_VIEW_TOO_OLD:
		return "view-too-old";
	case POLICY_ACCOUNT_UNKNOWN:
		return "account-unknown";
	case POLICY_ACCOUNT_SUSPENDED:
		return "account-suspended";
	case POLICY_ACCOUNT_EXPIRED:
		return "account-expired";
	case POLICY_KEY_UNKNOWN:
		return "key-unknown";
	case POLICY_KEY_EXPIRED:
		return "key-expired";
	case POLICY_KEY_ADDRESS:
		return "key-address";
	case POLICY_NODE_UNKNOWN:
		return "node-unknown";
	case POLICY_ENVIRONMENT_STOPPED:
		return "environment-stopped";
	case POLICY_ENVIRONMENT_SLEEPING:
		return "environment-sleeping";
	case POLICY_NODE_STOPPED:
		return "node-stopped";
	case POLICY_NODE_MOVED:
		return "node-moved";
	case POLICY_ACCESS_LIMITED:
		return "access-limited";
	}
	return "cannot-tell";
}
