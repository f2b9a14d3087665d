/* enscalectl lookup and explain: what the gateway knows about a login name, and
 * what policy says. They refuse to take "cannot tell" for a no. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/account_map.h"
#include "common/names/login_name.h"
#include "common/policy/policy.h"
#include "common/protocol/notice.h"
#include "common/view/view.h"
#include "enscalectl/options.h"
#include "enscalectl/output.h"
#include "enscalectl/refusal.h"
#include "enscalectl/request.h"
#include "pam_enscale/name_service.h"

/* What is known, as members of an object in the order in which they are
 * printed: "host_keys" is the label "host keys". */
static void __attribute__((format(printf, 3, 4)))
add_fact(json_t *facts, const char *name, const char *format, ...)
{
	char text[2 * ENTRY_DN_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)json_object_set_new(facts, name, output_text(text));
}

static void
add_number(json_t *facts, const char *name, uint64_t number)
{
	(void)json_object_set_new(facts, name,
	    json_integer((json_int_t)number));
}

static void
print_fact(const char *name, const json_t *value)
{
	char label[32];
	size_t i;

	snprintf(label, sizeof(label), "%s", name);
	for (i = 0; label[i] != '\0'; i++)
		if (label[i] == '_')
			label[i] = ' ';
	if (json_is_integer(value))
		printf("%-12s%" JSON_INTEGER_FORMAT "\n", label,
		    json_integer_value(value));
	else
		printf("%-12s%s\n", label,
		    json_is_string(value) ? json_string_value(value) : "");
}

/* Takes them over. */
static void
print_facts(json_t *facts, bool json)
{
	struct output output;
	const json_t *value;
	const char *name;

	if (json) {
		output_begin(&output, true);
		output_record(&output, facts);
		output_end(&output);
		return;
	}
	json_object_foreach(facts, name, value)
		print_fact(name, value);
	json_decref(facts);
}

static int
open_view(const struct context *context, struct view **ret_view)
{
	char path[CONFIG_PATH_MAX];
	int r;

	r = config_path(context->config.state_dir, CONFIG_VIEW_DIR, path);
	return r != 0 ? r : view_open(path, ret_view);
}

/* ---- lookup ------------------------------------------------------------ */

/* Asks the account map; the exit code is the answer. */
static int
ask_map(const struct context *context, uint32_t account, json_t *facts)
{
	const struct account_map *map;
	char path[CONFIG_PATH_MAX];
	int r, code;

	r = config_path(context->config.state_dir, CONFIG_MAP_FILE, path);
	if (r == 0)
		r = account_map_open(path, &map);
	if (r != 0) {
		add_fact(facts, "map", "cannot tell: %s", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	code = account_map_has(map, account) ? EXIT_YES : EXIT_NO;
	add_fact(facts, "map", code == EXIT_YES ? "exists" : "not found");
	if (account_map_uid_base(map) != context->config.uid_base)
		add_fact(facts, "uid_base",
		    "%u in the map; the configuration says %u",
		    account_map_uid_base(map), context->config.uid_base);
	account_map_close(map);
	return code;
}

/* Whether programs of this host see the name; nsswitch.conf decides. */
static void
ask_nss(const struct context *context, const struct login_name *login,
    const char *name, json_t *facts)
{
	char cause[NAME_SERVICE_CAUSE_MAX];
	const struct passwd *passwd;

	errno = 0;
	passwd = getpwnam(name);
	if (passwd != NULL &&
	    name_service_agrees(login, context->config.uid_base, cause))
		add_fact(facts, "nss", "uid %u", passwd->pw_uid);
	else if (passwd != NULL)
		add_fact(facts, "nss",
		    "another user, so PAM refuses the name: %s", cause);
	else if (errno == 0 || errno == ENOENT || errno == ESRCH)
		add_fact(facts, "nss", "not found");
	else
		add_fact(facts, "nss", "cannot tell: %s", error_text(-errno));
}

/* Those that users see, by the name that they see. */
static void
add_fields(json_t *facts, const struct field_table *table, const void *fields)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->rows[i];

		if (field->shown == NULL)
			continue;
		if (field_is_text(field))
			add_fact(facts, field->shown, "%s",
			    field_text(field, fields));
		else if (field_has_words(field))
			add_fact(facts, field->shown, "%s",
			    field_word(field, fields));
		else
			add_number(facts, field->shown,
			    field_number(field, fields));
	}
}

static void
add_account(json_t *facts, const struct view *view,
    const struct account_record *account)
{
	struct account_keys_record keys;

	add_fact(facts, "status", "%s", account_status_text(account->status));
	add_fact(facts, "person", "%s", account->name);
	if (view_find_account_keys(view, account->account, &keys) == 0)
		add_number(facts, "keys", keys.count);
}

