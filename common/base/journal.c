/* See journal.h. It refuses lines that concern nobody: by standard error the
 * journal knows whose they are even when the daemon is gone by then. */
#include <config.h>

#include "common/base/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/base/log.h"

#define SOCKET     "/run/systemd/journal/socket" /* libsystemd's */
#define MESSAGE    "MESSAGE="
#define FIELDS_MAX 6
#define FIELD_SIZE 96
#define ID_SIZE    48

struct entry {
	struct iovec parts[FIELDS_MAX + 1];
	char fields[FIELDS_MAX][FIELD_SIZE];
	char message[sizeof(MESSAGE) + LOG_LINE_MAX];
	int count;
};

__attribute__((format(printf, 2, 3))) static void
add(struct entry *entry, const char *format, ...)
{
	char *field = entry->fields[entry->count];
	va_list args;

	va_start(args, format);
	vsnprintf(field, FIELD_SIZE, format, args);
	va_end(args);
	entry->parts[entry->count++] = (struct iovec){ .iov_base = field,
		.iov_len = strlen(field) };
}

static bool
send_line(int priority, const char *text, const struct log_fields *fields)
{
	struct entry entry = { .count = 0 };

	add(&entry, "PRIORITY=%d", priority);
	add(&entry, "SYSLOG_IDENTIFIER=%s", program_invocation_short_name);
	if (fields->session != NULL && fields->session[0] != '\0')
		add(&entry, "ENSCALE_SESSION=%s", fields->session);
	if (fields->account != 0)
		add(&entry, "ENSCALE_ACCOUNT=%" PRIu32, fields->account);
	if (fields->node != 0)
		add(&entry, "ENSCALE_NODE=%" PRIu32, fields->node);
	if (fields->verdict != NULL)
		add(&entry, "ENSCALE_VERDICT=%s", fields->verdict);
	snprintf(entry.message, sizeof(entry.message), MESSAGE "%s", text);
	entry.parts[entry.count] = (struct iovec){ .iov_base = entry.message,
		.iov_len = strlen(entry.message) };
	return sd_journal_sendv(entry.parts, entry.count + 1) >= 0;
}

/* JOURNAL_STREAM names what systemd has connected; it may have been redirected
 * since. */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char id[ID_SIZE];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(id, sizeof(id), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, id) == 0;
}

void
journal_begin(void)
{
	/* Without the socket libsystemd would drop the lines, and not say so. */
	if (stderr_is_journal() && access(SOCKET, W_OK) == 0)
		log_to(send_line);
}
