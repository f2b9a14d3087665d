/*
 * enscalectl doctor: see doctor.h. It refuses to call well what it could not
 * look at, and to mend anything itself.
 */
#include <config.h>

#include "enscalectl/doctor.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "enscalectl/as_user.h"
#include "enscalectl/probe.h"

#define NEEDS_MAX 3

/* When a row is looked at: always, or when it was asked for. */
enum request {
	EVER = 0,
	LOGIN,
	NODE,
};

/* From what others need to what needs them. */
static const struct check {
	const char *word;
	const char *what; /* is so when it is well */
	enum doctor_state (*look)(struct doctor *doctor);
	const char *mend; /* what to do, unless the look says more */
	const char *needs[NEEDS_MAX];
	bool not_in_status; /* takes long, or status has a line of its own */
	enum request request;
} checks[] = {
	{ .word = "configuration",
	    .what = "enscale.conf can be read",
	    .look = doctor_configuration,
	    .mend = "mend that line; enscalectl config check reads it again" },
	{ .word = "users",
	    .what = "the users and groups that our programs run as are there",
	    .look = doctor_users,
	    .mend = "systemd-sysusers enscale.conf" },
	{ .word = "files",
	    .what = "who needs a file that enscale.conf names can read it",
	    .look = doctor_files,
	    .mend = "enscalectl config check names them all",
	    .needs = { "configuration", "users" } },
	{ .word = "folders",
	    .what = "our folders have their owners and modes",
	    .look = doctor_folders,
	    .mend = "systemd-tmpfiles --create enscale.conf",
	    .needs = { "users" } },
	{ .word = "disk",
	    .what = "there is room for state, records and audit log",
	    .look = doctor_disk,
	    .mend = "make room there: df -h, df -i" },
	{ .word = "clock",
	    .what = "what was published is not from the future",
	    .look = doctor_clock,
	    .mend = "timedatectl set-ntp true" },
	{ .word = "units",
	    .what = "our units are enabled for the next boot",
	    .look = doctor_units,
	    .mend =
	        "systemctl enable enscale.target enscale-sync enscale-guard "
	        "enscale-sshd" },
	{ .word = "nsswitch",
	    .what = "passwd and group of nsswitch.conf ask our service",
	    .look = doctor_services,
	    .mend = ENS_LIBEXEC_DIR "/enscale-nsswitch add" },
	{ .word = "nscd",
	    .what = "no nscd caches users",
	    .look = doctor_nscd,
	    .mend =
	        "set enable-cache passwd no in /etc/nscd.conf and start nscd anew, "
	        "or do without it" },
	{ .word = "map",
	    .what = "everybody can read the account map",
	    .look = doctor_map,
	    .mend = "systemctl restart enscale-sync makes it" },
	{ .word = "uid-range",
	    .what = "nobody else uses the uids of accounts",
	    .look = doctor_uid_range,
	    .mend =
	        "give the others another range, or the accounts: uid_base of "
	        "enscale.conf",
	    .needs = { "map" } },
	{ .word = "local-users",
	    .what = "no local user has the name or uid of an account",
	    .look = doctor_local_users,
	    .mend = "give them another name or uid: usermod -l, usermod -u",
	    .needs = { "map" } },
	{ .word = "local-groups",
	    .what = "no account is in a local group",
	    .look = doctor_local_groups,
	    .mend = "take the account out of it: gpasswd -d",
	    .needs = { "map" } },
	{ .word = "names",
	    .what = "login names are our accounts, for sshd too",
	    .look = doctor_name_service,
	    .mend = "look at passwd and group in /etc/nsswitch.conf",
	    .needs = { "nsswitch", "map", "local-users" } },
	{ .word = "sync",
	    .what = "enscale-sync runs, in step with the directory",
	    .look = doctor_sync,
	    .mend =
	        "systemctl restart enscale-sync; journalctl -u enscale-sync says "
	        "why it ended",
	    .not_in_status = true },
	{ .word = "view",
	    .what = "sshd's helper and the guard can read the view",
	    .look = doctor_view,
	    .mend = "systemd-tmpfiles --create enscale.conf puts modes right, "
	            "systemctl restart enscale-sync the rest",
	    .needs = { "users" } },
	{ .word = "records",
	    .what = "all that is published agrees with itself",
	    .look = doctor_records,
	    .mend = "enscalectl view verify says what to do",
	    .needs = { "map", "view" },
	    .not_in_status = true },
	{ .word = "shell",
	    .what = "an account can run the login shell",
	    .look = doctor_shell,
	    .mend = "install enscale-shell again" },
	{ .word = "nologin",
	    .what = "the host is not closed to everybody",
	    .look = doctor_nologin,
	    .mend = "remove the file to open the gateway" },
	{ .word = "pam",
	    .what = "PAM has our service, as shipped, and our module",
	    .look = doctor_pam,
	    .mend = "install what is missing, from " ENS_DATA_DIR
	            "/gateway/enscale-sshd.pam" },
	{ .word = "sshd-config",
	    .what = "sshd takes the gateway's sshd_config",
	    .look = doctor_sshd_config,
	    .mend = "mend that line of sshd_config(5)" },
	{ .word = "start",
	    .what = "enscale-sshd-start refuses nothing",
	    .look = doctor_sshd_start,
	    .mend = "mend it: enscale-sshd does not start like this",
	    .needs = { "pam", "sshd-config", "users" } },
	{ .word = "sshd",
	    .what = "sshd listens on its ports",
	    .look = doctor_sshd,
	    .mend =
	        "systemctl start enscale-sshd; journalctl -u enscale-sshd says why "
	        "it ended",
	    .needs = { "sshd-config" } },
	{ .word = "lastlog",
	    .what = "our sshd writes no lastlog",
	    .look = doctor_lastlog,
	    .mend =
	        "systemctl restart enscale-sshd, whose unit has BindPaths= for it",
	    .needs = { "sshd-config", "sshd" } },
	{ .word = "limits",
	    .what = "files and memory are enough for many at once",
	    .look = doctor_limits,
	    .mend =
	        "systemctl restart the unit, with LimitNOFILE=65536 as shipped",
	    .needs = { "sshd-config" } },
	{ .word = "helper",
	    .what = "the helper that finds keys runs, as its user",
	    .look = doctor_helper,
	    .mend = "install enscale-keys again; its folders have to be root's",
	    .needs = { "sshd-config", "users", "view" } },
	{ .word = "guard",
	    .what = "everybody reaches the guard, and it answers",
	    .look = doctor_guard,
	    .mend =
	        "systemctl restart enscale-guard.socket enscale-guard; journalctl "
	        "-u enscale-guard says why it ended",
	    .not_in_status = true },
	{ .word = "ca-key",
	    .what = "the guard's signer can read the CA's key",
	    .look = doctor_ca_key,
	    .mend =
	        "chown root:enscale-ca and chmod 0440 it; its folders have to be "
	        "root's",
	    .needs = { "users" } },
	{ .word = "host-keys",
	    .what = "sshd has the host keys that users are told of",
	    .look = doctor_host_keys,
	    .mend =
	        "enscalectl setup makes those that are missing; ssh-keygen -y -f "
	        "KEY >KEY.pub",
	    .needs = { "sshd-config" } },
	{ .word = "login",
	    .what = "a login over the loopback comes in",
	    .look = doctor_login,
	    .mend = "what else is not ok here",
	    .not_in_status = true,
	    .request = LOGIN },
	{ .word = "login-ipv6",
	    .what = "the same over IPv6",
	    .look = doctor_login_ipv6,
	    .mend = "let sshd listen there, too: AddressFamily, ListenAddress",
	    .needs = { "login" },
	    .not_in_status = true,
	    .request = LOGIN },
	{ .word = "login-key",
	    .what = "the key that was made for it is gone",
	    .look = doctor_login_key,
	    .mend = "delete it: it expires by itself in five minutes",
	    .not_in_status = true,
	    .request = LOGIN },
	{ .word = "node",
	    .what = "the node answers with its host key",
	    .look = doctor_node,
	    .mend =
	        "enscale-node check on the node; enscale-node show has what "
	        "the directory should",
	    .needs = { "view" },
	    .not_in_status = true,
	    .request = NODE },
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_FAILURE] = "failure",
	[DOCTOR_SKIPPED] = "skipped",
	[DOCTOR_UNASKED] = "unasked",
};

