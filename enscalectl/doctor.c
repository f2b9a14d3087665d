/*
 * enscalectl doctor: see doctor.h. It refuses to call well what it could not
 * look at, and to mend anything itself.
 */
#include <config.h>

#include "enscalectl/doctor.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/names/login_name.h"
#include "enscalectl/doctor_report.h"
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
			ret_options->probe.administrator.bind_dn = optarg;
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
			ret_options->probe.administrator.password_file = optarg;
			break;
		case 'u':
			ret_options->probe.administrator.uri = optarg;
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

	if (take_options(argc, argv, &options) != EXIT_YES)
		return complain_usage("doctor");
	return run(context, &options, DOCTOR_IN_FULL);
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
