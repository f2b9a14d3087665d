/* Metrics for Prometheus. See metrics.h. */
#include <config.h>

#include "enscale_sync/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "enscale_sync/report.h"

static void
head(FILE *file, const char *name, const char *type, const char *help)
{
	(void)fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

static void
gauge(FILE *file, const char *name, const char *help, int64_t value)
{
	head(file, name, "gauge", help);
	(void)fprintf(file, "%s %" PRId64 "\n", name, value);
}

static void
counter(FILE *file, const char *name, const char *help, uint64_t value)
{
	head(file, name, "counter", help);
	(void)fprintf(file, "%s %" PRIu64 "\n", name, value);
}

/* ---- entries ----------------------------------------------------------- */

static void
put_entries(FILE *file, const struct state_info *info)
{
	static const enum entry_kind kinds[] = { ENTRY_ACCOUNT, ENTRY_KEY,
		ENTRY_ENVIRONMENT, ENTRY_NODE };

	head(file, "enscale_sync_entries", "gauge",
	    "Directory entries that are followed, by kind.");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)fprintf(file,
		    "enscale_sync_entries{kind=\"%s\"} %" PRIu64 "\n",
		    entry_kind_text(kinds[i]), info->entries[kinds[i]]);
}

/* Reasons are sentences, which may hold what an entry says; labels are a
 * closed set. The end of the sentence decides. */
static const struct {
	const char *label;
	int error;        /* its text, or */
	const char *text; /* this one */
	bool goes_on;     /* there may be something behind it */
} reasons[] = {
	{ "duplicate", 0, "older entry has it", false },
	{ "duplicate", 0, "older environment has it", false },
	{ "duplicate", 0, "further up in the file has it", false },
	{ "key_format", ENS_E_KEY_FORMAT, NULL, true },
	{ "key_format", 0, "more than one public key", false },
	{ "key_option", ENS_E_KEY_OPTION, NULL, true },
	{ "key_type", ENS_E_KEY_TYPE, NULL, false },
	{ "key_weak", ENS_E_KEY_WEAK, NULL, false },
	{ "limit", ENS_E_LIMIT, NULL, false },
	{ "limit", 0, "left out", false }, { "missing", 0, "missing", false },
	{ "object_class", 0, "not exactly one of ours", false },
	{ "range", ENS_E_RANGE, NULL, false },
	{ "syntax", ENS_E_SYNTAX, NULL, false },
	{ "text", 0, "not printable text", false },
	{ "values", 0, "more than one value", false },
	{ "word", 0, "an unknown word", false },
	{ "other", 0, "", false }, /* the end of every sentence */
};

#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static int
count_reason(const char *dn, const char *reason, void *arg)
{
	uint64_t *counts = arg;

	(void)dn;
	for (size_t i = 0; i < REASONS; i++) {
		const char *end = reasons[i].error != 0
		    ? error_text(reasons[i].error)
		    : reasons[i].text;

		if (reasons[i].goes_on ? strstr(reason, end) != NULL
		                       : ends_with(reason, end)) {
			counts[i]++;
			break;
		}
	}
	return 0;
}

static int
put_refused(FILE *file, struct state *state)
{
	uint64_t counts[REASONS] = { 0 };
	int r = state_each_reason(state, count_reason, counts);

	head(file, "enscale_sync_refused_entries", "gauge",
	    "What is refused of directory entries, whole or in part, by reason.");
	for (size_t i = 0; i < REASONS; i++) {
		/* Rows of one label follow each other. */
		if (i + 1 < REASONS &&
		    strcmp(reasons[i].label, reasons[i + 1].label) == 0) {
			counts[i + 1] += counts[i];
			continue;
		}
		(void)fprintf(file,
		    "enscale_sync_refused_entries{reason=\"%s\"} %" PRIu64 "\n",
		    reasons[i].label, counts[i]);
	}
	return r;
}

/* ---- the source -------------------------------------------------------- */

static void
put_label(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			(void)fputs("\\n", file);
			continue;
		}
		if (*text == '\\' || *text == '"')
			(void)fputc('\\', file);
		(void)fputc(*text, file);
	}
}

