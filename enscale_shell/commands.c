/* See commands.h. Refuses arguments that it does not know, rather than doing
 * something else than what was meant. */
#include <config.h>

#include "enscale_shell/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "enscale_shell/keys.h"
#include "enscale_shell/nodes.h"
#include "enscale_shell/output.h"
#include "enscale_shell/say.h"
#include "enscale_shell/sessions.h"
#include "enscale_shell/settings.h"
#include "enscale_shell/visits.h"

/* A terminal's line, after which there is no more of a command. */
#define ARGUMENT_SIZE 4096
#define USAGE_SIZE    256
#define USAGE_WIDTH   20

/* One or the other: run without an argument, run_with with one. */
struct command {
	const char *name; /* words, a space between them */
	const char *usage, *text;
	bool has_json;
	int (*run)(struct shell *shell, bool is_json);
	int (*run_with)(struct shell *shell, const char *argument);
};

static int run_whoami(struct shell *shell, bool is_json);
static int run_help(struct shell *shell, bool is_json);

static const struct command commands[] = {
	{ .name = "nodes",
	    .usage = "nodes [--json]",
	    .text = "the nodes of your environments",
	    .has_json = true,
	    .run = nodes_run },
	{ .name = "config",
	    .usage = "config",
	    .text = "lines for ~/.ssh/config, for each node",
	    .run = nodes_run_config },
	{ .name = "known_hosts",
	    .usage = "known_hosts",
	    .text = "the nodes' host keys, for your ssh",
	    .run = nodes_run_known_hosts },
	{ .name = "keys",
	    .usage = "keys [--json]",
	    .text = "your public keys",
	    .has_json = true,
	    .run = keys_run_list },
	{ .name = "keys add",
	    .usage = "keys add TITLE",
	    .text = "add the public key on standard input",
	    .run_with = keys_run_add },
	{ .name = "keys delete",
	    .usage = "keys delete SHA256:...",
	    .text = "delete that key",
	    .run_with = keys_run_delete },
	{ .name = "settings",
	    .usage = "settings [--json]",
	    .text = "connection settings and the gateway's host keys",
	    .has_json = true,
	    .run = settings_run },
	{ .name = "sessions",
	    .usage = "sessions [--json]",
	    .text = "your open sessions",
	    .has_json = true,
	    .run = sessions_run },
	{ .name = "log",
	    .usage = "log [ENVIRONMENT] [--json]",
	    .text = "who entered your environments",
	    .run = visits_run,
	    .run_with = visits_run_with },
	{ .name = "whoami",
	    .usage = "whoami [--json]",
	    .text = "your account, key and session",
	    .has_json = true,
	    .run = run_whoami },
	{ .name = "help", .usage = "help", .text = "this", .run = run_help },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- of this file ------------------------------------------------------ */

static int
run_whoami(struct shell *shell, bool is_json)
{
	if (is_json)
		return output_json(json_pack("{s:I, s:s, s:s, s:s, s:s}",
		    "account", (json_int_t)shell->account, "name", shell->name,
		    "key", shell->key, "address", shell->address, "session",
		    shell->session));
	printf("%u\t%s\t%s\t%s\t%s\n", shell->account, shell->key,
	    shell->address, shell->session,
	    shell->name[0] != '\0' ? shell->name : "-");
	return output_end();
}

static void
print_usage(const struct command *command)
{
	if (strlen(command->usage) < USAGE_WIDTH)
		printf("  %-*s%s\n", USAGE_WIDTH, command->usage,
		    command->text);
	else
		printf("  %s\n  %*s%s\n", command->usage, USAGE_WIDTH, "",
		    command->text);
}

static int
run_help(struct shell *shell, bool is_json)
{
	(void)is_json;
	printf("ssh -p %u %u@%s opens the menu. With a command after it:\n",
	    shell->port, shell->account, shell->host);
	for (size_t i = 0; i < COMMANDS; i++)
		print_usage(&commands[i]);
	printf("ssh -p %u NODE-%u@%s goes straight to that node, for commands, "
	       "scp, sftp, rsync and git.\n",
	    shell->port, shell->account, shell->host);
	return output_end();
}

/* ---- which of them ----------------------------------------------------- */

/* What is behind the words of a name, blanks aside; NULL: another command. */
static const char *
skip_name(const char *text, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*text++ != *name)
			return NULL;
		if (*name == ' ')
			text += strspn(text, " ");
	}
	if (*text != '\0' && *text != ' ')
		return NULL;
	return text + strspn(text, " ");
}

/* The one with the longest name. */
static const struct command *
find(const char *text, const char **ret_rest)
{
	const struct command *found = NULL;
	const char *rest;

	for (size_t i = 0; i < COMMANDS; i++) {
		rest = skip_name(text, commands[i].name);
		if (rest == NULL ||
		    (found != NULL &&
		        strlen(commands[i].name) < strlen(found->name)))
			continue;
		found = &commands[i];
		*ret_rest = rest;
	}
	return found;
}

bool
commands_has(const char *text)
{
	const char *rest;

	return find(text, &rest) != NULL;
}

/* ---- running one ------------------------------------------------------- */

/* Names whatever begins with the same word. */
static int
explain_usage(const struct shell *shell, const struct command *wanted)
{
	size_t len = strcspn(wanted->name, " ");
	char usage[USAGE_SIZE] = "";
	size_t used = 0;

	for (size_t i = 0; i < COMMANDS && used < sizeof(usage); i++) {
		if (strcspn(commands[i].name, " ") != len ||
		    memcmp(commands[i].name, wanted->name, len) != 0)
			continue;
		used += (size_t)snprintf(usage + used, sizeof(usage) - used,
		    "%s%s", used > 0 ? ", or " : "", commands[i].usage);
	}
	say("Usage: ssh -p %u %u@%s %s", shell->port, shell->account,
	    shell->host, usage);
	return GUARD_EXIT_USAGE;
}

int
commands_run(struct shell *shell, const char *text)
{
	const struct command *command;
	char argument[ARGUMENT_SIZE];
	const char *rest;
	size_t len;

	command = find(text, &rest);
	if (command == NULL)
		return GUARD_EXIT_USAGE; /* commands_has() knew */
	len = strlen(rest);
	while (len > 0 && rest[len - 1] == ' ')
		len--;
	if (len >= sizeof(argument))
		return explain_usage(shell, command);
	memcpy(argument, rest, len);
	argument[len] = '\0';
	if (command->run_with != NULL && len > 0)
		return command->run_with(shell, argument);
	if (command->run != NULL && len == 0)
		return command->run(shell, false);
	if (command->has_json && strcmp(argument, "--json") == 0)
		return command->run(shell, true);
	return explain_usage(shell, command);
}
