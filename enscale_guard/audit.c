/* Appending to the audit log. It never delays an event, and never stops a
 * session because the disk is full: then the operator's log gets the line. */
#include <config.h>

#include "enscale_guard/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/local_socket.h"
#include "common/base/text.h"
#include "common/keys/fingerprint_text.h"
#include "enscale_guard/log.h"
#include "enscale_guard/node_place.h"

#define AUDIT_MODE      0640
#define AUDIT_TIME_SIZE 32
#define AUDIT_COMPACT   (JSON_COMPACT | JSON_ENSURE_ASCII)
#define AUDIT_HOST_MAX  64

struct audit {
	char *path;
	int fd;
	bool is_torn; /* the file ends in a part of a line */
	/* Lines that could not be written since the last that could, and why.
	 */
	int64_t lost;
	int error;
	const char *syslog_path; /* borrowed; NULL: not there */
	int syslog_fd;           /* -1: not connected */
	char host[AUDIT_HOST_MAX + 1];
	struct view *const *view; /* borrowed; NULL: it is not known */
};

static int
open_file(const char *path)
{
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
	    AUDIT_MODE);

	return fd < 0 ? -errno : fd;
}

/* As a power failure or a full disk leaves it. A file that came later than the
 * one that was there at the start cannot be read (confinement.h): it is taken to
 * be whole. */
static bool
ends_in_a_part(const char *path, const struct stat *st)
{
	AUTO_FD int fd = -1;
	char last;

	if (!S_ISREG(st->st_mode) || st->st_size == 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && pread(fd, &last, 1, st->st_size - 1) == 1 &&
	    last != '\n';
}

/* fd is the audit's from now on. What is known of the file stays known when it
 * is the same one. */
static void
take_file(struct audit *audit, int fd)
{
	struct stat before, now;

	if (fstat(fd, &now) != 0)
		audit->is_torn = true;
	else if (audit->fd < 0 || fstat(audit->fd, &before) != 0 ||
	    before.st_dev != now.st_dev || before.st_ino != now.st_ino)
		audit->is_torn = ends_in_a_part(audit->path, &now);
	cleanup_fd(&audit->fd);
	audit->fd = fd;
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
	audit->fd = -1;
	take_file(audit, fd);
	audit->syslog_fd = -1;
	(void)gethostname(audit->host, AUDIT_HOST_MAX);
	*ret_audit = audit;
	return 0;
}

int
audit_reopen(struct audit *audit)
{
	int fd = open_file(audit->path);

	if (fd < 0)
		return fd;
	take_file(audit, fd);
	return 0;
}

void
audit_close(struct audit *audit)
{
	if (audit == NULL)
		return;
	close(audit->fd);
	cleanup_fd(&audit->syslog_fd);
	free(audit->path);
	free(audit);
}

void
audit_look_up_in(struct audit *audit, struct view *const *view)
{
	audit->view = view;
}

void
audit_use_syslog(struct audit *audit, const char *path)
{
	audit->syslog_path = path;
	cleanup_fd(&audit->syslog_fd);
	audit->syslog_fd = -1;
}

/* ---- one line ------------------------------------------------------------ */

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

/* Text of users and of the directory may be anything. */
static json_t *
to_json(const char *text)
{
	AUTO_FREE char *shown = text_copy_printable(text);

	return shown != NULL ? json_string(shown) : NULL;
}

static const struct view *
view_of(const struct audit *audit)
{
	return audit->view != NULL ? *audit->view : NULL;
}

static void
add_key_title(const struct audit *audit, const struct session *session,
    json_t *line)
{
	const struct view *view = view_of(audit);
	struct key_record key;

	if (view != NULL &&
	    view_find_key(view, session->account, session->fingerprint, &key) ==
	        0)
		json_object_set_new(line, "key_title", to_json(key.title));
}

static void
add_session(const struct audit *audit, const struct session *session,
    json_t *line)
{
	static const uint8_t none[SHA256_LEN];
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];

	json_object_set_new(line, "session", json_string(session->id));
	json_object_set_new(line, "account", json_integer(session->account));
	if (memcmp(session->fingerprint, none, SHA256_LEN) != 0) {
		fingerprint_format_sha256(session->fingerprint, fingerprint);
		json_object_set_new(line, "key", json_string(fingerprint));
		add_key_title(audit, session, line);
	}
	json_object_set_new(line, "address", json_string(session->address));
	if (session->port != 0)
		json_object_set_new(line, "port", json_integer(session->port));
	if (session->node != 0)
		json_object_set_new(line, "node", json_integer(session->node));
}

/* The texts are borrowed from the view. */
static void
look_up_place(const struct audit *audit, const struct session *session,
    struct audit_fields *fields)
{
	const struct node_place place = node_place_find(view_of(audit),
	    fields->node, session != NULL ? session->account : 0);

	fields->environment = place.environment;
	fields->system_user = place.system_user;
	fields->owner = place.owner;
	fields->role = place.role;
}

enum type {
	TYPE_TEXT,
	TYPE_NUMBER,
	TYPE_FLAG,
	TYPE_ID,
	TYPE_CODE,
	TYPE_OBJECT,
};

