/*
 * enscalectl doctor: see doctor.h. It refuses to call well what it could not
 * look at, and to mend anything itself.
 */
#include <config.h>

#include "enscalectl/doctor.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/text.h"
#include "common/names/login_name.h"
#include "enscalectl/doctor_report.h"
#include "enscalectl/options.h"
#include "enscalectl/probe.h"

/* ---- the verb ----------------------------------------------------------- */

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

enum option_code {
	OPT_BIND_DN = 1,
	OPT_IDENTITY,
	OPT_JSON,
	OPT_LOGIN,
	OPT_NODE,
	OPT_PASSWORD_FILE,
	OPT_URI,
};

static bool
take_option(void *arg, int option, const char *value)
{
	struct options *options = arg;
	struct directory_identity *administrator =
	    &options->probe.administrator;

	if (option == OPT_BIND_DN)
		administrator->bind_dn = value;
	else if (option == OPT_IDENTITY)
		options->probe.identity = value;
	else if (option == OPT_LOGIN)
		options->probe.login = value;
	else if (option == OPT_NODE)
		options->node = value;
	else if (option == OPT_PASSWORD_FILE)
		administrator->password_file = value;
	else if (option == OPT_URI)
		administrator->uri = value;
	options->json |= option == OPT_JSON;
	return true;
}

static bool
take_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option options[] = {
		{ "bind-dn", required_argument, NULL, OPT_BIND_DN },
		{ "identity", required_argument, NULL, OPT_IDENTITY },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "login", required_argument, NULL, OPT_LOGIN },
		{ "node", required_argument, NULL, OPT_NODE },
		{ "password-file", required_argument, NULL, OPT_PASSWORD_FILE },
		{ "uri", required_argument, NULL, OPT_URI },
		{ NULL, 0, NULL, 0 },
	};
	int first;

	return options_read(options, argc, argv, take_option, ret_options,
	           &first) &&
	    first == argc;
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
run(const struct context *context, struct options *options,
    enum doctor_scope scope)
{
	static struct context own; /* a configuration is large */
	struct doctor doctor = { .context = &own, .scope = scope };
	char error[CONFIG_ERROR_MAX];
	const struct doctor_report *report;
	int code = check_options(options, &doctor);

	if (code != EXIT_YES)
		return code;
	own.config_path = context->config_path;
	read_configuration(&doctor, &own, error);
	options->probe.config = &own.config;
	if (doctor.probe != NULL)
		ignore_signals();
	report = doctor_examine(&doctor, doctor_checks, DOCTOR_CHECKS);
	doctor_print(report, options->json);
	return (int)doctor_worst(report);
}

int
doctor_run(const struct context *context, int argc, char **argv)
{
	static struct options options; /* it is large, and there is one */

	if (!take_options(argc, argv, &options))
		return complain_usage("doctor");
	return run(context, &options, DOCTOR_IN_FULL);
}

int
doctor_probe(const struct context *context, int argc, char **argv)
{
	static struct options options;

	if (argc < 1 || argv[0][0] == '-' ||
	    !take_options(argc - 1, argv + 1, &options) ||
	    options.probe.login != NULL || options.node != NULL)
		return complain_usage("probe");
	options.probe.login = argv[0];
	return run(context, &options, DOCTOR_IN_PROBE);
}

/* ---- in status ---------------------------------------------------------- */

int
doctor_show_in_status(const struct context *context)
{
	struct doctor doctor = { .context = context,
		.scope = DOCTOR_IN_STATUS };
	const struct doctor_report *report;

	printf("%-12s", "logins");
	if (geteuid() != 0) {
		puts("only root can check what they need");
		return EXIT_CANNOT_TELL;
	}
	report = doctor_examine(&doctor, doctor_checks, DOCTOR_CHECKS);
	if (doctor_worst(report) == DOCTOR_OK) {
		puts("nothing prevents them");
		return EXIT_YES;
	}
	doctor_print_summary(report);
	puts("; see enscalectl doctor");
	return doctor_worst(report) == DOCTOR_FAILURE ? EXIT_NO : EXIT_YES;
}

static json_t *
words_of(const struct doctor_report *report, enum doctor_state state)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < report->rows; i++)
		if (report->outcomes[i].state == state)
			(void)json_array_append_new(list,
			    json_string(report->checks[i].word));
	return list;
}

int
doctor_add_to_status(const struct context *context, struct json_t *object)
{
	struct doctor doctor = { .context = context,
		.scope = DOCTOR_IN_STATUS };
	const struct doctor_report *report = geteuid() == 0
	    ? doctor_examine(&doctor, doctor_checks, DOCTOR_CHECKS)
	    : NULL;

	(void)json_object_set_new(object, "doctor_failures",
	    report != NULL ? words_of(report, DOCTOR_FAILURE) : json_null());
	(void)json_object_set_new(object, "doctor_warnings",
	    report != NULL ? words_of(report, DOCTOR_WARNING) : json_null());
	if (report == NULL)
		return EXIT_CANNOT_TELL;
	return doctor_worst(report) == DOCTOR_FAILURE ? EXIT_NO : EXIT_YES;
}
