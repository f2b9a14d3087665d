/*
 * enscalectl: the administrator's tool for a gateway. It refuses to guess: exit
 * code 2 says that it cannot tell.
 */
#include <config.h>

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/arguments.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscalectl/act.h"
#include "enscalectl/verb.h"

/* What every verb takes that asks the directory, or changes it. */
#define THERE "[--uri URI] [--bind-dn DN] [--password-file FILE] [--json]"

static const struct verb verbs[] = {
	{ "account add", "ACCOUNT [FIELD=VALUE...] [--below DN] " THERE,
	    "add an account to the directory", account_add },
	{ "account delete", "ACCOUNT [--yes] " THERE,
	    "delete an account and its keys", account_delete },
	{ "account expire", "ACCOUNT TIME " THERE,
	    "say from when on an account opens nothing", account_expire },
	{ "account limit", "ACCOUNT NUMBER|default " THERE,
	    "say how many sessions an account may have", account_limit },
	{ "account list", "[FIELD=VALUE...] " THERE,
	    "list accounts, those with these values", account_list },
	{ "account resume", "ACCOUNT " THERE,
	    "let a suspended account in again", account_resume },
	{ "account show", "ACCOUNT " THERE,
	    "show an account, its keys, rights, sessions and refusals",
	    account_show },
	{ "account suspend", "ACCOUNT " THERE,
	    "keep an account out, and end its sessions", account_suspend },
	{ "announce", "TEXT | --clear",
	    "show a line in all menus, or no longer", gate_announce },
	{ "audit",
	    "[--account ACCOUNT] [--environment NAME] [--node NODE] "
	    "[--session ID [--node-log FILE]] [--event EVENT] [--since TIME] "
	    "[--until TIME] [--json] [--follow]",
	    "say who did what on this gateway, and what was refused",
	    audit_show },
	{ "ca init", "", "make the key that signs for the nodes", ca_init },
	{ "ca revoke", "[FINGERPRINT | FILE]",
	    "revoke a key that was the CA's; print all revoked keys",
	    ca_revoke },
	{ "ca rotate", "[--switch | --finish]",
	    "make the next key; have it sign; forget the previous one",
	    ca_rotate },
	{ "ca show", "", "print its public key, for the nodes", ca_show },
	{ "completion", "SHELL",
	    "print what bash or zsh needs to complete words",
	    completion_print },
	{ "config check", "",
	    "read the configuration, and check what it points at",
	    config_check },
	{ "directory check", THERE,
	    "say what the directory lacks for its gateways, and what mends it",
	    directory_check },
	{ "doctor",
	    "[--json] [--node ID] [--login NAME] [--identity FILE] "
	    "[--uri URI] [--bind-dn DN] [--password-file FILE]",
	    "say what keeps people out of this gateway, and what mends it",
	    doctor_run },
	{ "drain", "[--message TEXT]", "take no new logins; sessions go on",
	    gate_drain },
	{ "environment add", "NAME [FIELD=VALUE...] [--below DN] " THERE,
	    "add an environment, with owner=ACCOUNT", environment_add },
	{ "environment delete", "NAME [--yes] " THERE,
	    "delete an environment and its nodes", environment_delete },
	{ "environment list", "[FIELD=VALUE...] " THERE,
	    "list environments, those with these values", environment_list },
	{ "environment owner", "NAME ACCOUNT " THERE,
	    "give an environment to another account", environment_owner },
	{ "environment share", "NAME ACCOUNT full|limited " THERE,
	    "give an account access to an environment", environment_share },
	{ "environment show", "NAME " THERE,
	    "show an environment and its nodes", environment_show },
	{ "environment state", "NAME running|stopped|sleeping " THERE,
	    "say whether its nodes can be entered", environment_state },
	{ "environment unshare", "NAME ACCOUNT " THERE,
	    "take an account's access away", environment_unshare },
	{ "explain",
	    "NAME [--key FINGERPRINT] [--from ADDRESS] [--json] | --session ID",
	    "say whether a login name is let in, and why; or why a session was "
	    "refused something",
	    name_explain },
	{ "export",
	    "[csv|json|ldif] [--uri URI] [--bind-dn DN] [--password-file FILE]",
	    "print the directory's entries, as import takes them", export_run },
	{ "import",
	    "[FILE] [--authorized-keys DIR] [--dry-run] [--strict] "
	    "[--below DN] " THERE,
	    "add and change what a file says, without deleting anything",
	    import_run },
	{ "key add", "ACCOUNT TITLE [FILE] [expires=TIME] " THERE,
	    "add a public key, of a file or standard input", key_add },
	{ "key delete", "ACCOUNT KEY [--yes] " THERE,
	    "delete a key, named by its title or fingerprint", key_delete },
	{ "key expire", "ACCOUNT KEY TIME " THERE,
	    "say from when on a key opens nothing", key_expire },
	{ "key list", "[ACCOUNT | FIELD=VALUE...] " THERE,
	    "list the keys of an account, or of all", key_list },
	{ "key show", "ACCOUNT KEY " THERE, "show a key", key_show },
	{ "kill",
	    "SESSION | --account ACCOUNT | --node NODE | --environment NAME "
	    "[--message TEXT]",
	    "end a session, or all of an account, in a node or an environment",
	    session_kill },
	{ "lookup", "NAME [--json]",
	    "show what the gateway knows about a login name", name_lookup },
	{ "node add",
	    "NODE ENVIRONMENT [FIELD=VALUE...] [--scan [--yes]] " THERE,
	    "add a node to an environment", node_add },
	{ "node delete", "NODE [--yes] " THERE, "delete a node", node_delete },
	{ "node enrol",
	    "HOST --node ID --environment NAME [--service TYPE] "
	    "[--user USER] [--support TEXT] [--gateway ADDRESS] "
	    "[--address IP] [--port PORT] [--ssh-option NAME=VALUE] "
	    "[--uri URI] [--bind-dn DN] [--password-file FILE] "
	    "[--account ACCOUNT [--identity FILE] | --no-login] [--dry-run]",
	    "make a host a node, over your ssh, and enter it", node_enrol },
	{ "node hostkey", "NODE FILE|--scan [--yes] " THERE,
	    "tell a node's host keys, or ask it for them", node_hostkey },
	{ "node list", "[FIELD=VALUE...] " THERE,
	    "list nodes, those with these values", node_list },
	{ "node move", "NODE ENVIRONMENT " THERE,
	    "put a node into another environment", node_move },
	{ "node show", "NODE " THERE, "show a node", node_show },
	{ "node state", "NODE running|stopped|sleeping " THERE,
	    "say whether a node can be entered", node_state },
	{ "probe",
	    "NAME [--json] [--identity FILE] [--uri URI] [--bind-dn DN] "
	    "[--password-file FILE]",
	    "log in through this gateway, by a key that is made for it",
	    doctor_probe },
	{ "sessions", "[--json] [--account ACCOUNT] [--node NODE]",
	    "list who is in, on this gateway", session_list },
	{ "settings", "ACCOUNT [--json]",
	    "print what a customer is told to connect", settings_show },
	{ "setup",
	    "[--uri URI] [--tls-ca FILE] [--base DN] [--bind-dn DN] "
	    "[--password-file FILE] [--host NAME] [--ca new|FILE] [--dry-run] "
	    "[--yes]",
	    "make this host a gateway; asks for what is not given", setup_run },
	{ "status", "[--wait SECONDS] [--json]", "show the gateway's status",
	    status_show },
	{ "sync accept", "", "accept what enscale-sync holds back",
	    sync_accept },
	{ "sync refresh", "", "have enscale-sync make a full refresh",
	    sync_refresh },
	{ "sync refused", "[--json]",
	    "list the entries that are not used as they are, and why",
	    sync_refused },
	{ "undrain", "", "take new logins again", gate_undrain },
	{ "view dump", "[--json]", "print every published record", view_dump },
	{ "view verify", "", "check every published record and reference",
	    view_verify },
	{ "who", "NODE|ENVIRONMENT [--json]",
	    "say who may enter, by which key and until when", who_show },
};

