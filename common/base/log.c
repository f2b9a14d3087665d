/* The log. See log.h. It waits only for standard error, or for the journal, and
 * never speaks to a user. */
#include <config.h>

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"

#define HEAD_SIZE   64
#define FIELDS_SIZE 128

static log_sink *sink_of_events;

static void
format_head(int priority, char buf[HEAD_SIZE])
{
	if (getenv("JOURNAL_STREAM") != NULL)
		snprintf(buf, HEAD_SIZE, "<%d>", priority);
	else
		snprintf(buf, HEAD_SIZE, "%s: ", program_invocation_short_name);
}

static void
format_fields(const struct log_fields *fields, char buf[FIELDS_SIZE])
{
	int len = 0;

	buf[0] = '\0';
	if (fields->session != NULL && fields->session[0] != '\0')
		len = snprintf(buf, FIELDS_SIZE, " session=%.64s",
		    fields->session);
	if (fields->account != 0)
		len += snprintf(buf + len, (size_t)(FIELDS_SIZE - len),
		    " account=%" PRIu32, fields->account);
	if (fields->node != 0)
		snprintf(buf + len, (size_t)(FIELDS_SIZE - len),
		    " node=%" PRIu32, fields->node);
}

/* What is said, with the fields behind it. */
static void __attribute__((format(printf, 2, 0)))
format_text(const struct log_fields *fields, const char *format, va_list args,
    char ret_text[LOG_LINE_MAX])
{
	char raw[LOG_LINE_MAX - HEAD_SIZE - FIELDS_SIZE], text[sizeof(raw)];
	char tail[FIELDS_SIZE];

	vsnprintf(raw, sizeof(raw), format, args);
	text_printable(raw, text, sizeof(text));
	format_fields(fields, tail);
	snprintf(ret_text, LOG_LINE_MAX, "%s%s", text, tail);
}

static void
put(int priority, const char *text)
{
	char head[HEAD_SIZE], line[LOG_LINE_MAX];
	int len;

	format_head(priority, head);
	len = snprintf(line, sizeof(line), "%s%s\n", head, text);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* there is nobody left to tell */
}

void
log_to(log_sink *sink)
{
	sink_of_events = sink;
}

void
log_line(int priority, const char *format, ...)
{
	static const struct log_fields nobody;
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	format_text(&nobody, format, args, text);
	va_end(args);
	put(priority, text);
}

void
log_about(const struct log_fields *fields, int priority, const char *format,
    ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	format_text(fields, format, args, text);
	va_end(args);
	if (sink_of_events == NULL || !sink_of_events(priority, text, fields))
		put(priority, text);
}
