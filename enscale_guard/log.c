/* Lines for the operator. It never blocks on anything but stderr itself, and
 * never speaks to a user. */
#include <config.h>

#include "enscale_guard/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_SIZE 2048

static void __attribute__((format(printf, 2, 0)))
put(int priority, const char *format, va_list args)
{
	char line[LINE_SIZE];
	int head, len;

	head = getenv("JOURNAL_STREAM") != NULL
	    ? snprintf(line, sizeof(line), "<%d>", priority)
	    : snprintf(line, sizeof(line), "enscale-guard: ");
	len = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format,
	    args);
	if (len < 0)
		return;
	len += head;
	if ((size_t)len > sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	/* What a stranger chose may be in it: one line stays one line. */
	for (int i = head; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* there is nobody left to tell */
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_ERR, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_WARNING, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_INFO, format, args);
	va_end(args);
}
