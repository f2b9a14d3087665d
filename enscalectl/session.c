/* enscalectl sessions and kill: who is in, on this gateway, and ending it. They
 * refuse to guess what is meant: all of something is said by its name. */
#include <config.h>

#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"
#include "enscale_shell/guard_client.h"
#include "enscalectl/operator.h"
#include "enscalectl/output.h"

/* ---- sessions ------------------------------------------------------------ */

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static json_t *
text_of(const json_t *object, const char *name)
{
	return output_text(json_string_value(json_object_get(object, name)));
}

static void
print_session(struct output *output, const json_t *session)
{
	json_int_t node = number_of(session, "node");

	output_record(output,
	    json_pack("{s:o, s:I, s:o, s:o, s:o, s:O, s:o, s:o, s:O}",
	        "session", text_of(session, "session"), "account",
	        number_of(session, "account"), "node",
	        node != 0 ? json_integer(node) : json_null(), "from",
	        text_of(session, "from"), "since",
	        output_time(number_of(session, "since")), "idle",
	        json_object_get(session, "idle"), "key",
	        text_of(session, "key"), "state", text_of(session, "state"),
	        "inside", json_object_get(session, "inside")));
}

static json_t *
first_page(const struct operator_line *line)
{
	json_t *request = json_pack("{s:s}", "op", "sessions");

	if ((line->given & OPERATOR_ACCOUNT) != 0)
		request = json_with(request, "account",
		    json_integer(line->account));
	if ((line->given & OPERATOR_NODE) != 0)
		request = json_with(request, "node", json_integer(line->node));
	return request;
}

static int
print_pages(struct guard_client *client, json_t *request, struct output *output)
{
	const json_t *session;
	bool more;
	size_t i;
	int code;

	do {
		AUTO_JSON json_t *page = NULL;

		code = operator_ask(client, request, &page);
		json_array_foreach(json_object_get(page, "sessions"), i,
		    session)
			print_session(output, session);
		more = json_is_true(json_object_get(page, "more"));
		request = more
		    ? json_pack("{s:s, s:b}", "op", "sessions", "more", 1)
		    : NULL;
	} while (more);
	return code;
}

int
session_list(const struct context *context, int argc, char **argv)
{
	struct guard_client *client = NULL;
	struct operator_line line;
	struct output output;
	int code = operator_read("sessions",
	    OPERATOR_JSON | OPERATOR_ACCOUNT | OPERATOR_NODE, argc, argv,
	    &line);

	if (code == EXIT_YES)
		code = operator_connect(context, &client);
	if (code != EXIT_YES)
		return code;
	output_begin(&output, (line.given & OPERATOR_JSON) != 0);
	code = print_pages(client, first_page(&line), &output);
	output_end(&output);
	guard_client_close(client);
	return code;
}

/* ---- kill ---------------------------------------------------------------- */

/* What the command line names, which is one thing. */
static json_t *
meant(const struct operator_line *line)
{
	switch (line->given & ~OPERATOR_MESSAGE) {
	case OPERATOR_WORD:
		return json_pack("{s:s, s:s}", "op", "kill", "session",
		    line->word);
	case OPERATOR_ACCOUNT:
		return json_pack("{s:s, s:I}", "op", "kill", "account",
		    (json_int_t)line->account);
	case OPERATOR_NODE:
		return json_pack("{s:s, s:I}", "op", "kill", "node",
		    (json_int_t)line->node);
	case OPERATOR_ENVIRONMENT:
		return json_pack("{s:s, s:s}", "op", "kill", "environment",
		    line->environment);
	default:
		return NULL;
	}
}

struct ended {
	json_int_t sessions, hops, failed;
};

/* The guard ends some at a time, so that others are answered meanwhile. */
static int
kill_all(struct guard_client *client, const json_t *meant,
    struct ended *ret_ended)
{
	json_t *request = json_deep_copy(meant);
	bool more;
	int code;

	do {
		AUTO_JSON json_t *answer = NULL;

		code = operator_ask(client, request, &answer);
		ret_ended->sessions += number_of(answer, "sessions");
		ret_ended->hops += number_of(answer, "hops");
		ret_ended->failed = number_of(answer, "failed");
		more = json_is_true(json_object_get(answer, "more"));
		request = more
		    ? json_with(json_deep_copy(meant), "more", json_true())
		    : NULL;
	} while (more);
	return code;
}

static int
tell_ended(const struct ended *ended, int code)
{
	if (ended->sessions + ended->hops == 0 && code != EXIT_YES)
		return code;
	printf("ended: %lld session%s, %lld hop%s\n",
	    (long long)ended->sessions, ended->sessions == 1 ? "" : "s",
	    (long long)ended->hops, ended->hops == 1 ? "" : "s");
	if (code != EXIT_YES || ended->failed == 0)
		return code;
	complain("%lld more session%s may have to end: enscale-guard could not "
	         "tell, or not end them; its log says why. Ask again",
	    (long long)ended->failed, ended->failed == 1 ? "" : "s");
	return EXIT_CANNOT_TELL;
}

int
session_kill(const struct context *context, int argc, char **argv)
{
	AUTO_JSON json_t *request = NULL;
	struct guard_client *client = NULL;
	struct ended ended = { 0, 0, 0 };
	struct operator_line line;
	int code = operator_read("kill",
	    OPERATOR_WORD | OPERATOR_ACCOUNT | OPERATOR_NODE |
	        OPERATOR_ENVIRONMENT | OPERATOR_MESSAGE,
	    argc, argv, &line);

	if (code != EXIT_YES)
		return code;
	request = meant(&line);
	if (request == NULL)
		return complain_usage("kill");
	if (line.message != NULL)
		request = json_with(request, "text", json_string(line.message));
	code = operator_connect(context, &client);
	if (code != EXIT_YES)
		return code;
	code = kill_all(client, request, &ended);
	guard_client_close(client);
	return tell_ended(&ended, code);
}
