/* enscalectl audit: who did what, from the guard's audit log of this gateway. It
 * shows no character that a terminal would obey, and refuses to guess what a
 * line means that is no JSON. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
#include "common/protocol/audit_events.h"
#include "common/protocol/session_registry.h"
#include "enscalectl/audit_files.h"
#include "enscalectl/options.h"
#include "enscalectl/request.h"
#include "enscalectl/verb.h"

#define VERB      "audit"
#define TIME_SIZE 32
#define AGO_MAX   (100U * 365U * 86400U)

enum {
	OPT_ACCOUNT,
	OPT_ENVIRONMENT,
	OPT_EVENT,
	OPT_FOLLOW,
	OPT_JSON,
	OPT_NODE,
	OPT_NODE_LOG,
	OPT_SESSION,
	OPT_SINCE,
	OPT_UNTIL,
	OPTIONS
};

struct wanted {
	const char *given[OPTIONS]; /* borrowed; NULL: it was not */
	bool json, follow;
	/* What came of them; "" and 0: not given. */
	uint32_t account_id, node_id;
	char from[TIME_SIZE], to[TIME_SIZE]; /* as the log has them */
	int64_t from_seconds;
	unsigned found, broken;
};

/* ---- what is wanted ------------------------------------------------------ */

static const struct option options[] = {
	{ "account", required_argument, NULL, OPT_ACCOUNT },
	{ "environment", required_argument, NULL, OPT_ENVIRONMENT },
	{ "event", required_argument, NULL, OPT_EVENT },
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "node", required_argument, NULL, OPT_NODE },
	{ "node-log", required_argument, NULL, OPT_NODE_LOG },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ NULL, 0, NULL, 0 },
};

static bool
take_option(void *arg, int option, const char *value)
{
	struct wanted *wanted = arg;

	switch (option) {
	case OPT_FOLLOW:
		wanted->follow = true;
		return true;
	case OPT_JSON:
		wanted->json = true;
		return true;
	default:
		wanted->given[option] = value;
		return true;
	}
}

static int
read_words(int argc, char **argv, struct wanted *wanted)
{
	int first;

	if (!options_read(options, argc, argv, take_option, wanted, &first) ||
	    first != argc ||
	    (wanted->given[OPT_NODE_LOG] != NULL &&
	        wanted->given[OPT_SESSION] == NULL))
		return complain_usage(VERB);
	return EXIT_YES;
}

static void
format_time(int64_t seconds, char ret_time[TIME_SIZE])
{
	const time_t when = (time_t)seconds;
	struct tm utc;

	ret_time[0] = '\0';
	if (gmtime_r(&when, &utc) != NULL)
		strftime(ret_time, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
}

/* "30m", "2h", "7d": so long ago. False: it is not of that form. */
static bool
read_ago(const char *text, int64_t *ret_seconds)
{
	static const char units[] = "smhd";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400 };
	const size_t len = strlen(text);
	const char *unit = len > 0 ? strchr(units, text[len - 1]) : NULL;
	char digits[12] = "";
	uint32_t number;

	if (unit == NULL || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len - 1);
	if (parse_u32(digits, AGO_MAX / seconds[unit - units], &number) != 0)
		return false;
	*ret_seconds = (int64_t)time(NULL) -
	    (int64_t)number * seconds[unit - units];
	return true;
}

/* "20261130120000Z" as "2026-11-30T12:00:00". */
static void
to_log_time(const char *time, char ret_time[TIME_SIZE])
{
	snprintf(ret_time, TIME_SIZE, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", time,
	    time + 4, time + 6, time + 8, time + 10, time + 12);
}

static int
read_time(const char *text, char ret_time[TIME_SIZE])
{
	char time[REQUEST_TIME_SIZE];
	int64_t seconds;
	int code;

	if (text == NULL)
		return EXIT_YES;
	if (read_ago(text, &seconds)) {
		format_time(seconds, ret_time);
		return EXIT_YES;
	}
	code = request_time(text, time);
	if (code == EXIT_YES && time[0] == '\0')
		return complain_usage(VERB);
	if (code == EXIT_YES)
		to_log_time(time, ret_time);
	return code;
}

/* Files that were last written before it have nothing of it. */
static int64_t
seconds_of(const char *time)
{
	struct tm utc = { 0 };

	if (time[0] == '\0' ||
	    strptime(time, "%Y-%m-%dT%H:%M:%S", &utc) == NULL)
		return 0;
	return (int64_t)timegm(&utc);
}

static int
understand(struct wanted *wanted)
{
	enum audit_event event;
	int code = EXIT_YES;

	if (wanted->given[OPT_ACCOUNT] != NULL)
		code = request_number(wanted->given[OPT_ACCOUNT],
		    ACCOUNT_ID_MAX, "account", &wanted->account_id);
	if (code == EXIT_YES && wanted->given[OPT_NODE] != NULL)
		code = request_number(wanted->given[OPT_NODE], NODE_ID_MAX,
		    "node", &wanted->node_id);
	if (code == EXIT_YES)
		code = read_time(wanted->given[OPT_SINCE], wanted->from);
	if (code == EXIT_YES)
		code = read_time(wanted->given[OPT_UNTIL], wanted->to);
	if (code != EXIT_YES)
		return code;
	wanted->from_seconds = seconds_of(wanted->from);
	if (wanted->given[OPT_SESSION] != NULL &&
	    !session_id_is_valid(wanted->given[OPT_SESSION])) {
		complain("\"%s\" is not a session id",
		    wanted->given[OPT_SESSION]);
		return EXIT_USAGE;
	}
	if (wanted->given[OPT_EVENT] == NULL ||
	    audit_event_find(wanted->given[OPT_EVENT], &event) == 0)
		return EXIT_YES;
	complain("there is no event \"%s\"; there are:",
	    wanted->given[OPT_EVENT]);
	for (int i = 0; i < AUDIT_EVENT_COUNT; i++)
		fprintf(stderr, "  %-18s %s\n", audit_event_rows[i].name,
		    audit_event_rows[i].text);
	return EXIT_USAGE;
}