struct outcome {
	enum doctor_state state;
	char finding[DOCTOR_FINDING_MAX];
	char mend[DOCTOR_FINDING_MAX]; /* "": none needed */
};

/* All rows; a report is large, and there is one. */
struct report {
	struct outcome outcomes[CHECKS];
	unsigned count[DOCTOR_UNASKED + 1];
};

/* ---- for the looks ------------------------------------------------------ */

static void
put_text(char ret_text[DOCTOR_FINDING_MAX], const char *format, va_list args)
{
	char text[DOCTOR_FINDING_MAX], *end;

	vsnprintf(text, sizeof(text), format, args);
	/* What a program said, in one line. */
	while ((end = strpbrk(text, "\r\n")) != NULL)
		*end = ' ';
	text_printable(text, ret_text, DOCTOR_FINDING_MAX);
}

#define DEFINE_FINDER(name, state)                                             \
	enum doctor_state name(struct doctor *doctor, const char *format, ...) \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, format);                                        \
		put_text(doctor->finding, format, args);                       \
		va_end(args);                                                  \
		return state;                                                  \
	}

DEFINE_FINDER(doctor_fail, DOCTOR_FAILURE)
DEFINE_FINDER(doctor_warn, DOCTOR_WARNING)
DEFINE_FINDER(doctor_note, DOCTOR_OK)

