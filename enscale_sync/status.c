/* What the follower says about itself. See status.h. */
#include <config.h>

#include "enscale_sync/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"
#include "enscale_sync/report.h"

/* A DN or a reason, made printable. */
#define TEXT_MAX 4096

void
status_set_in_step(struct status *status, bool in_step)
{
	if (in_step == status->in_step)
		return;
	status->in_step = in_step;
	status->in_step_since = in_step ? (int64_t)time(NULL) : 0;
	status->changed = true;
}

void
status_set_error(struct status *status, const char *text)
{
	(void)snprintf(status->last_error, sizeof(status->last_error), "%s",
	    text);
	status->last_error_time = (int64_t)time(NULL);
	status->changed = true;
}

void
status_name_held(struct status *status, const char *dn, const char *reason)
{
	struct status_line *line;

	/* Most are told again by each connection. */
	for (uint32_t i = 0; i < status->held_line_count; i++) {
		if (strcmp(status->held_lines[i].dn, dn) == 0)
			return;
	}
	if (status->held_line_count == STATUS_LINES_MAX)
		return;
	line = &status->held_lines[status->held_line_count];
	line->dn = strdup(dn);
	line->reason = reason;
	status->held_line_count += line->dn != NULL;
	status->changed = true;
}

void
status_clear_held(struct status *status)
{
	for (uint32_t i = 0; i < status->held_line_count; i++)
		free(status->held_lines[i].dn);
	status->held_line_count = 0;
}

static const char *
connection_text(enum status_connection connection)
{
	switch (connection) {
	case STATUS_REFRESHING:
		return "refreshing";
	case STATUS_FOLLOWING:
		return "following";
	case STATUS_WAITING:
	default:
		return "waiting";
	}
}

/* Printable UTF-8 needs nothing but these two escaped (RFC 8259, 7). */
static void
put_string(FILE *file, const char *text)
{
	char printable[TEXT_MAX + 1];

	(void)text_printable(text, printable, sizeof(printable));
	(void)fputc('"', file);
	for (const char *at = printable; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			(void)fputc('\\', file);
		(void)fputc(*at, file);
	}
	(void)fputc('"', file);
}

struct listing {
	FILE *file;
	uint32_t count;
};

static int
list_line(const char *dn, const char *reason, void *arg)
{
	struct listing *listing = arg;

	(void)fprintf(listing->file,
	    "%s{\"dn\":", listing->count == 0 ? "" : ",\n ");
	put_string(listing->file, dn);
	(void)fprintf(listing->file, ",\"reason\":");
	put_string(listing->file, reason);
	(void)fputc('}', listing->file);
	return ++listing->count == STATUS_LINES_MAX;
}

/* Entries with what is said of them, as many as there is room for. */
static int
put_lines(FILE *file, struct state *state, const char *name,
    int (*each)(struct state *state, state_visit_line *visit, void *arg))
{
	struct listing listing = { file, 0 };
	int r;

	(void)fprintf(file, ",\n\"%s\":[", name);
	r = each(state, list_line, &listing);
	(void)fputc(']', file);
	return r < 0 ? r : 0;
}

static void
put_held(FILE *file, const struct status *status)
{
	struct listing listing = { file, 0 };

	(void)fputs(",\n\"held_entries\":[", file);
	for (uint32_t i = 0; i < status->held_line_count; i++)
		(void)list_line(status->held_lines[i].dn,
		    status->held_lines[i].reason, &listing);
	(void)fputc(']', file);
}

static void
put_entries(FILE *file, const struct state_info *info)
{
	static const enum entry_kind kinds[] = { ENTRY_ACCOUNT, ENTRY_KEY,
		ENTRY_ENVIRONMENT, ENTRY_NODE };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)fprintf(file, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",",
		    entry_kind_text(kinds[i]), info->entries[kinds[i]]);
}

static int
put_all(FILE *file, struct state *state, const void *arg)
{
	const struct status *status = arg;
	int r;

	(void)fprintf(file,
	    "{\"version\":1,\n\"pid\":%ld,\n\"time\":%" PRId64
	    ",\n\"connection\":\"%s\",\n\"source\":",
	    (long)getpid(), (int64_t)time(NULL),
	    connection_text(status->connection));
	put_string(file, status->source);
	(void)fprintf(file, ",\n\"method\":\"%s\"",
	    status->method == NULL ? "" : status->method);
	(void)fprintf(file,
	    ",\n\"ready\":%s,\n\"waits\":%s,\n\"in_step\":%s,\n\"in_step_since\":%" PRId64
	    ",\n\"as_of\":%" PRId64 ",\n\"generation\":%" PRIu64
	    ",\n\"entries\":{",
	    status->ready ? "true" : "false", status->waits ? "true" : "false",
	    status->in_step ? "true" : "false", status->in_step_since,
	    status->as_of, status->generation);
	put_entries(file, state_info(state));
	(void)fprintf(file,
	    "},\n\"key_values\":%" PRIu64 ",\n\"refused\":%" PRIu64
	    ",\n\"orphans\":%" PRIu64 ",\n\"held\":%" PRIu64
	    ",\n\"left_out\":%" PRIu64 ",\n\"warnings\":%" PRIu64,
	    state_info(state)->key_values, state_refused_count(state),
	    state_orphan_count(state), status->held,
	    state_left_out_count(state), state_warning_count(state));
	r = put_lines(file, state, "refused_entries", state_each_refused);
	if (r == 0)
		r = put_lines(file, state, "warned_entries",
		    state_each_warning);
	if (r == 0)
		r = put_lines(file, state, "left_out_entries",
		    state_each_excess);
	if (r == 0)
		r = put_lines(file, state, "orphan_entries",
		    state_each_orphan_line);
	put_held(file, status);
	(void)fprintf(file, ",\n\"held_reason\":");
	put_string(file, status->held_reason);
	(void)fprintf(file,
	    ",\n\"received\":%" PRIu64 ",\n\"receive_rate\":%" PRIu64
	    ",\n\"comparing\":%s,\n\"compared\":%" PRId64
	    ",\n\"differences\":%" PRIu64,
	    status->received, status->receive_rate,
	    status->comparing ? "true" : "false", status->compared,
	    status->differences);
	(void)fprintf(file,
	    ",\n\"refreshes\":%" PRIu64 ",\n\"changes\":%" PRIu64
	    ",\n\"publications\":%" PRIu64 ",\n\"connections\":%" PRIu64
	    ",\n\"last_error\":",
	    status->refreshes, status->changes, status->publications,
	    status->connections);
	put_string(file, status->last_error);
	(void)fprintf(file, ",\n\"last_error_time\":%" PRId64 "}\n",
	    status->last_error_time);
	return r;
}

int
status_write(struct status *status, struct state *state, const char *path)
{
	int r = report_write(path, state, put_all, status);

	if (r == 0)
		status->changed = false;
	return r;
}
