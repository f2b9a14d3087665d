/* See visits.h. Commands are somebody else's text: none reaches the terminal
 * but as text. */
#include <config.h>

#include "enscale_shell/visits.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "enscale_shell/answer.h"
#include "enscale_shell/output.h"
#include "enscale_shell/say.h"
#include "enscale_shell/table.h"
#include "enscale_shell/terminal.h"

#define NUMBER_SIZE   24
#define DURATION_SIZE 32
#define WHAT_SIZE     (VISIT_COMMAND_MAX + 1)
#define SHOWN         15 /* in the menu */
#define WHAT_SHOWN    60 /* characters of a command there */

struct visit {
	char when[OUTPUT_TIME_SIZE];
	char account[NUMBER_SIZE], node[NUMBER_SIZE];
	char environment[NAME_TEXT_MAX + 1], address[NAME_TEXT_MAX + 1];
	char duration[DURATION_SIZE];
	char what[WHAT_SIZE];
};

static json_int_t
number(const json_t *visit, const char *name)
{
	return json_integer_value(json_object_get(visit, name));
}

static void
put_duration(const json_t *visit, char buf[DURATION_SIZE])
{
	const json_int_t seconds = number(visit, "seconds");

	if (json_is_true(json_object_get(visit, "inside")))
		snprintf(buf, DURATION_SIZE, "inside");
	else if (json_object_get(visit, "seconds") == NULL)
		snprintf(buf, DURATION_SIZE, "-");
	else
		snprintf(buf, DURATION_SIZE,
		    "%" JSON_INTEGER_FORMAT ":%02d:%02d", seconds / 3600,
		    (int)(seconds / 60 % 60), (int)(seconds % 60));
}

/* The command, "sftp", or "-": the node's shell. */
static void
put_what(const json_t *visit, char buf[WHAT_SIZE])
{
	const char *command = json_string_value(
	    json_object_get(visit, "command"));
	const char *subsystem = json_string_value(
	    json_object_get(visit, "subsystem"));

	if (command == NULL)
		command = subsystem != NULL ? subsystem : "-";
	(void)text_printable(command, buf, WHAT_SIZE);
}

static void
read_visit(const json_t *visit, struct visit *ret_visit)
{
	snprintf(ret_visit->account, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT,
	    number(visit, "account"));
	snprintf(ret_visit->node, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT,
	    number(visit, "node"));
	answer_text(visit, "environment", ret_visit->environment);
	answer_text(visit, "address", ret_visit->address);
	put_duration(visit, ret_visit->duration);
	put_what(visit, ret_visit->what);
}

/* The caller owns it; NULL: a refusal was said, with that exit code. */
static json_t *
fetch(struct shell *shell, const char *environment, int *ret_code)
{
	struct refusal refusal;
	json_t *reply = shell_ask(shell,
	    json_pack("{s:s, s:s*}", "op", "log", "environment", environment),
	    &refusal);

	if (reply == NULL) {
		say_refusal("%s", refusal.sentence);
		*ret_code = refusal.code;
	}
	return reply;
}

/* ---- for programs ---------------------------------------------------------- */

static void
print_line(const json_t *object)
{
	static struct visit visit; /* large */
	const char *when = output_time(number(object, "time"), visit.when);

	read_visit(object, &visit);
	printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", when != NULL ? when : "-",
	    visit.account, visit.environment, visit.node, visit.address,
	    visit.duration, visit.what);
}

static json_t *
to_json(const json_t *visit)
{
	char when[OUTPUT_TIME_SIZE];

	return json_pack(
	    "{s:s?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:b}",
	    "time", output_time(number(visit, "time"), when), "account",
	    json_object_get(visit, "account"), "environment",
	    json_object_get(visit, "environment"), "node",
	    json_object_get(visit, "node"), "address",
	    json_object_get(visit, "address"), "command",
	    json_object_get(visit, "command"), "subsystem",
	    json_object_get(visit, "subsystem"), "terminal",
	    json_object_get(visit, "terminal"), "seconds",
	    json_object_get(visit, "seconds"), "exit",
	    json_object_get(visit, "exit"), "inside",
	    json_is_true(json_object_get(visit, "inside")));
}