void
doctor_mend(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(doctor->mend, format, args);
	va_end(args);
}

struct look {
	const struct doctor *doctor;
	enum doctor_state (*look)(struct doctor *doctor);
};

static void
look_in_child(const void *arg, void *answer)
{
	const struct look *look = arg;
	struct doctor doctor = *look->doctor;
	struct outcome *outcome = answer;

	outcome->state = look->look(&doctor);
	memcpy(outcome->finding, doctor.finding, sizeof(doctor.finding));
	memcpy(outcome->mend, doctor.mend, sizeof(doctor.mend));
}

enum doctor_state
doctor_look_as(struct doctor *doctor, const char *name,
    enum doctor_state (*look)(struct doctor *))
{
	const struct look question = { doctor, look };
	struct outcome outcome = { .state = DOCTOR_FAILURE };
	struct as_user user;
	int r = as_user_find(name, &user);

	if (r != 0)
		return doctor_fail(doctor, "there is no user \"%s\"", name);
	r = as_user_ask(&user, DOCTOR_SECONDS, look_in_child, &question,
	    &outcome, sizeof(outcome));
	if (r != 0)
		return doctor_fail(doctor, "looking as user \"%s\": %s", name,
		    error_text(r));
	memcpy(doctor->finding, outcome.finding, sizeof(outcome.finding));
	memcpy(doctor->mend, outcome.mend, sizeof(outcome.mend));
	return outcome.state;
}

/* ---- looking ------------------------------------------------------------ */

/* What it needs and has not: the word of a row before it, or NULL. */
static const char *
missing(const struct report *report, const struct check *check)
{
	enum doctor_state state;
	size_t i, k;

	for (k = 0; k < NEEDS_MAX && check->needs[k] != NULL; k++)
		for (i = 0; &checks[i] != check; i++) {
			state = report->outcomes[i].state;
			if (strcmp(checks[i].word, check->needs[k]) == 0 &&
			    (state == DOCTOR_FAILURE ||
			        state == DOCTOR_SKIPPED))
				return check->needs[k];
		}
	return NULL;
}

