/* See metrics.h. */
#include <config.h>

#include "enscale_guard/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/guard.h"
#include "enscale_guard/log.h"

static double
is_announced(const struct guard *guard)
{
	return guard->notices.is_announced;
}

static double
is_drained(const struct guard *guard)
{
	return guard->notices.is_drained;
}

static double
count_sessions(const struct guard *guard)
{
	return (double)session_table_count(guard->sessions);
}

static double
longest_turn(const struct guard *guard)
{
	return (double)turns_longest(guard->turns) / 1e6;
}

/* In the order of their names. */
static const struct {
	const char *name, *help;
	double (*value)(const struct guard *guard);
} rows[] = {
	{ "enscale_guard_announced",
	    "1: an operator's line is shown in all menus.", is_announced },
	{ "enscale_guard_drained",
	    "1: an operator has closed the gateway to new logins, or the file "
	    "that would say so cannot be read.",
	    is_drained },
	{ "enscale_guard_longest_turn_seconds",
	    "The longest turn of work that is done in turns", longest_turn },
	{ "enscale_guard_sessions", "Open sessions", count_sessions },
};

static void
put_rows(FILE *file, const struct guard *guard)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(file, "# HELP %s %s\n# TYPE %s gauge\n%s %.9g\n",
		    rows[i].name, rows[i].help, rows[i].name, rows[i].name,
		    rows[i].value(guard));
}

static int
write_file(const struct guard *guard, const char *path)
{
	char next[CONFIG_PATH_MAX + sizeof(".new")];
	FILE *file;
	int r;

	snprintf(next, sizeof(next), "%s.new", path);
	file = fopen(next, "we");
	if (file == NULL)
		return -errno;
	put_rows(file, guard);
	r = fchmod(fileno(file), 0644) < 0 || ferror(file) ? -EIO : 0;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(next, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(next);
	return r;
}

void
metrics_write(struct guard *guard)
{
	int r = write_file(guard, guard->metrics_file);

	/* Once, until it works again. */
	if (r < 0 && !guard->metrics_failed)
		log_warning("cannot write \"%s\": %s", guard->metrics_file,
		    error_text(r));
	guard->metrics_failed = r < 0;
}

static int
on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	metrics_write(arg);
	sd_event_source_set_time_relative(source,
	    METRICS_SECONDS * BUCKET_SECOND);
	return 0;
}

int
metrics_open(struct guard *guard)
{
	char folder[CONFIG_PATH_MAX];
	int r = config_path(guard->config.run_dir, METRICS_FILE,
	    guard->metrics_file);

	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%.*s",
	    (int)(strrchr(guard->metrics_file, '/') - guard->metrics_file),
	    guard->metrics_file);
	/* The umask is for others than those who read this. */
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (chmod(folder, 0755) < 0)
		return -errno;
	metrics_write(guard);
	r = sd_event_add_time_relative(guard->event, &guard->metrics_timer,
	    CLOCK_MONOTONIC, METRICS_SECONDS * BUCKET_SECOND,
	    BUCKET_SECOND / 10, on_time, guard);
	return r < 0
	    ? r
	    : sd_event_source_set_enabled(guard->metrics_timer, SD_EVENT_ON);
}

void
metrics_close(struct guard *guard)
{
	guard->metrics_timer = sd_event_source_disable_unref(
	    guard->metrics_timer);
	if (guard->metrics_file[0] != '\0')
		(void)unlink(guard->metrics_file);
}