static const struct audit_column {
	const char *name;
	enum type type;
	size_t at;
} rows[AUDIT_FIELD_COUNT] = {
#define FIELD(BIT, member, TYPE) \
	{ #member, TYPE_##TYPE, offsetof(struct audit_fields, member) },
	AUDIT_FIELDS(FIELD)
#undef FIELD
};

/* NULL: it is left out. */
static json_t *
value_of(const struct audit_column *row, const struct audit_fields *fields)
{
	const void *at = (const char *)fields + row->at;

	switch (row->type) {
	case TYPE_TEXT:
		return *(const char *const *)at != NULL
		    ? to_json(*(const char *const *)at)
		    : NULL;
	case TYPE_NUMBER:
		return json_integer(*(const int64_t *)at);
	case TYPE_FLAG:
		return json_boolean(*(const bool *)at);
	case TYPE_ID:
		return *(const uint32_t *)at != 0
		    ? json_integer(*(const uint32_t *)at)
		    : NULL;
	case TYPE_CODE:
		return *(const int64_t *)at >= 0
		    ? json_integer(*(const int64_t *)at)
		    : NULL;
	case TYPE_OBJECT:
		return json_incref(*(json_t *const *)at);
	}
	return NULL;
}

static void
add_fields(uint64_t wanted, const struct audit_fields *fields, json_t *line)
{
	for (int i = 0; i < AUDIT_FIELD_COUNT; i++)
		if ((wanted & UINT64_C(1) << i) != 0)
			json_object_set_new(line, rows[i].name,
			    value_of(&rows[i], fields));
}

static char *
format_line(const struct audit *audit, enum audit_event event,
    const struct session *session, const struct audit_fields *given)
{
	const struct audit_event_row *row = &audit_event_rows[event];
	struct audit_fields fields = { .exit = -1 };
	AUTO_JSON json_t *line = json_object();
	char time[AUDIT_TIME_SIZE];

	if (given != NULL)
		fields = *given;
	if ((row->fields & AUDIT_HAS(ENVIRONMENT)) != 0)
		look_up_place(audit, session, &fields);
	format_time(time);
	json_object_set_new(line, "time", json_string(time));
	json_object_set_new(line, "gateway", json_string(audit->host));
	json_object_set_new(line, "event", json_string(row->name));
	if (session != NULL)
		add_session(audit, session, line);
	add_fields(row->fields, &fields, line);
	return line != NULL ? json_dumps(line, AUDIT_COMPACT) : NULL;
}

/* ---- the file ------------------------------------------------------------ */

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

/* The same of a text without its line end, which it puts over the NUL. */
static int
append_text(struct audit *audit, char *text)
{
	const size_t len = strlen(text);
	int r;

	text[len] = '\n';
	r = append(audit, text, len + 1);
	text[len] = '\0';
	return r;
}

/* How many are missing before the next, if there are any. */
static int
tell_lost(struct audit *audit)
{
	const struct audit_fields fields = { .count = audit->lost,
		.reason = error_text(audit->error) };
	AUTO_FREE char *text = NULL;
	int r;

	if (audit->lost == 0)
		return 0;
	text = format_line(audit, AUDIT_EVENT_LINES_LOST, NULL, &fields);
	r = text != NULL ? append_text(audit, text) : -ENOMEM;
	if (r == 0)
		audit->lost = 0;
	return r;
}

/* ---- the system's log ---------------------------------------------------- */

static void
send_to_syslog(struct audit *audit, const char *text)
{
	char head[64];
	struct iovec parts[2];

	if (audit->syslog_path == NULL)
		return;
	snprintf(head, sizeof(head),
	    "<%d>enscale-guard[%d]: ", LOG_AUTHPRIV | LOG_INFO, (int)getpid());
	parts[0] = (struct iovec){ .iov_base = head, .iov_len = strlen(head) };
	parts[1].iov_len = strlen(text);
	memcpy(&parts[1].iov_base, &text, sizeof(text)); /* only read */
	/* Once more, when whoever listens there was restarted. */
	for (int i = 0; i < 2; i++) {
		const struct msghdr message = { .msg_iov = parts,
			.msg_iovlen = 2 };

		if (audit->syslog_fd < 0)
			audit->syslog_fd = local_socket_connect(
			    audit->syslog_path, SOCK_DGRAM, 0);
		if (audit->syslog_fd < 0)
			return;
		if (sendmsg(audit->syslog_fd, &message,
		        MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
		    errno == EAGAIN)
			return;
		cleanup_fd(&audit->syslog_fd);
		audit->syslog_fd = -1;
	}
}

void
audit_event(struct audit *audit, enum audit_event event,
    const struct session *session, const struct audit_fields *fields)
{
	AUTO_FREE char *text = NULL;
	int r;

	if (audit == NULL)
		return;
	text = format_line(audit, event, session, fields);
	if (text == NULL) {
		audit->lost++;
		audit->error = -ENOMEM;
		log_error(
		    "audit: event \"%s\" of session \"%s\" is lost: no memory",
		    audit_event_rows[event].name,
		    session != NULL ? session->id : "-");
		return;
	}
	send_to_syslog(audit, text);
	r = tell_lost(audit);
	if (r == 0)
		r = append_text(audit, text);
	if (r == 0)
		return;
	audit->lost++;
	audit->error = r;
	log_error("audit: cannot append to \"%s\": %s: %s", audit->path,
	    error_text(r), text);
}