static void
put_source(FILE *file, const struct status *status)
{
	static const struct {
		enum status_connection connection;
		const char *text;
	} states[] = {
		{ STATUS_FOLLOWING, "following" },
		{ STATUS_REFRESHING, "refreshing" },
		{ STATUS_WAITING, "waiting" },
	};

	head(file, "enscale_sync_source_state", "gauge",
	    "1 for the state that the source in use, or tried last, is in; 0 for the others.");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		(void)fputs("enscale_sync_source_state{source=\"", file);
		put_label(file, status->source);
		(void)fprintf(file, "\",state=\"%s\"} %d\n", states[i].text,
		    status->connection == states[i].connection);
	}
}

/* ---- all of it --------------------------------------------------------- */

static void
put_status(FILE *file, const struct status *status)
{
	gauge(file, "enscale_sync_ready",
	    "Whether readers are served: a view, and an account map that agrees.",
	    status->ready);
	gauge(file, "enscale_sync_in_step",
	    "Whether view and account map agree with the directory, as far as "
	    "is known.",
	    status->in_step);
	/* A time, not an age: it is right at whatever time it is read. */
	gauge(file, "enscale_sync_view_timestamp_seconds",
	    "When the view was last known to be in step, since the epoch; 0: never.",
	    status->as_of);
	gauge(file, "enscale_sync_view_generation",
	    "The generation of the published view.",
	    (int64_t)status->generation);
	gauge(file, "enscale_sync_held_entries",
	    "Entries held back: older than what is known, or more rights.",
	    (int64_t)status->held);
	counter(file, "enscale_sync_refreshes_total",
	    "Refreshes completed since the start.", status->refreshes);
	counter(file, "enscale_sync_changes_total",
	    "Entries that came, changed or went since the start.",
	    status->changes);
	counter(file, "enscale_sync_publications_total",
	    "Changes of the view since the start.", status->publications);
	counter(file, "enscale_sync_connections_total",
	    "Connections opened since the start; all but the first are reconnects.",
	    status->connections);
	gauge(file, "enscale_sync_last_error_timestamp_seconds",
	    "When the last error was, since the epoch; 0: never.",
	    status->last_error_time);
}

struct report {
	const struct status *status;
	const struct publisher *publisher;
};

static int
put_all(FILE *file, struct state *state, const void *arg)
{
	const struct report *report = arg;
	const struct status *status = report->status;
	const struct publisher *publisher = report->publisher;
	struct publisher_figures figures = publisher_figures(publisher);
	int r;

	put_entries(file, state_info(state));
	gauge(file, "enscale_sync_key_values",
	    "Keys that are values of accounts.",
	    (int64_t)state_info(state)->key_values);
	r = put_refused(file, state);
	gauge(file, "enscale_sync_warned_entries",
	    "Directory entries that are used, but with a warning.",
	    (int64_t)state_warning_count(state));
	gauge(file, "enscale_sync_orphan_entries",
	    "Keys and nodes whose parent is missing.",
	    (int64_t)state_orphan_count(state));
	gauge(file, "enscale_sync_left_out_records",
	    "Keys, nodes and environments that are left out: over a limit.",
	    (int64_t)state_left_out_count(state));
	gauge(file, "enscale_sync_overstepped_limits",
	    "Accounts, environments and host keys with more than a limit.",
	    (int64_t)state_excess_count(state));
	put_status(file, status);
	put_source(file, status);
	counter(file, "enscale_sync_merges_total",
	    "Merges of segments of the view since the start.", figures.merges);
	gauge(file, "enscale_sync_view_segments", "Segments of the view.",
	    figures.segments);
	gauge(file, "enscale_sync_view_bytes", "Bytes of the view.",
	    (int64_t)figures.bytes);
	gauge(file, "enscale_sync_state_bytes", "Bytes of the state in use.",
	    (int64_t)state_bytes(state));
	return r;
}

/* While it is written its name does not end in ".prom", which is what the
 * collector reads. */
int
metrics_write(const struct status *status, struct state *state,
    const struct publisher *publisher, const char *path)
{
	const struct report report = { status, publisher };

	return report_write(path, state, put_all, &report);
}