static void
add_node(json_t *facts, const struct node_record *node)
{
	struct bytes cursor = node->host_keys, blob;
	unsigned host_keys = 0;

	while (node_record_next_host_key(&cursor, &blob) == 0)
		host_keys++;
	add_fact(facts, "environment", "%s", node->environment);
	add_fields(facts, &node_fields, &node->fields);
	/* Without one the node cannot be entered. */
	add_number(facts, "host_keys", host_keys);
}

static void
ask_view(const struct context *context, const struct login_name *name,
    json_t *facts)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct account_record account;
	struct node_record node;
	int r;

	r = open_view(context, &view);
	if (r == 0)
		r = view_find_account(view, name->account, &account);
	if (r == 0)
		add_account(facts, view, &account);
	else
		add_fact(facts, "view", "%s%s",
		    r == ENS_E_NOTFOUND ? "" : "cannot tell: ", error_text(r));
	if (name->node == 0 || view == NULL)
		return;
	r = view_find_node(view, name->node, &node);
	if (r == 0)
		add_node(facts, &node);
	else
		add_fact(facts, "node_view", "%s", error_text(r));
}

int
name_lookup(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "lookup", 1, 1, NULL,
		REQUEST_LOCAL };
	struct request request;
	struct login_name name;
	json_t *facts;
	int code = request_read(context, &form, argc, argv, &request);

	if (code != EXIT_YES)
		return code;
	if (login_name_parse(request.words[0], &name) != 0) {
		complain("\"%s\" is not a login name of the gateway",
		    request.words[0]);
		return EXIT_NO;
	}
	facts = json_object();
	add_number(facts, "account", name.account);
	if (name.node != 0)
		add_number(facts, "node", name.node);
	/* A number over the limit is ours and has no uid. */
	if (name.account <= ACCOUNT_ID_MAX)
		add_number(facts, "uid",
		    context->config.uid_base + name.account);
	code = ask_map(context, name.account, facts);
	ask_nss(context, &name, request.words[0], facts);
	ask_view(context, &name, facts);
	print_facts(facts, request.json);
	return code;
}

/* ---- explain ----------------------------------------------------------- */

struct question {
	const char *name;
	const char *session; /* of a refusal that happened; NULL: none */
	const char *key;
	const char *address;
	bool json;
	struct notice drain; /* what operators said, where they did */
};

enum option_code {
	OPT_FROM = 1,
	OPT_JSON,
	OPT_KEY,
	OPT_SESSION,
};

static bool
take_option(void *arg, int option, const char *value)
{
	struct question *question = arg;

	if (option == OPT_FROM)
		question->address = value;
	else if (option == OPT_KEY)
		question->key = value;
	else if (option == OPT_SESSION)
		question->session = value;
	question->json |= option == OPT_JSON;
	return true;
}

static int
parse_question(int argc, char **argv, struct question *ret_question)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, OPT_FROM },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "key", required_argument, NULL, OPT_KEY },
		{ "session", required_argument, NULL, OPT_SESSION },
		{ NULL, 0, NULL, 0 },
	};
	struct question question = { 0 };
	int first;

	if (!options_read(options, argc, argv, take_option, &question, &first))
		return complain_usage("explain");
	if (question.session != NULL &&
	    (question.key != NULL || question.address != NULL || question.json))
		return complain_usage("explain");
	if (first + (question.session == NULL) != argc)
		return complain_usage("explain");
	question.name = argv[first];
	*ret_question = question;
	return EXIT_YES;
}

static bool
is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1;
}

/* The question as policy wants it; fingerprint is its memory. */
static int
make_policy_question(const struct context *context,
    const struct question *question, uint8_t fingerprint[SHA256_LEN],
    struct policy_question *ret_question)
{
	struct login_name name;

	if (login_name_parse(question->name, &name) != 0) {
		complain("\"%s\" is not a login name of the gateway",
		    question->name);
		return EXIT_NO;
	}
	if (question->key != NULL &&
	    fingerprint_parse(question->key, fingerprint) != 0) {
		complain("\"%s\" is not a fingerprint of the form SHA256:...",
		    question->key);
		return EXIT_USAGE;
	}
	if (question->address != NULL && !is_address(question->address)) {
		complain("\"%s\" is not a numeric address", question->address);
		return EXIT_USAGE;
	}
	*ret_question = (struct policy_question){
		.account = name.account,
		.fingerprint = question->key != NULL ? fingerprint : NULL,
		.address = question->address,
		.node = name.node,
		.now = time(NULL),
		.max_age = context->config.offline_max_age,
	};
	return EXIT_YES;
}

