/* enscalectl announce, drain and undrain: what the running gateway says to all,
 * and whether it takes new logins. They end no session. */
#include <config.h>

#include "enscalectl/gate.h"

#include <stdio.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/protocol/notice.h"
#include "enscalectl/operator.h"

#define TIME_SIZE 32

/* ---- what the file says -------------------------------------------------- */

int
gate_find_drain(const struct config *config, char ret_text[GATE_TEXT_MAX])
{
	char path[CONFIG_PATH_MAX], since[TIME_SIZE] = "an unknown time";
	struct notice drain;
	struct tm utc;
	time_t second;
	int r = config_path(config->state_dir, CONFIG_DRAIN_FILE, path);

	if (r == 0)
		r = notice_read(path, &drain);
	if (r < 0) {
		snprintf(ret_text, GATE_TEXT_MAX, "\"%.256s\": %s", path,
		    error_text(r));
		return r;
	}
	second = (time_t)drain.since;
	if (gmtime_r(&second, &utc) != NULL)
		(void)strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ",
		    &utc);
	snprintf(ret_text, GATE_TEXT_MAX, "since %s by %s%s%s", since, drain.by,
	    drain.text[0] != '\0' ? ": " : "", drain.text);
	return 0;
}

/* ---- verbs --------------------------------------------------------------- */

static json_t *
request_with(const char *op, const char *text)
{
	json_t *request = json_pack("{s:s}", "op", op);

	return text != NULL ? json_with(request, "text", json_string(text))
	                    : request;
}

int
gate_announce(const struct context *context, int argc, char **argv)
{
	AUTO_JSON json_t *answer = NULL;
	struct operator_line line;
	bool clear;
	int code = operator_read("announce", OPERATOR_WORD | OPERATOR_CLEAR,
	    argc, argv, &line);

	if (code != EXIT_YES)
		return code;
	clear = line.given == OPERATOR_CLEAR;
	/* An empty text says nothing, which is another verb. */
	if (!clear && (line.given != OPERATOR_WORD || line.word[0] == '\0'))
		return complain_usage("announce");
	return operator_ask_once(context,
	    request_with(clear ? "announce-clear" : "announce", line.word),
	    &answer);
}

static int
say_going_on(const json_t *answer, const char *what)
{
	json_int_t sessions = json_integer_value(
	    json_object_get(answer, "sessions"));

	printf("%s, %lld session%s open\n", what, (long long)sessions,
	    sessions == 1 ? " is" : "s are");
	return EXIT_YES;
}

int
gate_drain(const struct context *context, int argc, char **argv)
{
	AUTO_JSON json_t *answer = NULL;
	struct operator_line line;
	int code = operator_read("drain", OPERATOR_MESSAGE, argc, argv, &line);

	if (code == EXIT_YES)
		code = operator_ask_once(context,
		    request_with("drain", line.message), &answer);
	return code != EXIT_YES
	    ? code
	    : say_going_on(answer, "no new logins are taken");
}

int
gate_undrain(const struct context *context, int argc, char **argv)
{
	AUTO_JSON json_t *answer = NULL;
	struct operator_line line;
	int code = operator_read("undrain", 0, argc, argv, &line);

	if (code == EXIT_YES)
		code = operator_ask_once(context, request_with("undrain", NULL),
		    &answer);
	return code != EXIT_YES ? code
	                        : say_going_on(answer, "new logins are taken");
}
