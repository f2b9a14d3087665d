/* See operator.h. It decides nothing: the guard says who may ask. */
#include <config.h>

#include "enscalectl/operator.h"

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/names/login_name.h"
#include "common/protocol/operator_protocol.h"
#include "enscale_shell/guard_client.h"
#include "enscalectl/options.h"
#include "enscalectl/request.h"

/* ---- the command line ---------------------------------------------------- */

static const struct option options[] = {
	{ "account", required_argument, NULL, OPERATOR_ACCOUNT },
	{ "node", required_argument, NULL, OPERATOR_NODE },
	{ "environment", required_argument, NULL, OPERATOR_ENVIRONMENT },
	{ "message", required_argument, NULL, OPERATOR_MESSAGE },
	{ "clear", no_argument, NULL, OPERATOR_CLEAR },
	{ "json", no_argument, NULL, OPERATOR_JSON },
	{ NULL, 0, NULL, 0 },
};

struct reading {
	struct operator_line line;
	int code; /* of a number that is none */
};

static bool
take(void *arg, int option, const char *value)
{
	struct reading *reading = arg;
	struct operator_line *line = &reading->line;

	line->given |= (unsigned)option;
	if (option == OPERATOR_ACCOUNT)
		reading->code = request_number(value, ACCOUNT_ID_MAX,
		    "an account", &line->account);
	if (option == OPERATOR_NODE)
		reading->code = request_number(value, NODE_ID_MAX, "a node",
		    &line->node);
	if (option == OPERATOR_ENVIRONMENT)
		line->environment = value;
	if (option == OPERATOR_MESSAGE)
		line->message = value;
	return reading->code == EXIT_YES;
}

int
operator_read(const char *verb, unsigned taken, int argc, char **argv,
    struct operator_line *ret_line)
{
	struct reading reading = { .code = EXIT_YES };
	struct operator_line *line = &reading.line;
	int first;

	if (!options_read(options, argc, argv, take, &reading, &first))
		return reading.code != EXIT_YES ? reading.code
		                                : complain_usage(verb);
	if (first < argc) {
		line->given |= OPERATOR_WORD;
		line->word = argv[first++];
	}
	if (first < argc || (line->given & ~taken) != 0)
		return complain_usage(verb);
	*ret_line = *line;
	return EXIT_YES;
}

/* ---- asking -------------------------------------------------------------- */

static int
complain_of(int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		complain("enscale-guard is not running");
		break;
	case -EPIPE:
	case -ECONNRESET:
		complain("enscale-guard hung up: only root and members of the "
		         "group " OPERATOR_GROUP " may ask it");
		break;
	case -ETIMEDOUT:
		complain("enscale-guard did not answer within %d seconds",
		    GUARD_ANSWER_SECONDS);
		break;
	default:
		complain("cannot ask enscale-guard: %s", error_text(error));
		break;
	}
	return EXIT_CANNOT_TELL;
}

int
operator_connect(const struct context *context,
    struct guard_client **ret_client)
{
	char path[CONFIG_PATH_MAX];
	int r = config_path(context->config.run_dir, CONFIG_OPERATOR_SOCKET,
	    path);

	if (r == 0)
		r = guard_client_connect(path, ret_client);
	return r == 0 ? EXIT_YES : complain_of(r);
}

static int
complain_of_refusal(const json_t *answer)
{
	const char *sentence = json_string_value(
	    json_object_get(answer, "sentence"));
	const char *verdict = json_string_value(
	    json_object_get(answer, "verdict"));

	complain("%s", sentence != NULL ? sentence : "it was refused");
	return verdict != NULL && strcmp(verdict, "cannot-tell") == 0
	    ? EXIT_CANNOT_TELL
	    : EXIT_NO;
}

int
operator_ask(struct guard_client *client, json_t *request, json_t **ret_answer)
{
	AUTO_JSON json_t *asked = request;
	AUTO_JSON json_t *answer = NULL;
	int r = asked == NULL ? -ENOMEM
	                      : guard_client_ask(client, asked, &answer);

	if (r != 0)
		return complain_of(r);
	if (!json_is_true(json_object_get(answer, "ok")))
		return complain_of_refusal(answer);
	*ret_answer = json_incref(answer);
	return EXIT_YES;
}

int
operator_ask_once(const struct context *context, json_t *request,
    json_t **ret_answer)
{
	struct guard_client *client = NULL;
	int code = operator_connect(context, &client);

	if (code == EXIT_YES)
		code = operator_ask(client, request, ret_answer);
	else
		json_decref(request);
	guard_client_close(client);
	return code;
}
