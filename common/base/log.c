/* The log. See log.h. It waits only for standard error itself, and never speaks
 * to a user. */
#include <config.h>

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"

#define LINE_SIZE   4096 /* what is longer is cut */
#define HEAD_SIZE   64
#define FIELDS_SIZE 128

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

static void __attribute__((format(printf, 3, 0)))
put(const struct log_fields *fields, int priority, const char *format,
    va_list args)
{
	char raw[LINE_SIZE - HEAD_SIZE - FIELDS_SIZE], text[sizeof(raw)];
	char head[HEAD_SIZE], tail[FIELDS_SIZE], line[LINE_SIZE];
	int len;

	vsnprintf(raw, sizeof(raw), format, args);
	text_printable(raw, text, sizeof(text));
	format_head(priority, head);
	format_fields(fields, tail);
	len = snprintf(line, sizeof(line), "%s%s%s\n", head, text, tail);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* there is nobody left to tell */
}

void
log_line(int priority, const char *format, ...)
{
	static const struct log_fields nobody;
	va_list args;

	va_start(args, format);
	put(&nobody, priority, format, args);
	va_end(args);
}

void
log_about(const struct log_fields *fields, int priority, const char *format,
    ...)
{
	va_list args;

	va_start(args, format);
	put(fields, priority, format, args);
	va_end(args);
}
