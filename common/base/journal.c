/* See journal.h. It never waits for the journal, as libsystemd does, and refuses
 * lines that concern nobody: by standard error the journal knows whose they are
 * even when the daemon is gone by then. */
#include <config.h>

#include "common/base/journal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/local_socket.h"
#include "common/base/log.h"
#include "common/base/wire.h"

#define ENTRY_SIZE  (LOG_LINE_MAX + 1024) /* the other fields are short */
#define NUMBER_SIZE 16
#define ID_SIZE     48

static const char *socket_path;

/*
 * A field as https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ wants it, in the form
 * that says how long the value is: whatever is in it, it begins no other field.
 */
static void
add(struct wire_writer *entry, const char *name, const char *value)
{
	const uint64_t len = htole64(strlen(value));

	wire_write_bytes(entry, name, strlen(name));
	wire_write_u8(entry, '\n');
	wire_write_bytes(entry, &len, sizeof(len));
	wire_write_bytes(entry, value, strlen(value));
	wire_write_u8(entry, '\n');
}

static void
add_number(struct wire_writer *entry, const char *name, uint32_t number)
{
	char value[NUMBER_SIZE];

	snprintf(value, sizeof(value), "%" PRIu32, number);
	add(entry, name, value);
}

static bool
send_line(int priority, const char *text, const struct log_fields *fields)
{
	uint8_t buf[ENTRY_SIZE];
	struct wire_writer entry;

	wire_write_init(&entry, buf, sizeof(buf));
	add_number(&entry, "PRIORITY", (uint32_t)priority);
	add(&entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
	if (fields->session != NULL && fields->session[0] != '\0')
		add(&entry, "ENSCALE_SESSION", fields->session);
	if (fields->account != 0)
		add_number(&entry, "ENSCALE_ACCOUNT", fields->account);
	if (fields->node != 0)
		add_number(&entry, "ENSCALE_NODE", fields->node);
	if (fields->verdict != NULL)
		add(&entry, "ENSCALE_VERDICT", fields->verdict);
	add(&entry, "MESSAGE", text);
	return entry.error == 0 &&
	    local_socket_tell(socket_path, entry.data, entry.len) == 0;
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
journal_begin(const char *path)
{
	socket_path = path;
	if (stderr_is_journal())
		log_to(send_line);
}