static void
look_at(const struct check *check, struct doctor *doctor,
    const struct report *report, struct outcome *ret_outcome)
{
	const char *needed = missing(report, check);

	doctor->finding[0] = '\0';
	doctor->mend[0] = '\0';
	if (needed != NULL) {
		ret_outcome->state = DOCTOR_SKIPPED;
		snprintf(ret_outcome->finding, sizeof(ret_outcome->finding),
		    "not looked at: first mend %s", needed);
		return;
	}
	ret_outcome->state = check->look(doctor);
	memcpy(ret_outcome->finding, doctor->finding, sizeof(doctor->finding));
	if (ret_outcome->state != DOCTOR_OK)
		snprintf(ret_outcome->mend, sizeof(ret_outcome->mend), "%s",
		    doctor->mend[0] != '\0' ? doctor->mend : check->mend);
}

/* Which rows: those of status, those of doctor, or those of probe alone. */
enum scope {
	IN_STATUS,
	IN_DOCTOR,
	IN_PROBE,
};

static bool
is_asked(const struct check *check, const struct doctor *doctor,
    enum scope scope)
{
	switch (check->request) {
	case LOGIN:
		return doctor->probe != NULL;
	case NODE:
		return doctor->node != 0;
	case EVER:
	default:
		return scope == IN_DOCTOR ||
		    (scope == IN_STATUS && !check->not_in_status);
	}
}

static struct report *
examine(struct doctor *doctor, enum scope scope)
{
	static struct report report;
	struct outcome *outcome;
	size_t i;

	for (i = 0; i < CHECKS; i++) {
		outcome = &report.outcomes[i];
		if (is_asked(&checks[i], doctor, scope))
			look_at(&checks[i], doctor, &report, outcome);
		else
			outcome->state = DOCTOR_UNASKED;
		report.count[outcome->state]++;
	}
	return &report;
}

/* "2 failures: nsswitch, view", or nothing. */
static void
print_words(const struct report *report, enum doctor_state state,
    const char *before)
{
	unsigned left = report->count[state];
	size_t i;

	if (left == 0)
		return;
	printf("%s%u %s%s: ", before, left, words[state], left > 1 ? "s" : "");
	for (i = 0; i < CHECKS; i++)
		if (report->outcomes[i].state == state)
			printf("%s%s", checks[i].word, --left > 0 ? ", " : "");
}

static enum doctor_state
worst(const struct report *report)
{
	if (report->count[DOCTOR_FAILURE] > 0)
		return DOCTOR_FAILURE;
	return report->count[DOCTOR_WARNING] > 0 ? DOCTOR_WARNING : DOCTOR_OK;
}

static void
print_summary(const struct report *report)
{
	print_words(report, DOCTOR_FAILURE, "");
	print_words(report, DOCTOR_WARNING,
	    report->count[DOCTOR_FAILURE] > 0 ? "; " : "");
}

/* ---- the verb ----------------------------------------------------------- */

/* The first line is what monitoring shows. */
static void
print_report(const struct report *report)
{
	const struct outcome *outcome;
	size_t i;

	if (worst(report) == DOCTOR_OK)
		printf("all is well: %u looks", report->count[DOCTOR_OK]);
	else
		print_summary(report);
	putchar('\n');
	for (i = 0; i < CHECKS; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		printf("%-8s %-13s %s\n", words[outcome->state], checks[i].word,
		    outcome->finding[0] != '\0' ? outcome->finding
		                                : checks[i].what);
		if (outcome->mend[0] != '\0')
			printf("%-22s %s\n", "", outcome->mend);
	}
}

