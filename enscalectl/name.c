/* enscalectl lookup and explain: what the gateway knows of a login name, and
 * what policy says to it. They refuse to take "cannot tell" for a no. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/account_map.h"
#include "common/names/login_name.h"
#include "common/policy/policy.h"
#include "common/view/view.h"
#include "enscalectl/verb.h"
#include "pam_enscale/name_service.h"

static void
print_text(const char *label, const char *text)
{
	char printable[2 * ENTRY_DN_MAX];

	text_printable(text, printable, sizeof(printable));
	printf("%-12s%s\n", label, printable);
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
ask_map(const struct context *context, uint32_t account)
{
	const struct account_map *map;
	char path[CONFIG_PATH_MAX];
	int r, code;

	r = config_path(context->config.state_dir, CONFIG_MAP_FILE, path);
	if (r == 0)
		r = account_map_open(path, &map);
	if (r != 0) {
		printf("%-12scannot tell: %s\n", "map", error_text(r));
		return EXIT_CANNOT_TELL;
	}
	code = account_map_has(map, account) ? EXIT_YES : EXIT_NO;
	printf("%-12s%s\n", "map", code == EXIT_YES ? "exists" : "not found");
	if (account_map_uid_base(map) != context->config.uid_base)
		printf("%-12sof uid_base %u; the configuration says %u\n", "",
		    account_map_uid_base(map), context->config.uid_base);
	account_map_close(map);
	return code;
}

/* Whether programs of this host see the name; nsswitch.conf decides. */
static void
ask_nss(const struct context *context, const struct login_name *login,
    const char *name)
{
	char cause[NAME_SERVICE_CAUSE_MAX];
	const struct passwd *passwd;

	errno = 0;
	passwd = getpwnam(name);
	if (passwd != NULL &&
	    name_service_agrees(login, context->config.uid_base, cause))
		printf("%-12suid %u\n", "nss", passwd->pw_uid);
	else if (passwd != NULL)
		printf("%-12sanother user, so PAM refuses the name: %s\n",
		    "nss", cause);
	else if (errno == 0 || errno == ENOENT || errno == ESRCH)
		printf("%-12snot found\n", "nss");
	else
		printf("%-12scannot tell: %s\n", "nss", error_text(-errno));
}

/* Those that users see, by the name that they see. */
static void
print_fields(const struct field_table *table, const void *fields)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct field *field = &table->rows[i];

		if (field->shown == NULL)
			continue;
		if (field_is_text(field))
			print_text(field->shown, field_text(field, fields));
		else if (field_has_words(field))
			print_text(field->shown, field_word(field, fields));
		else
			printf("%-12s%" PRIu64 "\n", field->shown,
			    field_number(field, fields));
	}
}

static void
print_account(const struct view *view, const struct account_record *account)
{
	struct account_keys_record keys;

	printf("%-12s%s\n", "status", account_status_text(account->status));
	print_text("person", account->name);
	if (view_find_account_keys(view, account->account, &keys) == 0)
		printf("%-12s%u\n", "keys", keys.count);
}

static void
print_node(const struct node_record *node)
{
	struct bytes cursor = node->host_keys, blob;
	unsigned host_keys = 0;

	while (node_record_next_host_key(&cursor, &blob) == 0)
		host_keys++;
	print_text("environment", node->environment);
	print_fields(&node_fields, &node->fields);
	/* Without one the node cannot be entered. */
	printf("%-12s%u\n", "host keys", host_keys);
}

static void
ask_view(const struct context *context, const struct login_name *name)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct account_record account;
	struct node_record node;
	int r;

	r = open_view(context, &view);
	if (r == 0)
		r = view_find_account(view, name->account, &account);
	if (r == 0)
		print_account(view, &account);
	else
		printf("%-12s%s%s\n", "view",
		    r == ENS_E_NOTFOUND ? "" : "cannot tell: ", error_text(r));
	if (name->node == 0 || view == NULL)
		return;
	r = view_find_node(view, name->node, &node);
	if (r == 0)
		print_node(&node);
	else
		printf("%-12s%s\n", "node", error_text(r));
}

int
name_lookup(const struct context *context, int argc, char **argv)
{
	struct login_name name;
	int code;

	if (argc != 1)
		return complain_usage("lookup");
	if (login_name_parse(argv[0], &name) != 0) {
		complain("\"%s\" is no login name of the gateway", argv[0]);
		return EXIT_NO;
	}
	printf("%-12s%u\n", "account", name.account);
	if (name.node != 0)
		printf("%-12s%u\n", "node", name.node);
	/* A number over the limit is ours and has no uid. */
	if (name.account <= ACCOUNT_ID_MAX)
		printf("%-12s%u\n", "uid",
		    context->config.uid_base + name.account);
	code = ask_map(context, name.account);
	ask_nss(context, &name, argv[0]);
	ask_view(context, &name);
	return code;
}

/* ---- explain ----------------------------------------------------------- */

struct question {
	const char *name;
	const char *key;
	const char *address;
};

static int
parse_question(int argc, char **argv, struct question *ret_question)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'a' },
		{ "key", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	struct question question = { 0 };
	int option;

	optind = 0; /* a new vector: glibc starts anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'a':
			question.address = optarg;
			break;
		case 'k':
			question.key = optarg;
			break;
		default:
			return complain_usage("explain");
		}
	if (optind + 1 != argc)
		return complain_usage("explain");
	question.name = argv[optind];
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
		complain("\"%s\" is no login name of the gateway",
		    question->name);
		return EXIT_NO;
	}
	if (question->key != NULL &&
	    fingerprint_parse(question->key, fingerprint) != 0) {
		complain("\"%s\" is no fingerprint of the form SHA256:...",
		    question->key);
		return EXIT_USAGE;
	}
	if (question->address != NULL && !is_address(question->address)) {
		complain("\"%s\" is no numeric address", question->address);
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
print_answer(const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	printf("%s: %s\n", policy_verdict_text(answer->verdict), sentence);
	if (answer->verdict == POLICY_CANNOT_TELL) {
		complain("cannot read the view: %s", error_text(answer->error));
		return EXIT_CANNOT_TELL;
	}
	return policy_class(answer->verdict) == POLICY_CLASS_YES ? EXIT_YES
	                                                         : EXIT_NO;
}

int
name_explain(const struct context *context, int argc, char **argv)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct policy_question policy_question;
	uint8_t fingerprint[SHA256_LEN];
	struct policy_answer answer;
	struct question question = { 0 };
	int code, r;

	/* getopt wants the program's name before the arguments. */
	code = parse_question(argc + 1, argv - 1, &question);
	if (code == EXIT_YES)
		code = make_policy_question(context, &question, fingerprint,
		    &policy_question);
	if (code != EXIT_YES)
		return code;
	r = open_view(context, &view);
	policy_judge(view, r, &policy_question, &answer);
	return print_answer(&answer);
}
