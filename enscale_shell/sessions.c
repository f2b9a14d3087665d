/* See sessions.h. */
#include <config.h>

#include "enscale_shell/sessions.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "enscale_shell/answer.h"
#include "enscale_shell/output.h"

static void
print_session(const struct shell *shell, const json_t *session)
{
	char id[NAME_TEXT_MAX + 1], address[NAME_TEXT_MAX + 1];
	const json_t *inside = json_object_get(session, "inside");
	char when[OUTPUT_TIME_SIZE];
	const char *opened = output_time(
	    json_integer_value(json_object_get(session, "opened")), when);
	json_int_t node = json_integer_value(json_object_get(session, "node"));
	size_t i;

	answer_text(session, "session", id);
	answer_text(session, "address", address);
	printf("%s\t%s\t%s\t", id, opened != NULL ? opened : "-", address);
	if (node != 0)
		printf("%" JSON_INTEGER_FORMAT "\t", node);
	else
		printf("-\t");
	for (i = 0; i < json_array_size(inside); i++)
		printf("%s%" JSON_INTEGER_FORMAT, i > 0 ? "," : "",
		    json_integer_value(json_array_get(inside, i)));
	printf("%s\t%s\n", json_array_size(inside) == 0 ? "-" : "",
	    strcmp(id, shell->session) == 0 ? "this" : "-");
}

static json_t *
session_json(const struct shell *shell, const json_t *session)
{
	char id[NAME_TEXT_MAX + 1], address[NAME_TEXT_MAX + 1];
	char when[OUTPUT_TIME_SIZE];
	json_int_t node = json_integer_value(json_object_get(session, "node"));

	answer_text(session, "session", id);
	return json_pack("{s:s, s:s?, s:s, s:o, s:O?, s:b}", "session", id,
	    "opened",
	    output_time(json_integer_value(json_object_get(session, "opened")),
	        when),
	    "address", answer_text(session, "address", address), "node",
	    node != 0 ? json_integer(node) : json_null(), "inside",
	    json_object_get(session, "inside"), "this",
	    strcmp(id, shell->session) == 0);
}

int
sessions_run(struct shell *shell, bool is_json)
{
	AUTO_JSON json_t *reply = NULL;
	json_t *sessions = json_array(), *session;
	int code = 0;
	size_t i;

	reply = answer_to(shell, "sessions", &code);
	json_array_foreach(json_object_get(reply, "sessions"), i, session) {
		if (is_json)
			json_array_append_new(sessions,
			    session_json(shell, session));
		else
			print_session(shell, session);
	}
	if (reply != NULL && is_json)
		return output_json(json_pack("{s:I, s:o}", "account",
		    (json_int_t)shell->account, "sessions", sessions));
	json_decref(sessions);
	return reply != NULL ? output_end() : code;
}
