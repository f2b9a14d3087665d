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
	struct outcome outcomes[DOCTOR_CHECKS];
	unsigned count[DOCTOR_UNASKED + 1];
};

/* ---- for the looks ------------------------------------------------------ */

__attribute__((format(printf, 2, 0))) static void
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
		return doctor_fail(doctor, "checking as user \"%s\": %s", name,
		    error_text(r));
	/* Who has become somebody else is not believed too much. */
	outcome.finding[DOCTOR_FINDING_MAX - 1] = '\0';
	outcome.mend[DOCTOR_FINDING_MAX - 1] = '\0';
	memcpy(doctor->finding, outcome.finding, sizeof(outcome.finding));
	memcpy(doctor->mend, outcome.mend, sizeof(outcome.mend));
	return outcome.state <= DOCTOR_FAILURE ? outcome.state : DOCTOR_FAILURE;
}

/* ---- looking ------------------------------------------------------------ */

/* What it needs and has not: the word of a row before it, or NULL. */
static const char *
missing(const struct report *report, const struct doctor_check *check)
{
	enum doctor_state state;
	size_t i, k;

	for (k = 0; k < DOCTOR_NEEDS_MAX && check->needs[k] != NULL; k++)
		for (i = 0; &doctor_checks[i] != check; i++) {
			state = report->outcomes[i].state;
			if (strcmp(doctor_checks[i].word, check->needs[k]) ==
			        0 &&
			    (state == DOCTOR_FAILURE ||
			        state == DOCTOR_SKIPPED))
				return check->needs[k];
		}
	return NULL;
}

static void
look_at(const struct doctor_check *check, struct doctor *doctor,
    const struct report *report, struct outcome *ret_outcome)
{
	const char *needed = missing(report, check);

	doctor->finding[0] = '\0';
	doctor->mend[0] = '\0';
	if (needed != NULL) {
		ret_outcome->state = DOCTOR_SKIPPED;
		snprintf(ret_outcome->finding, sizeof(ret_outcome->finding),
		    "not checked: mend %s first", needed);
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
is_asked(const struct doctor_check *check, const struct doctor *doctor,
    enum scope scope)
{
	switch (check->request) {
	case DOCTOR_LOGIN:
		return doctor->probe != NULL;
	case DOCTOR_NODE:
		return doctor->node != 0;
	case DOCTOR_EVER:
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

	for (i = 0; i < DOCTOR_CHECKS; i++) {
		outcome = &report.outcomes[i];
		if (is_asked(&doctor_checks[i], doctor, scope))
			look_at(&doctor_checks[i], doctor, &report, outcome);
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
	for (i = 0; i < DOCTOR_CHECKS; i++)
		if (report->outcomes[i].state == state)
			printf("%s%s", doctor_checks[i].word,
			    --left > 0 ? ", " : "");
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
		printf("all is well: %u checks", report->count[DOCTOR_OK]);
	else
		print_summary(report);
	putchar('\n');
	for (i = 0; i < DOCTOR_CHECKS; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		printf("%-8s %-13s %s\n", words[outcome->state],
		    doctor_checks[i].word,
		    outcome->finding[0] != '\0' ? outcome->finding
		                                : doctor_checks[i].what);
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

	for (i = 0; i < DOCTOR_CHECKS; i++) {
		outcome = &report->outcomes[i];
		if (outcome->state == DOCTOR_UNASKED)
			continue;
		json_array_append_new(lines,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "check",
		        doctor_checks[i].word, "state", words[outcome->state],
		        "wanted", doctor_checks[i].what, "finding",
		        outcome->finding, "mend", outcome->mend));
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
			complain("\"%s\" is not a login name of the gateway",
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
		complain("only root can check what logins need");
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
		puts("only root can check what they need");
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
