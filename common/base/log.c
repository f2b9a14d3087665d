/* The log. See log.h. It never waits for its readers, and never speaks to a
 * user. */
#include <config.h>

#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/base/text.h"

#define HEAD_SIZE   64
#define FIELDS_SIZE 128
#define LOST_SIZE   256

static log_sink *sink_of_events;

/* Lines that standard error has not taken since the last that it has, and why
 * not. */
static int64_t lost;
static int lost_error;
static bool is_torn; /* it has taken a part of one */

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

/*
 * As write(2), but -1 and EAGAIN instead of waiting. Of a pipe that can take
 * something, PIPE_BUF bytes can be written, unless another of its writers comes
 * between; of a terminal perhaps fewer: both would have to be made non-blocking
 * for everybody who has them.
 */
static ssize_t
write_at_once(const char *line, size_t len)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
	const struct timespec now = { 0 };
	ssize_t n = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	int r;

	if (n >= 0 || errno != ENOTSOCK)
		return n;
	r = ppoll(&ready, 1, &now, NULL); /* the signer may not call poll() */
	if (r == 0)
		errno = EAGAIN;
	return r > 0 ? write(STDERR_FILENO, line, len) : -1;
}

/* Returns 0 or -errno. */
static int
write_line(int priority, const char *text)
{
	char head[HEAD_SIZE], line[LOG_LINE_MAX];
	ssize_t n;
	size_t len;

	_Static_assert(sizeof(line) <= PIPE_BUF, "a pipe takes it whole");
	format_head(priority, head);
	snprintf(line, sizeof(line), "%s%s%s\n", is_torn ? "\n" : "", head,
	    text);
	len = strlen(line);
	n = write_at_once(line, len);
	if (n < 0)
		return -errno;
	is_torn = (size_t)n < len;
	return is_torn ? -ENOSPC : 0;
}

/* How many are missing before the next, if there are any. Returns 0 or -errno. */
static int
tell_lost(void)
{
	char text[LOST_SIZE];
	int r;

	if (lost == 0)
		return 0;
	snprintf(text, sizeof(text), "lines lost here: %" PRId64 ": %s", lost,
	    error_text(lost_error));
	r = write_line(LOG_WARNING, text);
	if (r == 0)
		lost = 0;
	return r;
}

static void
put(int priority, const char *text)
{
	int r = tell_lost();

	if (r == 0)
		r = write_line(priority, text);
	if (r == 0)
		return;
	lost++;
	lost_error = r;
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
	const int error = errno;
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	format_text(&nobody, format, args, text);
	va_end(args);
	put(priority, text);
	errno = error;
}

void
log_about(const struct log_fields *fields, int priority, const char *format,
    ...)
{
	const int error = errno;
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	format_text(fields, format, args, text);
	va_end(args);
	if (sink_of_events != NULL && sink_of_events(priority, text, fields))
		(void)tell_lost();
	else
		put(priority, text);
	errno = error;
}