#define HELP_WIDTH 78
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct verb *
verb_rows(size_t *ret_count)
{
	*ret_count = VERB_COUNT;
	return verbs;
}

/* Where the first complaint goes; NULL: all of them are said. */
static char *kept;
static size_t kept_size;

void
complain_keep(char *buf, size_t size)
{
	kept = buf;
	kept_size = size;
	if (buf != NULL)
		buf[0] = '\0';
}

/* What complaints are about, and what is called before them; or NULL. */
static const char *subject;
static void (*before_complaint)(void);

void
complain_about(const char *what)
{
	subject = what;
}

void
complain_before(void (*before)(void))
{
	before_complaint = before;
}

void
complain(const char *format, ...)
{
	char line[CONFIG_ERROR_MAX + 256], printable[sizeof(line)];
	int used = 0;
	va_list args;

	if (subject != NULL)
		used = snprintf(line, sizeof(line), "%.256s: ", subject);
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	text_printable(line, printable, sizeof(printable));
	if (kept == NULL && before_complaint != NULL)
		before_complaint();
	if (kept == NULL)
		fprintf(stderr, "enscalectl: %s\n", printable);
	else if (kept[0] == '\0')
		snprintf(kept, kept_size, "%s", printable);
}

int
complain_usage(const char *verb)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, verb) == 0)
			complain("usage: enscalectl [-f FILE] %s%s%s", verb,
			    verbs[i].arguments[0] != '\0' ? " " : "",
			    verbs[i].arguments);
	return EXIT_USAGE;
}

