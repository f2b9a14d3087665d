/*
 * enscalectl directory check: see survey.h. It refuses to take the place of an
 * administrator: who is none is told what he does not see.
 */
#include <config.h>

#include "enscalectl/survey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "enscalectl/as_user.h"
#include "enscalectl/doctor_report.h"
#include "enscalectl/request.h"
#include "ldap/ldap_values.h"

#define VERB "directory check"
/* As enscale-directory(8) makes them. */
#define GATEWAY_RDN   "cn=gateway,"
#define PASSWORD_FILE "/etc/ldap/enscale-gateway.password"

/* ---- an administrator's eyes -------------------------------------------- */

/* They look from a process of their own: libldap reads ldap.conf(5) once, and
 * for the gateway it counts for nothing. */
struct question {
	const struct survey *survey;
	const struct directory_identity *identity;
};

struct answer {
	struct survey_eyes eyes;
	struct survey_finding settings[SURVEY_SETTINGS];
};

static void
look_as_administrator(const void *arg, void *ret_answer)
{
	const struct question *question = arg;
	const struct config *config = question->survey->config;
	struct answer *answer = ret_answer;
	struct directory *directory = NULL;
	LDAP *ld;

	answer->eyes.bound = ENS_E_LDAP;
	if (directory_try(config, question->identity, VERB, &directory,
	        answer->eyes.reason) != EXIT_YES)
		return;
	answer->eyes.bound = 0;
	ld = directory_connection(directory);
	survey_look(ld, config, &question->survey->gateway, &answer->eyes);
	if (answer->eyes.software == SURVEY_389)
		survey_389(ld, config, answer->settings);
	else
		survey_slapd(ld, config, answer->settings);
	directory_close(directory);
}

static void
survey_as_administrator(struct survey *survey,
    const struct directory_identity *identity)
{
	static struct answer answer; /* it is large, and there is one */
	const struct question question = { survey, identity };
	bool named = identity->uri != NULL || identity->bind_dn != NULL;
	int r = as_user_ask(NULL, 0, look_as_administrator, &question, &answer,
	    sizeof(answer));

	if (r != 0) {
		answer.eyes.bound = r;
		snprintf(answer.eyes.reason, sizeof(answer.eyes.reason), "%s",
		    error_text(r));
	}
	if (answer.eyes.bound != 0 && named)
		complain("as an administrator: %s",
		    answer.eyes.reason[0] != '\0' ? answer.eyes.reason
		                                  : "nobody was let in");
	survey->administrator = answer.eyes;
	memcpy(survey->settings, answer.settings, sizeof(answer.settings));
}

/* ---- where no gateway is ------------------------------------------------ */

static void
find_base(const void *arg, void *answer)
{
	const struct question *question = arg;
	struct directory *directory = NULL;
	struct berval **values = NULL;
	char reason[LDAP_REASON_MAX] = "", *base = answer;

	if (directory_try(question->survey->config, question->identity, VERB,
	        &directory, reason) != EXIT_YES) {
		complain("%s", reason);
		return;
	}
	if (ldap_values_read(directory_connection(directory), "",
	        "namingContexts", question->survey->config->timeout,
	        &values) == LDAP_SUCCESS &&
	    values != NULL && values[0] != NULL)
		snprintf(base, CONFIG_VALUE_MAX, "%s", values[0]->bv_val);
	ldap_value_free_len(values);
	directory_close(directory);
}

/* The directory's own host: what enscale-directory(8) made there. */
static int
suppose(struct survey *survey, const struct directory_identity *identity,
    struct config *config)
{
	const struct question question = { survey, identity };
	int r, n;

	config_init(config);
	if (identity->uri != NULL)
		snprintf(config->uri, sizeof(config->uri), "%s", identity->uri);
	r = as_user_ask(NULL, 0, find_base, &question, config->base,
	    sizeof(config->base));
	config->base[sizeof(config->base) - 1] = '\0';
	if (r != 0 || config->base[0] == '\0')
		return EXIT_UNKNOWN;
	n = snprintf(config->bind_dn, sizeof(config->bind_dn), GATEWAY_RDN "%s",
	    config->base);
	memcpy(config->password_file, PASSWORD_FILE, sizeof(PASSWORD_FILE));
	return n < (int)sizeof(config->bind_dn) ? EXIT_YES : EXIT_UNKNOWN;
}

/* ---- the verb ----------------------------------------------------------- */

/* An exit code; *ret_error is set where it cannot be read. */
static int
read_configuration(const char *path, struct survey *survey,
    const struct directory_identity *identity, struct config *config,
    char error[CONFIG_ERROR_MAX], const char **ret_error)
{
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		survey->no_config = true;
		return suppose(survey, identity, config);
	}
	if (config_load(path, config, error) != 0) {
		config_init(config);
		*ret_error = error;
		return EXIT_YES;
	}
	if (directory_is_file(config)) {
		complain("the directory is \"%s\", a file: enscalectl setup "
		         "reads it to its end",
		    config->uri);
		return EXIT_UNKNOWN;
	}
	return EXIT_YES;
}

static void
look(struct survey *survey, const struct directory_identity *identity)
{
	survey_reach(survey);
	survey_as_gateway(survey);
	survey_as_nobody(survey);
	survey_as_administrator(survey, identity);
}

int
directory_check(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { .verb = VERB };
	static struct context own; /* a configuration is large */
	static struct survey survey;
	struct doctor doctor = { .context = &own, .survey = &survey };
	char error[CONFIG_ERROR_MAX];
	const struct doctor_report *report;
	struct request request;
	int code = request_read(context, &form, argc, argv, &request);

	if (code != EXIT_YES)
		return code;
	if (geteuid() != 0) {
		complain("only root can check as the gateway");
		return EXIT_UNKNOWN;
	}
	own.config_path = context->config_path;
	survey.config = &own.config;
	code = read_configuration(own.config_path, &survey, &request.identity,
	    &own.config, error, &doctor.config_error);
	if (code != EXIT_YES)
		return code;
	if (doctor.config_error == NULL)
		look(&survey, &request.identity);
	report = doctor_examine(&doctor, survey_rows, SURVEY_ROWS);
	doctor_print(report, request.json);
	return (int)doctor_worst(report);
}
