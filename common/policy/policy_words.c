/*
 * The verdicts: the word, the class and the sentence of each, one row of one
 * table. Sentences are complete, with names in braces for what the answer
 * knows.
 */
#include <config.h>

#include "common/policy/policy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/text.h"

struct verdict {
	const char *word;
	enum policy_class class;
	const char *sentence;
	const char *in_list; /* where there is no node yet; NULL: the same */
};

static const struct verdict verdicts[] = {
	[POLICY_ALLOWED] = { .word = "allowed",
	    .class = POLICY_CLASS_YES,
	    .sentence =
	        "Account {account} may enter node {node} ({environment}), as {role}.",
	    .in_list = "Account {account} may log in." },
	[POLICY_CANNOT_TELL] = { .word = "cannot-tell",
	    .class = POLICY_CLASS_CANNOT_TELL,
	    .sentence =
	        "The gateway cannot tell at the moment who may enter; please try again later." },
	[POLICY_VIEW_TOO_OLD] = { .word = "view-too-old",
	    .class = POLICY_CLASS_CANNOT_TELL,
	    .sentence =
	        "The gateway has not heard from its directory for too long and lets nobody in; please try again later." },
	[POLICY_ACCOUNT_UNKNOWN] = { .word = "account-unknown",
	    .class = POLICY_CLASS_ACCOUNT,
	    .sentence = "Account {account} does not exist." },
	[POLICY_ACCOUNT_SUSPENDED] = { .word = "account-suspended",
	    .class = POLICY_CLASS_ACCOUNT,
	    .sentence = "Account {account} is suspended." },
	[POLICY_ACCOUNT_EXPIRED] = { .word = "account-expired",
	    .class = POLICY_CLASS_ACCOUNT,
	    .sentence = "Account {account} expired on {account_expires}." },
	[POLICY_KEY_UNKNOWN] = { .word = "key-unknown",
	    .class = POLICY_CLASS_KEY,
	    .sentence =
	        "This key is not, or no longer, a key of account {account}; use another one." },
	[POLICY_KEY_EXPIRED] = { .word = "key-expired",
	    .class = POLICY_CLASS_KEY,
	    .sentence =
	        "{key} of account {account} expired on {key_expires}; use another one." },
	[POLICY_KEY_ADDRESS] = { .word = "key-address",
	    .class = POLICY_CLASS_KEY,
	    .sentence =
	        "{key} of account {account} may not be used from this address." },
	[POLICY_NODE_UNKNOWN] = { .word = "node-unknown",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} does not exist, or account {account} has no access to it." },
	[POLICY_ENVIRONMENT_STOPPED] = { .word = "environment-stopped",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} cannot be entered: its environment {environment} is stopped.",
	    .in_list =
	        "Environment {environment} is stopped: its nodes cannot be entered." },
	[POLICY_ENVIRONMENT_SLEEPING] = { .word = "environment-sleeping",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} cannot be entered: its environment {environment} is sleeping.",
	    .in_list =
	        "Environment {environment} is sleeping: its nodes cannot be entered." },
	[POLICY_NODE_STOPPED] = { .word = "node-stopped",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} ({environment}) cannot be entered: it is {node_state}." },
	[POLICY_NODE_MOVED] = { .word = "node-moved",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} now has another address; please connect again." },
	[POLICY_ACCESS_LIMITED] = { .word = "access-limited",
	    .class = POLICY_CLASS_NODE,
	    .sentence =
	        "Node {node} ({environment}): your access is limited and does not include SSH; ask {owner} for full access.",
	    .in_list =
	        "Environment {environment}: your access is limited and does not include SSH; ask {owner} for full access." },
	[POLICY_DRAINED] = { .word = "drained",
	    .class = POLICY_CLASS_OPERATOR,
	    .sentence =
	        "The gateway takes no new logins at the moment: {text}" },
	[POLICY_ENDED] = { .word = "ended-by-operator",
	    .class = POLICY_CLASS_OPERATOR,
	    .sentence = "An operator of the gateway has ended it: {text}" },
};

/* What is not a verdict is not a yes either. */
static const struct verdict *
find(enum policy_verdict verdict)
{
	const size_t count = sizeof(verdicts) / sizeof(verdicts[0]);

	if ((size_t)verdict >= count || verdicts[verdict].word == NULL)
		return &verdicts[POLICY_CANNOT_TELL];
	return &verdicts[verdict];
}