/* Its name and arguments, broken between two of these. */
static void
print_usage(FILE *out, const struct verb *verb)
{
	const char *at = verb->arguments;
	int column = fprintf(out, "  %s", verb->name);
	size_t len;

	while (*at != '\0') {
		at += strspn(at, " ");
		len = strcspn(at, "]");
		len += at[len] == ']';
		if (column + 1 + (int)len > HELP_WIDTH)
			column = fprintf(out, "\n     ") - 1;
		column += fprintf(out, " %.*s", (int)len, at);
		at += len;
	}
	fputc('\n', out);
}

static void
print_verbs(FILE *out)
{
	size_t i;

	fputc('\n', out);
	for (i = 0; i < VERB_COUNT; i++) {
		print_usage(out, &verbs[i]);
		fprintf(out, "      %s\n", verbs[i].summary);
	}
	fputc('\n', out);
}

/* How many arguments the verb's name takes, 0 when it is not this verb. */
static int
match(const struct verb *verb, int argc, char **argv)
{
	const char *rest = verb->name;
	int taken = 0;
	size_t len;

	while (*rest != '\0') {
		len = strcspn(rest, " ");
		if (taken == argc || strlen(argv[taken]) != len ||
		    strncmp(argv[taken], rest, len) != 0)
			return 0;
		taken++;
		rest += len + strspn(rest + len, " ");
	}
	return taken;
}

/* The configuration may not be there yet, or be wrong: setup writes it, doctor
 * and directory check say so. Shells have none to say. */
static bool
needs_configuration(const struct verb *verb)
{
	return verb->run != setup_run && verb->run != completion_print &&
	    verb->run != doctor_run && verb->run != doctor_probe &&
	    verb->run != directory_check;
}

/* What changes the directory is told of entry by entry. */
static bool
is_act(const struct verb *verb, int argc)
{
	return verb->run == ca_init || verb->run == ca_rotate ||
	    (verb->run == ca_revoke && argc > 0) || verb->run == sync_accept ||
	    verb->run == sync_refresh;
}

static void
tell_act(const struct context *context, const struct verb *verb,
    const char *arguments, int code)
{
	const char *result = code == EXIT_YES ? "done"
	    : code == EXIT_NO                 ? "refused"
	                                      : "failed";

	act_tell(&context->config, verb->name, arguments, result);
}

static void
join(int argc, char **argv, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < argc && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
		    i > 0 ? " " : "", argv[i]);
}

static int
run_verb(const struct verb *verb, const char *config_path, int argc,
    char **argv)
{
	/* A configuration is large, and there is one. */
	static struct context context;
	char error[CONFIG_ERROR_MAX], arguments[ADMIN_TEXT_MAX + 1];
	int code;

	context.config_path = config_path;
	if (needs_configuration(verb) &&
	    config_load(config_path, &context.config, error) != 0) {
		complain("%s", error);
		return EXIT_CANNOT_TELL;
	}
	/* Before it runs: it may move its arguments. */
	join(argc, argv, arguments, sizeof(arguments));
	code = verb->run(&context, argc, argv);
	if (is_act(verb, argc) && code != EXIT_USAGE)
		tell_act(&context, verb, arguments, code);
	return code;
}

static int
find_and_run(const char *config_path, int argc, char **argv)
{
	size_t i;
	int taken;

	for (i = 0; i < VERB_COUNT; i++) {
		taken = match(&verbs[i], argc, argv);
		if (taken > 0)
			return run_verb(&verbs[i], config_path, argc - taken,
			    argv + taken);
	}
	complain("unknown verb \"%s%s%s\", see enscalectl --help", argv[0],
	    argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	return EXIT_USAGE;
}

/* An answer that nobody could read is none. */
static int
finish_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	complain("cannot write the answer: %s", error_text(-errno));
	return EXIT_CANNOT_TELL;
}

int
main(int argc, char **argv)
{
	const char *config_path = ENS_CONFIG_FILE;
	const struct argument options[] = {
		{ .letter = 'f',
		    .value = "FILE",
		    .help = "another configuration than " ENS_CONFIG_FILE,
		    .ret_text = &config_path },
	};
	const struct arguments program = {
		.name = "enscalectl",
		.synopsis = "[-f FILE] VERB...",
		.options = options,
		.option_count = sizeof(options) / sizeof(options[0]),
		.help = print_verbs,
		.takes_words = true,
	};
	int words, code;

	setlocale(LC_CTYPE, "C.UTF-8");
	/* It may hold a directory's password. */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	code = arguments_parse(&program, argc, argv, &words);
	if (code != ARGUMENTS_GO_ON)
		return code == EXIT_USAGE ? code : finish_output(EXIT_YES);
	if (words == argc) {
		arguments_help(&program, stderr);
		return EXIT_USAGE;
	}
	return finish_output(
	    find_and_run(config_path, argc - words, argv + words));
}