static int
print_answer(const struct question *question,
    const struct policy_answer *answer)
{
	const char *verdict = policy_verdict_text(answer->verdict);
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	if (question->json)
		print_facts(json_pack("{s:s, s:s, s:s}", "name", question->name,
		                "verdict", verdict, "sentence", sentence),
		    true);
	else
		printf("%s: %s\n", verdict, sentence);
	if (answer->verdict == POLICY_CANNOT_TELL) {
		complain("cannot read the view: %s", error_text(answer->error));
		return EXIT_CANNOT_TELL;
	}
	return policy_class(answer->verdict) == POLICY_CLASS_YES ? EXIT_YES
	                                                         : EXIT_NO;
}

/* As pam_enscale: a file that cannot be read lets nobody in. */
static int
find_drain(const struct context *context, struct question *question,
    struct policy_question *policy_question)
{
	const struct config *config = &context->config;
	char path[CONFIG_PATH_MAX];
	int r = config_path(config->state_dir, CONFIG_DRAIN_FILE, path);

	if (notice_drain_allows(config->drain_allow, policy_question->account))
		return EXIT_YES;
	if (r == 0)
		r = notice_read(path, &question->drain);
	if (r == 0)
		policy_question->drained = question->drain.text;
	if (r == 0 || r == ENS_E_NOTFOUND)
		return EXIT_YES;
	complain("cannot read \"%s\", which says whether new logins are taken: "
	         "%s",
	    path, error_text(r));
	return EXIT_CANNOT_TELL;
}

/* As policy judges now. */
static int
ask_policy(const struct context *context, struct question *question,
    struct policy_answer *ret_answer, struct view **ret_view)
{
	uint8_t fingerprint[SHA256_LEN];
	struct policy_question policy_question;
	int code = make_policy_question(context, question, fingerprint,
	    &policy_question);
	int r;

	if (code == EXIT_YES)
		code = find_drain(context, question, &policy_question);
	if (code != EXIT_YES)
		return code;
	r = open_view(context, ret_view);
	policy_judge(*ret_view, r, &policy_question, ret_answer);
	return EXIT_YES;
}

/* ---- explain, of a refusal that happened -------------------------------- */

static void
print_text(const char *label, const char *text)
{
	char printable[2 * ENTRY_DN_MAX];

	text_printable(text, printable, sizeof(printable));
	printf("%-12s%s\n", label, printable);
}

/* Prints it, and keeps it: the last one is what was told last. */
static void
print_refusal(const struct refusal *refusal, void *arg)
{
	struct refusal *last = arg;

	printf("%-12s%s, %s: %s%s%s\n", "then", refusal->time, refusal->event,
	    refusal->verdict,
	    refusal->verdict[0] != '\0' && refusal->sentence[0] != '\0' ? ": "
	                                                                : "",
	    refusal->sentence);
	*last = *refusal;
}

static int
explain_session(const struct context *context, const char *session)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct refusal last = { .account = 0 };
	char name[LOGIN_TEXT_MAX + 1];
	struct question question = { .name = name };
	struct policy_answer answer;
	bool seen;
	int code;

	if (!session_id_is_valid(session)) {
		complain(
		    "\"%s\" is not a session id: it stands after each refusal",
		    session);
		return EXIT_USAGE;
	}
	if (refusal_find(context, session, print_refusal, &last, &seen) == 0) {
		complain(seen ? "session %s was not refused anything"
		              : "no log of this gateway has session %s: was it "
		                "another gateway, or long ago?",
		    session);
		return EXIT_CANNOT_TELL;
	}
	login_name_format(
	    &(struct login_name){ .account = last.account, .node = last.node },
	    name, sizeof(name));
	print_text("login", name);
	if (last.key[0] != '\0')
		print_text("key", last.key);
	if (last.address[0] != '\0')
		print_text("from", last.address);
	printf("%-12s", "now");
	fflush(stdout);
	question.key = last.key[0] != '\0' ? last.key : NULL;
	question.address = last.address[0] != '\0' ? last.address : NULL;
	code = ask_policy(context, &question, &answer, &view);
	return code == EXIT_YES ? print_answer(&question, &answer) : code;
}

int
name_explain(const struct context *context, int argc, char **argv)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct question question = { 0 };
	struct policy_answer answer;
	int code = parse_question(argc, argv, &question);

	if (code == EXIT_YES && question.session != NULL)
		return explain_session(context, question.session);
	if (code == EXIT_YES)
		code = ask_policy(context, &question, &answer, &view);
	return code == EXIT_YES ? print_answer(&question, &answer) : code;
}