const char *
policy_verdict_text(enum policy_verdict verdict)
{
	return find(verdict)->word;
}

enum policy_class
policy_class(enum policy_verdict verdict)
{
	return find(verdict)->class;
}

/* ---- what a sentence names ------------------------------------------- */

#define WORD_SIZE (NAME_TEXT_MAX + sizeof("Key \"\""))

static void
say_time(int64_t when, char word[WORD_SIZE])
{
	time_t t = when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		snprintf(word, WORD_SIZE, "an unknown date");
	else
		snprintf(word, WORD_SIZE, "%04lld-%02d-%02d %02d:%02d UTC",
		    tm.tm_year + 1900LL, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min);
}

static void
say_account(const struct policy_answer *answer, char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "%u", answer->account_id);
}

static void
say_account_expires(const struct policy_answer *answer, char word[WORD_SIZE])
{
	say_time(answer->account.expires, word);
}

static void
say_key(const struct policy_answer *answer, char word[WORD_SIZE])
{
	const char *title = answer->key.title;

	if (title == NULL || title[0] == '\0')
		snprintf(word, WORD_SIZE, "This key");
	else
		snprintf(word, WORD_SIZE, "Key \"%s\"", title);
}

static void
say_key_expires(const struct policy_answer *answer, char word[WORD_SIZE])
{
	say_time(answer->key.expires, word);
}

static void
say_node(const struct policy_answer *answer, char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "%u", answer->node_id);
}

static void
say_node_state(const struct policy_answer *answer, char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "%s",
	    environment_state_text(answer->node.state));
}

static void
say_environment(const struct policy_answer *answer, char word[WORD_SIZE])
{
	const char *name = answer->environment.name;

	snprintf(word, WORD_SIZE, "%s", name != NULL ? name : "");
}

static void
say_owner(const struct policy_answer *answer, char word[WORD_SIZE])
{
	uint32_t owner = answer->environment.owner;

	if (owner == 0)
		snprintf(word, WORD_SIZE, "the owner");
	else
		snprintf(word, WORD_SIZE, "the owner, account %u,", owner);
}

static void
say_role(const struct policy_answer *answer, char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "%s",
	    answer->role == ROLE_OWNER ? "its owner"
	                               : "a collaborator with full access");
}

static void
say_text(const struct policy_answer *answer, char word[WORD_SIZE])
{
	const char *text = answer->text;

	if (text == NULL || text[0] == '\0')
		text = "please try again later.";
	snprintf(word, WORD_SIZE, "%s", text);
}

static const struct {
	const char *name;
	void (*say)(const struct policy_answer *answer, char word[WORD_SIZE]);
} names[] = {
	{ "account", say_account },
	{ "account_expires", say_account_expires },
	{ "environment", say_environment },
	{ "key", say_key },
	{ "key_expires", say_key_expires },
	{ "node", say_node },
	{ "node_state", say_node_state },
	{ "owner", say_owner },
	{ "role", say_role },
	{ "text", say_text },
};

static void
say_name(const struct policy_answer *answer, const char *name, size_t len,
    char word[WORD_SIZE])
{
	snprintf(word, WORD_SIZE, "{%.*s}", (int)len, name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len &&
		    memcmp(names[i].name, name, len) == 0)
			names[i].say(answer, word);
}

/* ---- the sentence ------------------------------------------------------ */

size_t
policy_sentence(const struct policy_answer *answer, char *buf, size_t size)
{
	const struct verdict *verdict = find(answer->verdict);
	char sentence[2 * POLICY_SENTENCE_MAX], word[WORD_SIZE];
	const char *next = verdict->sentence;
	size_t used = 0, len;

	if (answer->node_id == 0 && verdict->in_list != NULL)
		next = verdict->in_list;
	sentence[0] = '\0';
	while (*next != '\0' && used < sizeof(sentence)) {
		len = strcspn(next, "{");
		used += (size_t)snprintf(sentence + used,
		    sizeof(sentence) - used, "%.*s", (int)len, next);
		next += len;
		if (*next == '\0' || used >= sizeof(sentence))
			break;
		len = strcspn(++next, "}");
		say_name(answer, next, len, word);
		used += (size_t)snprintf(sentence + used,
		    sizeof(sentence) - used, "%s", word);
		next += len + 1;
	}
	return text_printable(sentence, buf, size);
}
