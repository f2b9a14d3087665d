/* The log. See log.h. */
#include <config.h>

#include "enscale_sync/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/text.h"

#define LINE_MAX_LEN 8192

void
log_line(int priority, const char *format, ...)
{
	char raw[LINE_MAX_LEN / 2], line[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	(void)text_printable(raw, line, sizeof(line));
	if (getenv("JOURNAL_STREAM") != NULL)
		(void)fprintf(stderr, "<%d>%s\n", priority, line);
	else
		(void)fprintf(stderr, "enscale-sync: %s\n", line);
}
