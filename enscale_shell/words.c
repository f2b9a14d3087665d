/* See words.h. Refuses arguments that it does not know, rather than to do
 * something else than what was meant. */
#include <config.h>

#include "enscale_shell/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_shell/about.h"
#include "enscale_shell/answer.h"
#include "enscale_shell/connect_lines.h"
#include "enscale_shell/keys.h"
#include "enscale_shell/listing.h"
#include "enscale_shell/say.h"

struct word {
	const char *name;
	const char *usage, *text;
	bool has_json;
	int (*run)(struct shell *shell, bool is_json);
};

static void
unref(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON AUTO(unref)

/* ---- output ------------------------------------------------------------ */

const char *
words_format_time(json_int_t when, char buf[WORDS_TIME_SIZE])
{
	const time_t t = (time_t)when;
	struct tm utc;

	if (when <= 0 || gmtime_r(&t, &utc) == NULL ||
	    strftime(buf, WORDS_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		return NULL;
	return buf;
}

static int
finish_output(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : GUARD_EXIT_UNWELL;
}

int
words_print_json(json_t *document)
{
	int r = -1;

	if (document != NULL)
		r = json_dumpf(document, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(document);
	if (r != 0) {
		say("The gateway cannot answer now: %s.", error_text(-ENOMEM));
		return GUARD_EXIT_UNWELL;
	}
	putchar('\n');
	return finish_output();
}

/* ---- nodes and config -------------------------------------------------- */

static int
fetch(struct shell *shell, bool host_keys, struct listing **ret_listing)
{
	struct refusal refusal;

	if (listing_fetch(shell, host_keys, ret_listing, &refusal) == 0)
		return 0;
	say_refusal("%s", refusal.sentence);
	return refusal.code;
}

static json_t *
node_json(const struct shell *shell, const struct listing_node *node)
{
	char login[32];

	snprintf(login, sizeof(login), "%u-%u", node->node, shell->account);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "node",
	    (json_int_t)node->node, "service", node->service, "address",
	    node->address, "user", node->user, "state", node->state, "login",
	    login);
}

static json_t *
environment_json(const struct shell *shell,
    const struct listing_environment *environment)
{
	json_t *nodes = json_array();
	size_t i;

	for (i = 0; i < environment->node_count; i++)
		json_array_append_new(nodes,
		    node_json(shell, &environment->nodes[i]));
	return json_pack("{s:s, s:s, s:s, s:I, s:b, s:s?, s:I, s:o}", "name",
	    environment->name, "state", environment->state, "role",
	    environment->role_word, "owner", (json_int_t)environment->owner,
	    "enter", environment->refusal == NULL, "reason",
	    environment->refusal, "node_count",
	    (json_int_t)environment->nodes_there, "nodes", nodes);
}

static int
print_nodes_json(const struct shell *shell, const struct listing *listing)
{
	json_t *environments = json_array();
	size_t i;

	for (i = 0; i < listing->count; i++)
		json_array_append_new(environments,
		    environment_json(shell, &listing->environments[i]));
	return words_print_json(json_pack("{s:I, s:o}", "account",
	    (json_int_t)shell->account, "environments", environments));
}

static int
run_nodes(struct shell *shell, bool is_json)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct listing_environment *environment;
	const struct listing_node *node;
	size_t i, k;
	int code;

	code = fetch(shell, false, &listing);
	if (code != 0)
		return code;
	if (is_json)
		return print_nodes_json(shell, listing);
	for (i = 0; i < listing->count; i++) {
		environment = &listing->environments[i];
		for (k = 0; k < environment->node_count; k++) {
			node = &environment->nodes[k];
			printf("%u\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", node->node,
			    environment->name, node->service, node->address,
			    node->user, node->state, environment->state,
			    environment->refusal == NULL ? "yes" : "no");
		}
	}
	return finish_output();
}

/* Shows each node with its environment. */
static int
show_each(struct shell *shell, bool host_keys,
    void (*show)(const struct shell *, const struct listing_environment *,
        const struct listing_node *))
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct listing_environment *environment;
	size_t i, k;
	int code;

	code = fetch(shell, host_keys, &listing);
	if (code != 0)
		return code;
	for (i = 0; i < listing->count; i++) {
		environment = &listing->environments[i];
		for (k = 0; k < environment->node_count; k++)
			show(shell, environment, &environment->nodes[k]);
	}
	return finish_output();
}

static void
show_block(const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	connect_lines_block(stdout, shell, environment, node);
}

static int
run_config(struct shell *shell, bool is_json)
{
	(void)is_json;
	connect_lines_head(stdout, shell);
	return show_each(shell, shell->is_native, show_block);
}

static void
show_known_hosts(const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	(void)shell;
	(void)environment;
	if (node->known_hosts != NULL)
		fputs(node->known_hosts, stdout);
}

static int
run_known_hosts(struct shell *shell, bool is_json)
{
	(void)is_json;
	return show_each(shell, true, show_known_hosts);
}

/* ---- settings ---------------------------------------------------------- */

static int
run_settings(struct shell *shell, bool is_json)
{
	AUTO_JSON json_t *reply = NULL;
	json_t *host_keys;
	int code = 0;

	if (!is_json) {
		code = about_show_settings(shell);
		return code != 0 ? code : finish_output();
	}
	reply = answer_to(shell, "settings", &code);
	if (reply == NULL)
		return code;
	host_keys = json_object_get(reply, "host_keys");
	return words_print_json(json_pack("{s:I, s:s, s:s, s:I, s:O?}",
	    "account", (json_int_t)shell->account, "authentication",
	    "publickey", "host", shell->host, "port", (json_int_t)shell->port,
	    "host_keys", host_keys));
}

/* ---- sessions ---------------------------------------------------------- */

static void
print_session(const struct shell *shell, const json_t *session)
{
	char id[NAME_TEXT_MAX + 1], address[NAME_TEXT_MAX + 1];
	const json_t *inside = json_object_get(session, "inside");
	char when[WORDS_TIME_SIZE];
	const char *opened = words_format_time(
	    json_integer_value(json_object_get(session, "opened")), when);
	json_int_t node = json_integer_value(json_object_get(session, "node"));
	size_t i;

	answer_text(session, "session", id);
	answer_text(session, "address", address);
	printf("%s\t%s\t%s\t", id, opened != NULL ? opened : "-", address);
	if (node != 0)
		printf("%" JSON_INTEGER_FORMAT "\t", node);
	else
		printf("-\t");
	for (i = 0; i < json_array_size(inside); i++)
		printf("%s%" JSON_INTEGER_FORMAT, i > 0 ? "," : "",
		    json_integer_value(json_array_get(inside, i)));
	printf("%s\t%s\n", json_array_size(inside) == 0 ? "-" : "",
	    strcmp(id, shell->session) == 0 ? "this" : "-");
}

static json_t *
session_json(const struct shell *shell, const json_t *session)
{
	char id[NAME_TEXT_MAX + 1], address[NAME_TEXT_MAX + 1];
	char when[WORDS_TIME_SIZE];
	json_int_t node = json_integer_value(json_object_get(session, "node"));

	answer_text(session, "session", id);
	return json_pack("{s:s, s:s?, s:s, s:o, s:O?, s:b}", "session", id,
	    "opened",
	    words_format_time(
	        json_integer_value(json_object_get(session, "opened")), when),
	    "address", answer_text(session, "address", address), "node",
	    node != 0 ? json_integer(node) : json_null(), "inside",
	    json_object_get(session, "inside"), "this",
	    strcmp(id, shell->session) == 0);
}

static int
run_sessions(struct shell *shell, bool is_json)
{
	AUTO_JSON json_t *reply = NULL;
	json_t *sessions = json_array(), *session;
	int code = 0;
	size_t i;

	reply = answer_to(shell, "sessions", &code);
	json_array_foreach(json_object_get(reply, "sessions"), i, session)
	{
		if (is_json)
			json_array_append_new(sessions,
			    session_json(shell, session));
		else
			print_session(shell, session);
	}
	if (reply != NULL && is_json)
		return words_print_json(json_pack("{s:I, s:o}", "account",
		    (json_int_t)shell->account, "sessions", sessions));
	json_decref(sessions);
	return reply != NULL ? finish_output() : code;
}

/* ---- keys, whoami, help ------------------------------------------------ */

static int
run_whoami(struct shell *shell, bool is_json)
{
	if (is_json)
		return words_print_json(json_pack("{s:I, s:s, s:s, s:s, s:s}",
		    "account", (json_int_t)shell->account, "name", shell->name,
		    "key", shell->key, "address", shell->address, "session",
		    shell->session));
	printf("%u\t%s\t%s\t%s\t%s\n", shell->account, shell->key,
	    shell->address, shell->session,
	    shell->name[0] != '\0' ? shell->name : "-");
	return finish_output();
}

static int run_help(struct shell *shell, bool is_json);

static const struct word words[] = {
	{ "nodes", "nodes [--json]", "the nodes of your environments", true,
	    run_nodes },
	{ "config", "config", "lines for ~/.ssh/config, for each node", false,
	    run_config },
	{ "known_hosts", "known_hosts", "the nodes' host keys, for your ssh",
	    false, run_known_hosts },
	{ "keys", "keys [--json]", "your public keys", true, keys_list },
	{ "settings", "settings [--json]",
	    "connection settings and the gateway's host keys", true,
	    run_settings },
	{ "sessions", "sessions [--json]", "your open sessions", true,
	    run_sessions },
	{ "whoami", "whoami [--json]", "your account, key and session", true,
	    run_whoami },
	{ "help", "help", "this", false, run_help },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static int
run_help(struct shell *shell, bool is_json)
{
	size_t i;

	(void)is_json;
	printf("ssh -p %u %u@%s opens the menu. With a word behind it:\n",
	    shell->port, shell->account, shell->host);
	for (i = 0; i < WORDS; i++)
		printf("  %-20s%s\n", words[i].usage, words[i].text);
	printf("  keys add TITLE      add the public key on standard input\n"
	       "  keys delete SHA256:...\n"
	       "                      delete that key\n"
	       "ssh -p %u NODE-%u@%s is that node itself, for commands, scp, "
	       "sftp, rsync and git.\n",
	    shell->port, shell->account, shell->host);
	return finish_output();
}

/* ---- a command --------------------------------------------------------- */

static const struct word *
find_word(const char *command, size_t *ret_len)
{
	size_t len, i;

	len = strcspn(command, " ");
	for (i = 0; i < WORDS; i++)
		if (strlen(words[i].name) == len &&
		    memcmp(words[i].name, command, len) == 0) {
			*ret_len = len;
			return &words[i];
		}
	return NULL;
}

bool
words_is_command(const char *command)
{
	size_t len;

	return find_word(command, &len) != NULL;
}

/* Is the rest of a command that text, blanks aside? */
static bool
rest_is(const char *rest, const char *text)
{
	size_t len;

	rest += strspn(rest, " ");
	len = strlen(rest);
	while (len > 0 && rest[len - 1] == ' ')
		len--;
	return len == strlen(text) && memcmp(rest, text, len) == 0;
}

int
words_run(struct shell *shell, const char *command)
{
	const struct word *word;
	size_t len = 0;
	const char *rest;

	word = find_word(command, &len);
	rest = command + len;
	if (word != NULL && rest_is(rest, ""))
		return word->run(shell, false);
	if (word != NULL && word->has_json && rest_is(rest, "--json"))
		return word->run(shell, true);
	if (word != NULL && word->run == keys_list)
		return keys_run(shell, command);
	say("It is used as: ssh -p %u %u@%s %s", shell->port, shell->account,
	    shell->host, word != NULL ? word->usage : "help");
	return GUARD_EXIT_USAGE;
}
