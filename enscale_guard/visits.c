/* See visits.h. It refuses to read more than it could have written. */
#include <config.h>

#include "enscale_guard/visits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/names/login_name.h"
#include "enscale_guard/log.h"

#define NAME_SIZE  24 /* "123456789.old" */
#define VISIT_SIZE 64 /* SESSION.PID.START */
#define LINE_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

struct visits {
	int folder; /* owned */
};

int
visits_open(const char *folder, struct visits **ret_visits)
{
	struct visits *visits;
	AUTO_FD int fd = -1;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	visits = calloc(1, sizeof(*visits));
	if (visits == NULL)
		return -ENOMEM;
	visits->folder = TAKE_FD(fd);
	*ret_visits = visits;
	return 0;
}

void
visits_close(struct visits *visits)
{
	if (visits == NULL)
		return;
	close(visits->folder);
	free(visits);
}

static void
format_name(uint32_t owner, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 "%s", owner, suffix);
}

/* ---- writing ------------------------------------------------------------- */

/* Never half a line: what is there of one is taken back. */
static int
append(int fd, const char *line, size_t len)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	n = write(fd, line, len);
	if (n == (ssize_t)len)
		return 0;
	if (n > 0 && ftruncate(fd, st.st_size) < 0)
		return -errno;
	return n < 0 ? -errno : -ENOSPC;
}

static void
make_room(const struct visits *visits, uint32_t owner, size_t len)
{
	char name[NAME_SIZE], older[NAME_SIZE];
	struct stat st;

	format_name(owner, "", name);
	format_name(owner, ".old", older);
	if (fstatat(visits->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size + (off_t)len > VISITS_FILE_MAX)
		(void)renameat(visits->folder, name, visits->folder, older);
}

/* Takes the object over. */
static void
add_line(struct visits *visits, uint32_t owner, json_t *object)
{
	AUTO_FREE char *line = object != NULL ? json_dumps(object, LINE_FLAGS)
	                                      : NULL;
	char name[NAME_SIZE];
	AUTO_FD int fd = -1;
	size_t len;
	int r = -ENOMEM;

	json_decref(object);
	if (line != NULL) {
		len = strlen(line);
		line[len] = '\n'; /* over the NUL */
		make_room(visits, owner, len + 1);
		format_name(owner, "", name);
		fd = openat(visits->folder, name,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		r = fd < 0 ? -errno : append(fd, line, len + 1);
	}
	if (r < 0)
		log_warning("cannot keep who entered an environment of "
		            "account %u: %s",
		    owner, error_text(r));
}

static json_t *
name_visit(const struct session *session, const struct process *ssh)
{
	return json_sprintf("%s.%d.%" PRIu64, session->id, (int)ssh->pid,
	    ssh->start);
}

static const char *
text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

void
visits_begin(struct visits *visits, const struct session *session,
    uint32_t node, const struct node_place *place, const struct hop_what *what,
    const struct process *ssh)
{
	if (visits == NULL || place->owner == 0)
		return;
	add_line(visits, place->owner,
	    json_pack("{s:o, s:I, s:I, s:s, s:I, s:s, s:s*, s:s*, s:b}",
	        "visit", name_visit(session, ssh), "time",
	        (json_int_t)time(NULL), "account", (json_int_t)session->account,
	        "environment", place->environment, "node", (json_int_t)node,
	        "address", session->address, "command",
	        text_or_null(what->command), "subsystem",
	        text_or_null(what->subsystem), "terminal", what->terminal));
}

void
visits_end(struct visits *visits, const struct session *session, uint32_t owner,
    const struct process *ssh, int64_t seconds, uint32_t exit)
{
	json_t *line;

	if (visits == NULL || owner == 0)
		return;
	line = json_pack("{s:o, s:I}", "visit", name_visit(session, ssh),
	    "seconds", (json_int_t)seconds);
	if (exit != 0)
		line = json_with(line, "exit",
		    json_integer((json_int_t)exit - 1));
	add_line(visits, owner, line);
}

/* ---- reading ------------------------------------------------------------- */

struct reading {
	const char *environment;
	json_t *visits; /* an array */
	json_t *open;   /* by name: those whose end was not read yet */
};

/* The end is told by the line behind; the name itself is nobody's business. */
static void
take_end(struct reading *reading, const char *name, const json_t *line)
{
	json_t *visit = json_object_get(reading->open, name);

	if (visit == NULL)
		return;
	json_object_set(visit, "seconds", json_object_get(line, "seconds"));
	if (json_object_get(line, "exit") != NULL)
		json_object_set(visit, "exit", json_object_get(line, "exit"));
	json_object_del(reading->open, name);
}

static void
take_begin(struct reading *reading, const char *name, json_t *line)
{
	const char *environment = json_string_value(
	    json_object_get(line, "environment"));
	AUTO_JSON json_t *key = json_string(name);

	if (environment == NULL || key == NULL ||
	    (reading->environment != NULL &&
	        strcmp(reading->environment, environment) != 0))
		return;
	json_object_del(line, "visit");
	json_array_append(reading->visits, line);
	json_object_set(reading->open, json_string_value(key), line);
}

static void
take_line(struct reading *reading, const char *text)
{
	AUTO_JSON json_t *line = json_loads(text, 0, NULL);
	const char *name = json_string_value(json_object_get(line, "visit"));

	if (name == NULL)
		return;
	if (json_object_get(line, "time") != NULL)
		take_begin(reading, name, line);
	else
		take_end(reading, name, line);
}

static void
read_file(const struct visits *visits, uint32_t owner, const char *suffix,
    struct reading *reading)
{
	AUTO_FREE char *text = NULL;
	char name[NAME_SIZE], *rest, *line;
	AUTO_FD int fd = -1;
	ssize_t len;

	format_name(owner, suffix, name);
	fd = openat(visits->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	text = malloc(VISITS_FILE_MAX + 1);
	if (fd < 0 || text == NULL)
		return;
	len = read(fd, text, VISITS_FILE_MAX);
	if (len <= 0)
		return;
	text[len] = '\0';
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			take_line(reading, line);
}

/* "SESSION.PID.START": is that ssh still there? */
static bool
is_inside(const char *name)
{
	char text[VISIT_SIZE], *rest = text;
	const char *pid, *start;
	struct process ssh = { 0 };
	uint32_t number;

	snprintf(text, sizeof(text), "%s", name);
	(void)strsep(&rest, ".");
	pid = strsep(&rest, ".");
	start = rest;
	if (pid == NULL || start == NULL ||
	    parse_u32(pid, INT32_MAX, &number) != 0 ||
	    parse_u64(start, UINT64_MAX, &ssh.start) != 0)
		return false;
	ssh.pid = (pid_t)number;
	return process_is_alive(&ssh);
}

json_t *
visits_list(const struct visits *visits, uint32_t owner,
    const char *environment)
{
	AUTO_JSON json_t *open = json_object();
	struct reading reading = { .environment = environment,
		.visits = json_array(),
		.open = open };
	const char *name;
	json_t *visit;

	if (open == NULL || reading.visits == NULL) {
		json_decref(reading.visits);
		return NULL;
	}
	if (visits != NULL) {
		read_file(visits, owner, ".old", &reading);
		read_file(visits, owner, "", &reading);
	}
	json_object_foreach(open, name, visit)
		json_object_set_new(visit, "inside",
		    json_boolean(is_inside(name)));
	return reading.visits;
}