static void
print_json(const struct report *report)
{
	AUTO_JSON json_t *lines = json_array();
	const struct outcome *outcome;
	size_t i;

	for (i = 0; i < CHECKS; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		json_array_append_new(lines,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "check",
		        checks[i].word, "state", words[outcome->state],
		        "wanted", checks[i].what, "finding", outcome->finding,
		        "mend", outcome->mend));
	}
	json_dumpf(lines, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* It is run because something is wrong: that may be the configuration. */
static void
read_configuration(struct doctor *doctor, struct context *context,
    char error[CONFIG_ERROR_MAX])
{
	doctor->context = context;
	if (config_load(context->config_path, &context->config, error) == 0)
		return;
	config_init(&context->config);
	doctor->config_error = error;
}

struct options {
	struct probe probe;
	const char *node;
	bool json;
};

static int
take_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option options[] = {
		{ "bind-dn", required_argument, NULL, 'b' },
		{ "identity", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "login", required_argument, NULL, 'l' },
		{ "node", required_argument, NULL, 'n' },
		{ "password-file", required_argument, NULL, 'p' },
		{ "uri", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	/* getopt wants the program's name before the arguments. */
	argc++;
	argv--;
	optind = 0; /* a new vector: glibc starts anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'b':
			ret_options->probe.bind_dn = optarg;
			break;
		case 'i':
			ret_options->probe.identity = optarg;
			break;
		case 'j':
			ret_options->json = true;
			break;
		case 'l':
			ret_options->probe.login = optarg;
			break;
		case 'n':
			ret_options->node = optarg;
			break;
		case 'p':
			ret_options->probe.password_file = optarg;
			break;
		case 'u':
			ret_options->probe.uri = optarg;
			break;
		default:
			return EXIT_USAGE;
		}
	return optind == argc ? EXIT_YES : EXIT_USAGE;
}

/* An exit code, with a complaint. */
static int
check_options(struct options *options, struct doctor *doctor)
{
	struct probe *probe = &options->probe;

	if (probe->login != NULL) {
		if (login_name_parse(probe->login, &probe->name) != 0) {
			complain("\"%s\" is no login name of the gateway",
			    probe->login);
			return EXIT_USAGE;
		}
		doctor->probe = probe;
	}
	if (options->node != NULL &&
	    (parse_u32(options->node, NODE_ID_MAX, &doctor->node) != 0 ||
	        doctor->node == 0)) {
		complain("--node \"%s\": want a node's number", options->node);
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		complain("only root can look at what logins need");
		return EXIT_UNKNOWN;
	}
	return EXIT_YES;
}

/* What was begun is taken away again, whatever comes. */
static void
ignore_signals(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
		SIGPIPE };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN);
}

static int
run(const struct context *context, struct options *options, enum scope scope)
{
	static struct context own; /* a configuration is large */
	struct doctor doctor = { .context = &own };
	char error[CONFIG_ERROR_MAX];
	const struct report *report;
	int code = check_options(options, &doctor);

	if (code != EXIT_YES)
		return code;
	own.config_path = context->config_path;
	read_configuration(&doctor, &own, error);
	options->probe.config = &own.config;
	if (doctor.probe != NULL)
		ignore_signals();
	report = examine(&doctor, scope);
	if (options->json)
		print_json(report);
	else
		print_report(report);
	return (int)worst(report);
}

int
doctor_run(const struct context *context, int argc, char **argv)
{
	static struct options options; /* it is large, and there is one */

	if (take_options(argc, argv, &options) != EXIT_YES)
		return complain_usage("doctor");
	return run(context, &options, IN_DOCTOR);
}

int
doctor_probe(const struct context *context, int argc, char **argv)
{
	static struct options options;

	if (argc < 1 || argv[0][0] == '-' ||
	    take_options(argc - 1, argv + 1, &options) != EXIT_YES ||
	    options.probe.login != NULL || options.node != NULL)
		return complain_usage("probe");
	options.probe.login = argv[0];
	return run(context, &options, IN_PROBE);
}

/* ---- in status ---------------------------------------------------------- */

int
doctor_show_in_status(const struct context *context)
{
	struct doctor doctor = { .context = context };
	const struct report *report;

	printf("%-12s", "logins");
	if (geteuid() != 0) {
		puts("only root can look at what they need");
		return EXIT_CANNOT_TELL;
	}
	report = examine(&doctor, IN_STATUS);
	if (worst(report) == DOCTOR_OK) {
		puts("nothing prevents them");
		return EXIT_YES;
	}
	print_summary(report);
	puts("; see enscalectl doctor");
	return worst(report) == DOCTOR_FAILURE ? EXIT_NO : EXIT_YES;
}
