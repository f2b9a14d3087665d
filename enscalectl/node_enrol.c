/*
 * enscalectl node enrol: makes a host a node, from the gateway's side, over the
 * administrator's own ssh. Each step is a row; run again, it changes only what
 * differs. It refuses to believe a host about which node it is, a host key that
 * did not come over that ssh, and a node that nobody has entered.
 */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/names/login_name.h"
#include "enscalectl/enrol.h"
#include "enscalectl/node_entry.h"
#include "enscalectl/options.h"
#include "enscalectl/verb.h"

/* ---- all of them -------------------------------------------------------- */

static const struct step {
	const char *name;
	bool in_dry_run;
	int (*run)(struct enrol *enrol); /* an exit code; complains */
} steps[] = {
	{ "log in to the host", true, enrol_log_in },
	{ "copy enscale-node and the CA's public key", true, enrol_copy },
	{ "set up the node", true, enrol_set_up },
	{ "check it, and its clock", false, enrol_look_back },
	{ "put its entry into the directory", true, enrol_put_entry },
	{ "wait until this gateway has it", false, enrol_await_view },
	{ "enter the node through the gateway", false, enrol_enter },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void
say_what_is_left(size_t from)
{
	size_t i;

	for (i = from; i < STEPS; i++)
		complain("left to do: %s", steps[i].name);
	complain("run the same command again: steps that are done are not "
	         "repeated");
}

static int
run_steps(struct enrol *enrol)
{
	int code = EXIT_YES;
	size_t i;

	for (i = 0; i < STEPS && code == EXIT_YES; i++) {
		if (enrol->dry_run && !steps[i].in_dry_run)
			continue;
		printf("%zu/%zu %s\n", i + 1, STEPS, steps[i].name);
		code = steps[i].run(enrol);
		if (code != EXIT_YES)
			say_what_is_left(i);
	}
	if (code == EXIT_YES && enrol->dry_run)
		puts("Nothing was changed.");
	return code;
}

static void
clean_up(struct enrol *enrol)
{
	static const char script[] = "rm -rf -- \"$1\"";
	const char *const words[] = { enrol->remote, NULL };

	if (enrol->remote[0] != '\0')
		(void)node_host_run(&enrol->host, script, words, -1, -1);
	node_host_close(&enrol->host);
	if (enrol->stage[0] != '\0')
		enrol_stage_remove(enrol);
	node_entry_free(enrol->entry);
}

/* ---- the command line --------------------------------------------------- */

enum option_code {
	OPT_NODE = 1,
	OPT_ENVIRONMENT,
	OPT_SERVICE,
	OPT_USER,
	OPT_SUPPORT,
	OPT_GATEWAY,
	OPT_ADDRESS,
	OPT_PORT,
	OPT_SSH_OPTION,
	OPT_URI,
	OPT_BIND_DN,
	OPT_PASSWORD_FILE,
	OPT_ACCOUNT,
	OPT_IDENTITY,
	OPT_NO_LOGIN,
	OPT_DRY_RUN,
};

static const struct option options[] = {
	{ "node", required_argument, NULL, OPT_NODE },
	{ "environment", required_argument, NULL, OPT_ENVIRONMENT },
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ "user", required_argument, NULL, OPT_USER },
	{ "support", required_argument, NULL, OPT_SUPPORT },
	{ "gateway", required_argument, NULL, OPT_GATEWAY },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "ssh-option", required_argument, NULL, OPT_SSH_OPTION },
	{ "uri", required_argument, NULL, OPT_URI },
	{ "bind-dn", required_argument, NULL, OPT_BIND_DN },
	{ "password-file", required_argument, NULL, OPT_PASSWORD_FILE },
	{ "account", required_argument, NULL, OPT_ACCOUNT },
	{ "identity", required_argument, NULL, OPT_IDENTITY },
	{ "no-login", no_argument, NULL, OPT_NO_LOGIN },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ NULL, 0, NULL, 0 },
};