static int
print_all(struct shell *shell, const char *environment, bool is_json)
{
	AUTO_JSON json_t *reply = NULL;
	json_t *visits, *visit;
	int code = 0;
	size_t i;

	reply = fetch(shell, environment, &code);
	if (reply == NULL)
		return code;
	visits = json_array();
	json_array_foreach(json_object_get(reply, "visits"), i, visit) {
		if (is_json)
			json_array_append_new(visits, to_json(visit));
		else
			print_line(visit);
	}
	if (is_json)
		return output_json(json_pack("{s:I, s:o}", "account",
		    (json_int_t)shell->account, "visits", visits));
	json_decref(visits);
	return output_end();
}

int
visits_run(struct shell *shell, bool is_json)
{
	return print_all(shell, NULL, is_json);
}

int
visits_run_with(struct shell *shell, const char *argument)
{
	char words[NAME_TEXT_MAX + sizeof(" --json ")], *rest = words, *word;
	const char *environment = NULL;
	bool is_json = false, is_wrong = strlen(argument) >= sizeof(words);

	snprintf(words, sizeof(words), "%s", argument);
	while (!is_wrong && (word = strsep(&rest, " ")) != NULL) {
		if (strcmp(word, "--json") == 0)
			is_json = true;
		else if (word[0] != '\0' && word[0] != '-' &&
		    environment == NULL)
			environment = word;
		else
			is_wrong = word[0] != '\0';
	}
	if (!is_wrong)
		return print_all(shell, environment, is_json);
	say("Usage: ssh -p %u %u@%s %s", shell->port, shell->account,
	    shell->host, "log [ENVIRONMENT] [--json]");
	return GUARD_EXIT_USAGE;
}

/* ---- in the menu ------------------------------------------------------------ */

static void
make_row(const json_t *object, struct visit *visit, struct table_row *ret_row)
{
	read_visit(object, visit);
	(void)output_date(number(object, "time"), visit->when);
	*ret_row = (struct table_row){ .number = 0 };
	table_cell(ret_row, visit->when, TABLE_PLAIN);
	table_cell(ret_row, visit->account, TABLE_STRONG);
	table_cell(ret_row, visit->environment, TABLE_PLAIN);
	table_cell(ret_row, visit->node, TABLE_PLAIN);
	table_cell(ret_row, visit->address, TABLE_PLAIN);
	table_cell(ret_row, visit->duration, TABLE_PLAIN);
	/* A command may be long: log has more of it. */
	if (table_text_width(visit->what) > WHAT_SHOWN)
		table_cell(ret_row, "a long command", TABLE_PLAIN);
	else
		table_cell(ret_row, visit->what, TABLE_PLAIN);
}

static void
print_row(const struct table_row *row, const struct table *table)
{
	size_t i;

	for (i = 0; i < row->count; i++) {
		printf("  ");
		table_text(stdout, row->cells[i], row->tones[i],
		    terminal_has_colour());
		if (i + 1 < row->count)
			printf("%*s",
			    table->cells[i] - table_text_width(row->cells[i]),
			    "");
	}
	putchar('\n');
}

int
visits_show(struct shell *shell)
{
	static struct visit visit; /* large */
	AUTO_JSON json_t *reply = NULL;
	struct table table = { .number = 0 };
	struct table_row row;
	const json_t *visits;
	size_t count, i;
	int code = 0;

	reply = fetch(shell, NULL, &code);
	if (reply == NULL)
		return code;
	visits = json_object_get(reply, "visits");
	count = json_array_size(visits);
	if (count == 0)
		puts("Nobody has entered an environment of yours here yet.");
	for (i = count > SHOWN ? count - SHOWN : 0; i < count; i++) {
		make_row(json_array_get(visits, i), &visit, &row);
		table_widen(&table, &row);
	}
	for (i = count > SHOWN ? count - SHOWN : 0; i < count; i++) {
		make_row(json_array_get(visits, i), &visit, &row);
		print_row(&row, &table);
	}
	if (count > SHOWN)
		printf("These are the last %d of %zu: ssh -p %u %u@%s log has "
		       "all.\n",
		    SHOWN, count, shell->port, shell->account, shell->host);
	return 0;
}
