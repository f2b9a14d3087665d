/* Appending to the audit log. It never delays an event, and never stops a
 * session because the disk is full: then the operator's log gets the line. */
#include <config.h>

#include "enscale_guard/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "enscale_guard/log.h"

#define AUDIT_MODE      0640
#define AUDIT_TIME_SIZE 32
#define AUDIT_COMPACT   (JSON_COMPACT | JSON_ENSURE_ASCII)

struct audit {
	char *path;
	int fd;
	bool is_torn; /* the file ends in a part of a line */
};

static int
open_file(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
	    AUDIT_MODE);

	return fd < 0 ? -errno : fd;
}

int
audit_open(const char *path, struct audit **ret_audit)
{
	struct audit *audit;
	int fd = open_file(path);

	if (fd < 0)
		return fd;
	audit = calloc(1, sizeof(*audit));
	if (audit != NULL)
		audit->path = strdup(path);
	if (audit == NULL || audit->path == NULL) {
		free(audit);
		close(fd);
		return -ENOMEM;
	}
	audit->fd = fd;
	*ret_audit = audit;
	return 0;
}

int
audit_reopen(struct audit *audit)
{
	int fd = open_file(audit->path);

	if (fd < 0)
		return fd;
	close(audit->fd);
	audit->fd = fd;
	audit->is_torn = false;
	return 0;
}

void
audit_close(struct audit *audit)
{
	if (audit == NULL)
		return;
	close(audit->fd);
	free(audit->path);
	free(audit);
}

static void
format_time(char buf[AUDIT_TIME_SIZE])
{
	struct timespec now;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(buf, AUDIT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buf + len, AUDIT_TIME_SIZE - len, ".%03dZ",
	    (int)(now.tv_nsec / 1000000));
}

static void
add_session(json_t *line, const struct session *session)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];

	fingerprint_format_sha256(session->fingerprint, fingerprint);
	json_object_set_new(line, "session", json_string(session->id));
	json_object_set_new(line, "account", json_integer(session->account));
	json_object_set_new(line, "key", json_string(fingerprint));
	json_object_set_new(line, "address", json_string(session->address));
	if (session->node != 0)
		json_object_set_new(line, "node", json_integer(session->node));
}

static char *
format_line(const char *event, const struct session *session, json_t *fields)
{
	json_t *line = json_object();
	char time[AUDIT_TIME_SIZE];
	char *text;

	format_time(time);
	json_object_set_new(line, "time", json_string(time));
	json_object_set_new(line, "event", json_string(event));
	if (session != NULL)
		add_session(line, session);
	if (fields != NULL)
		json_object_update(line, fields);
	text = line != NULL ? json_dumps(line, AUDIT_COMPACT) : NULL;
	json_decref(line);
	return text;
}

/* Removes the last bytes from the file again. That fails if the file is
 * append-only (chattr(1)): then the next write begins a new line. */
static void
take_back(struct audit *audit, off_t len)
{
	const off_t end = lseek(audit->fd, 0, SEEK_CUR);

	if (end < len || ftruncate(audit->fd, end - len) != 0)
		audit->is_torn = true;
}

/* Writes a whole line or nothing, although a full disk may take a part of it. 0
 * or -errno. */
static int
append(struct audit *audit, char *line, size_t len)
{
	char newline[] = "\n";
	const struct iovec parts[] = {
		{ .iov_base = newline, .iov_len = audit->is_torn },
		{ .iov_base = line, .iov_len = len },
	};
	const ssize_t all = (ssize_t)(parts[0].iov_len + len);
	const ssize_t written = writev(audit->fd, parts, 2);
	const int r = written < 0 ? -errno : -ENOSPC;

	if (written == all) {
		audit->is_torn = false;
		return 0;
	}
	if (written > 0)
		take_back(audit, (off_t)written);
	return r;
}

void
audit_event(struct audit *audit, const char *event,
    const struct session *session, json_t *fields)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int r;

	if (audit == NULL) {
		json_decref(fields);
		return;
	}
	text = format_line(event, session, fields);
	json_decref(fields);
	if (text == NULL) {
		log_error(
		    "audit: event \"%s\" of session \"%s\" is lost: no memory",
		    event, session != NULL ? session->id : "-");
		return;
	}
	len = strlen(text);
	text[len] = '\n'; /* over the NUL: one write is one line */
	r = append(audit, text, len + 1);
	text[len] = '\0';
	if (r < 0)
		log_error("audit: cannot append to \"%s\": %s: %s", audit->path,
		    error_text(r), text);
}