/* Where the value of an option goes. */
static const char **
place_of(struct enrol *enrol, int option)
{
	struct {
		int option;
		const char **place;
	} const places[] = {
		{ OPT_NODE, &enrol->node },
		{ OPT_ENVIRONMENT, &enrol->environment },
		{ OPT_SERVICE, &enrol->service },
		{ OPT_USER, &enrol->user },
		{ OPT_SUPPORT, &enrol->support },
		{ OPT_GATEWAY, &enrol->gateway },
		{ OPT_ADDRESS, &enrol->address },
		{ OPT_PORT, &enrol->host.port },
		{ OPT_URI, &enrol->administrator.uri },
		{ OPT_BIND_DN, &enrol->administrator.bind_dn },
		{ OPT_PASSWORD_FILE, &enrol->administrator.password_file },
		{ OPT_ACCOUNT, &enrol->account },
		{ OPT_IDENTITY, &enrol->identity },
	};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].option == option)
			return places[i].place;
	return NULL;
}

static bool
take_option(void *arg, int option, const char *value)
{
	struct enrol *enrol = arg;
	const char **place = place_of(enrol, option);

	if (option == OPT_NO_LOGIN)
		enrol->no_login = true;
	else if (option == OPT_DRY_RUN)
		enrol->dry_run = true;
	else if (option == OPT_SSH_OPTION &&
	    enrol->host.option_count < NODE_HOST_OPTIONS_MAX)
		enrol->host.options[enrol->host.option_count++] = value;
	else if (place != NULL && value[0] != '\0')
		*place = value;
	else
		return false;
	return true;
}

static int
take_options(struct enrol *enrol, int argc, char **argv)
{
	int first;

	if (!options_read(options, argc, argv, take_option, enrol, &first) ||
	    first + 1 != argc)
		return complain_usage("node enrol");
	enrol->host.target = argv[first];
	return EXIT_YES;
}

/* What the gateway accepts, as the view has it. */
static bool
is_environment(const char *name)
{
	return name[0] != '\0' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
	    strlen(name);
}

static int
check_options(struct enrol *enrol)
{
	uint32_t account;

	if (enrol->node == NULL || enrol->environment == NULL) {
		complain("say which node it will be: --node and --environment");
		return EXIT_USAGE;
	}
	if (parse_u32(enrol->node, NODE_ID_MAX, &enrol->number) != 0 ||
	    enrol->number == 0) {
		complain("--node \"%s\": must be a number of at most nine "
		         "digits",
		    enrol->node);
		return EXIT_USAGE;
	}
	if (!is_environment(enrol->environment)) {
		complain("--environment \"%s\": must be lower-case letters, "
		         "digits and hyphens",
		    enrol->environment);
		return EXIT_USAGE;
	}
	if (enrol->account != NULL &&
	    parse_u32(enrol->account, ACCOUNT_ID_MAX, &account) != 0) {
		complain("--account \"%s\": must be an account's number",
		    enrol->account);
		return EXIT_USAGE;
	}
	if ((enrol->account == NULL) != enrol->no_login && !enrol->dry_run) {
		complain("say which account enters the node to prove that it "
		         "works, --account, or --no-login");
		return EXIT_USAGE;
	}
	return EXIT_YES;
}

int
node_enrol(const struct context *context, int argc, char **argv)
{
	static struct enrol enrol; /* it is large, and there is one */
	int code;

	enrol.config = &context->config;
	code = take_options(&enrol, argc, argv);
	if (code == EXIT_YES)
		code = check_options(&enrol);
	if (code != EXIT_YES)
		return code;
	/* In turn with what others say; ^C ends a step, and then all. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	code = enrol_stage_make(&enrol);
	if (code == EXIT_YES)
		code = run_steps(&enrol);
	clean_up(&enrol);
	return code;
}
