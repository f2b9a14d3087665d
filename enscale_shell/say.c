/* See say.h. Refuses to wait for a reader that does not read. */
#include <config.h>

#include "enscale_shell/say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/protocol/session_registry.h"

#define SAY_WAIT_MS 1000

static char session_id[SESSION_ID_LEN + 1];
static char support_text[CONFIG_VALUE_MAX];

void
say_set_session(const char *id)
{
	if (id != NULL && session_id_is_valid(id))
		snprintf(session_id, sizeof(session_id), "%s", id);
}

void
say_set_support(const char *support)
{
	text_printable(support, support_text, sizeof(support_text));
}

static void
write_line(const char *line, size_t len)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&ready, 1, SAY_WAIT_MS) != 1 || !(ready.revents & POLLOUT))
		return;
	/* A reader that has gone cannot be told that it has. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

__attribute__((format(printf, 2, 0))) static void
vsay(const char *end, const char *format, va_list args)
{
	char sentence[SAY_MAX], printable[SAY_MAX];
	char line[SAY_MAX + sizeof(session_id) + 32];
	int len;

	vsnprintf(sentence, sizeof(sentence), format, args);
	text_printable(sentence, printable, sizeof(printable));
	if (session_id[0] == '\0')
		len = snprintf(line, sizeof(line), "enscale: %s%s", printable,
		    end);
	else
		len = snprintf(line, sizeof(line), "enscale: %s (session %s)%s",
		    printable, session_id, end);
	if (len > 0)
		write_line(line, (size_t)len);
}

void
say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay("\n", format, args);
	va_end(args);
}

void
say_raw(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay(isatty(STDERR_FILENO) ? "\r\n" : "\n", format, args);
	va_end(args);
}

void
say_refusal(const char *format, ...)
{
	char line[sizeof(support_text) + 32];
	va_list args;
	int len;

	va_start(args, format);
	vsay("\n", format, args);
	va_end(args);
	if (support_text[0] == '\0')
		return;
	len = snprintf(line, sizeof(line), "enscale: Help: %s\n", support_text);
	write_line(line, (size_t)len);
}