/* ---- lines --------------------------------------------------------------- */

static bool
has_text(const json_t *line, const char *name, const char *wanted)
{
	const char *text = json_string_value(json_object_get(line, name));

	return wanted == NULL || (text != NULL && strcmp(text, wanted) == 0);
}

static bool
has_number(const json_t *line, const char *name, uint32_t wanted)
{
	return wanted == 0 ||
	    json_integer_value(json_object_get(line, name)) ==
	    (json_int_t)wanted;
}

static bool
is_wanted(const struct wanted *wanted, const json_t *line)
{
	const char *time = json_string_value(json_object_get(line, "time"));

	return time != NULL && strcmp(time, wanted->from) >= 0 &&
	    (wanted->to[0] == '\0' || strcmp(time, wanted->to) < 0) &&
	    has_text(line, "session", wanted->given[OPT_SESSION]) &&
	    has_text(line, "event", wanted->given[OPT_EVENT]) &&
	    has_text(line, "environment", wanted->given[OPT_ENVIRONMENT]) &&
	    has_number(line, "account", wanted->account_id) &&
	    has_number(line, "node", wanted->node_id);
}

/* Whatever stands in the log: users choose some of it, and whoever takes the
 * guard over all of it. */
static void
show_text(const char *text)
{
	AUTO_FREE char *shown = text != NULL ? text_copy_printable(text) : NULL;

	fputs(shown != NULL ? shown : "?", stdout);
}

static void
show_json(const json_t *value, size_t flags)
{
	AUTO_FREE char *text = json_dumps(value,
	    JSON_ENCODE_ANY | JSON_COMPACT | flags);

	show_text(text);
}

/* A value as it is read best: quoted only where it has to be. */
static void
show_value(const char *name, const json_t *value)
{
	const char *text = json_string_value(value);

	putchar(' ');
	show_text(name);
	putchar('=');
	if (text != NULL && text[0] != '\0' && strpbrk(text, " \"=") == NULL)
		show_text(text);
	else
		show_json(value, 0);
}

static void
show(const json_t *line)
{
	const char *name;
	json_t *value;

	show_text(json_string_value(json_object_get(line, "time")));
	putchar(' ');
	show_text(json_string_value(json_object_get(line, "event")));
	json_object_foreach((json_t *)(uintptr_t)line, name, value)
		if (strcmp(name, "time") != 0 && strcmp(name, "event") != 0)
			show_value(name, value);
	putchar('\n');
}

static void
take_line(const char *text, void *arg)
{
	struct wanted *wanted = arg;
	AUTO_JSON json_t *line = NULL;

	if (text[0] == '\0') /* where the guard began anew */
		return;
	if (wanted->given[OPT_SESSION] != NULL &&
	    strstr(text, wanted->given[OPT_SESSION]) == NULL)
		return; /* not parsed */
	line = json_loads(text, 0, NULL);
	if (!json_is_object(line) ||
	    !json_is_string(json_object_get(line, "event"))) {
		wanted->broken++;
		return;
	}
	if (!is_wanted(wanted, line))
		return;
	wanted->found++;
	if (wanted->json) {
		show_json(line, JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		show(line);
	}
}

/* The other half: sshd of the node logs the certificate's key id. */
static int
show_node_log(struct wanted *wanted)
{
	AUTO_FILE FILE *in = fopen(wanted->given[OPT_NODE_LOG], "re");
	char needle[SESSION_ID_LEN + 16];
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (in == NULL) {
		complain("cannot read \"%s\": %m", wanted->given[OPT_NODE_LOG]);
		return EXIT_CANNOT_TELL;
	}
	snprintf(needle, sizeof(needle), "session=%s",
	    wanted->given[OPT_SESSION]);
	while ((len = getline(&line, &size, in)) > 0) {
		AUTO_FREE char *shown = NULL;

		if (strstr(line, needle) == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		shown = text_copy_printable(line);
		wanted->found++;
		if (shown != NULL && wanted->json) {
			AUTO_JSON json_t *object = json_pack("{s:s, s:s}",
			    "node_log", wanted->given[OPT_NODE_LOG], "line",
			    shown);

			(void)json_dumpf(object, stdout, JSON_COMPACT);
			printf("\n");
		} else if (shown != NULL) {
			printf("%s: %s\n", wanted->given[OPT_NODE_LOG], shown);
		}
	}
	return EXIT_YES;
}

int
audit_show(const struct context *context, int argc, char **argv)
{
	struct wanted wanted = { .found = 0 };
	int code = read_words(argc, argv, &wanted);
	unsigned failed;

	if (code == EXIT_YES)
		code = understand(&wanted);
	if (code != EXIT_YES)
		return code;
	failed = audit_files_each(context->config.audit_log,
	    wanted.from_seconds, wanted.follow, take_line, &wanted);
	if (wanted.given[OPT_NODE_LOG] != NULL)
		code = show_node_log(&wanted);
	if (wanted.broken > 0)
		complain("%u lines are no events", wanted.broken);
	if (failed > 0 || code != EXIT_YES)
		return EXIT_CANNOT_TELL;
	return wanted.found > 0 ? EXIT_YES : EXIT_NO;
}
