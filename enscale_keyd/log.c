/* The log. See log.h. */
#include <config.h>

#include "enscale_keyd/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/text.h"

#define LINE_SIZE 2048

void
log_line(int priority, const char *format, ...)
{
	char raw[LINE_SIZE], line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	(void)text_printable(raw, line, sizeof(line));
	if (getenv("JOURNAL_STREAM") != NULL)
		(void)fprintf(stderr, "<%d>%s\n", priority, line);
	else
		(void)fprintf(stderr, "enscale-keyd: %s\n", line);
}
