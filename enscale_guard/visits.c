/* See visits.h. It refuses to read more than it could have written. */
#include <config.h>

#include "enscale_guard/visits.h"

#include <dirent.h>
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
#include "common/base/text.h"
#include "common/base/write_all.h"
#include "common/names/login_name.h"
#include "enscale_guard/log.h"

#define NAME_SIZE  24 /* "123456789.new" */
#define VISIT_SIZE 64 /* SESSION.PID.START */
#define LINE_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)
#define KEPT_MAX   (VISITS_FILE_MAX / 4 * 3) /* after some had to go */
#define COST_BYTES (16 * 1024)               /* that cost one point to read */
#define TIDY_STEP  256                       /* files that are looked at */

struct visits {
	int folder;  /* owned */
	DIR *tidied; /* owned; how far visits_tidy() has come; NULL: all over */
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
	if (visits->tidied != NULL)
		closedir(visits->tidied);
	close(visits->folder);
	free(visits);
}

static void
format_name(uint32_t owner, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 "%s", owner, suffix);
}

/* ---- reading ------------------------------------------------------------- */

struct reading {
	json_t *visits; /* an array; "inside": its end was not read */
	json_t *open;   /* those by name, while it reads */
};

static void
forget_reading(struct reading *reading)
{
	json_decref(reading->visits);
	json_decref(reading->open);
}

#define AUTO_READING AUTO(forget_reading)

/* The end is told by a line behind. */
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

/* Of those that were kept when others went the end may stand in the same line.
 */
static void
take_begin(struct reading *reading, const char *name, json_t *line)
{
	const json_int_t since = (json_int_t)time(NULL) - VISITS_SECONDS;

	if (!json_is_string(json_object_get(line, "environment")) ||
	    json_integer_value(json_object_get(line, "time")) < since)
		return;
	json_array_append(reading->visits, line);
	if (json_object_get(line, "seconds") == NULL)
		json_object_set(reading->open, name, line);
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

static int
read_text(const struct visits *visits, uint32_t owner, char **ret_text)
{
	AUTO_FREE char *text = malloc(VISITS_FILE_MAX + 1);
	char name[NAME_SIZE];
	AUTO_FD int fd = -1;
	ssize_t len;

	format_name(owner, "", name);
	fd = openat(visits->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (text == NULL)
		return -ENOMEM;
	len = read(fd, text, VISITS_FILE_MAX);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	*ret_text = text;
	text = NULL;
	return 0;
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

/* Fills what was empty. 0, also when there is nothing yet, or -errno. */
static int
read_visits(const struct visits *visits, uint32_t owner,
    struct reading *reading)
{
	AUTO_FREE char *text = NULL;
	char *rest, *line;
	const char *name;
	json_t *visit;
	int r;

	reading->visits = json_array();
	reading->open = json_object();
	if (reading->visits == NULL || reading->open == NULL)
		return -ENOMEM;
	r = read_text(visits, owner, &text);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			take_line(reading, line);
	json_object_foreach(reading->open, name, visit)
		json_object_set_new(visit, "inside",
		    json_boolean(is_inside(name)));
	return 0;
}

/* ---- making room --------------------------------------------------------- */

struct row {
	json_t *visit; /* borrowed; NULL: it goes */
	json_int_t account;
	size_t size;  /* bytes, about */
	size_t share; /* of all that its account has here */
	bool inside;
};

static void
count_shares(struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			if (rows[j].account == rows[i].account)
				rows[i].share += rows[j].size;
}

/* The oldest of whoever has the most; NULL: none of these. */
static struct row *
find_next(struct row *rows, size_t count, bool inside)
{
	struct row *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (rows[i].visit != NULL && rows[i].inside == inside &&
		    (found == NULL || rows[i].share > found->share))
			found = &rows[i];
	return found;
}

static void
drop(struct row *rows, size_t count, struct row *row)
{
	row->visit = NULL;
	for (size_t i = 0; i < count; i++)
		if (rows[i].account == row->account)
			rows[i].share -= row->size;
}

/* However often somebody comes, only his own visits make room for them, unless
 * others have as many. Who is still inside stays as long as there is another. */
static void
choose(struct row *rows, size_t count, size_t size)
{
	struct row *row;

	count_shares(rows, count);
	while (size > KEPT_MAX) {
		row = find_next(rows, count, false);
		if (row == NULL)
			row = find_next(rows, count, true);
		if (row == NULL)
			return;
		size -= row->size;
		drop(rows, count, row);
	}
}

static int
write_rows(int fd, const struct row *rows, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		AUTO_FREE char *line = NULL;
		size_t len;

		if (rows[i].visit == NULL)
			continue;
		json_object_del(rows[i].visit, "inside");
		line = json_dumps(rows[i].visit, LINE_FLAGS);
		if (line == NULL)
			return -ENOMEM;
		len = strlen(line);
		line[len] = '\n'; /* over the NUL */
		r = write_all(fd, line, len + 1);
	}
	return r;
}

static int
replace_file(const struct visits *visits, uint32_t owner,
    const struct row *rows, size_t count)
{
	char name[NAME_SIZE], next[NAME_SIZE];
	AUTO_FD int fd = -1;
	int r;

	format_name(owner, "", name);
	format_name(owner, ".new", next);
	fd = openat(visits->folder, next,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_rows(fd, rows, count);
	if (r == 0 && renameat(visits->folder, next, visits->folder, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(visits->folder, next, 0);
	return r;
}

static int
shrink(const struct visits *visits, uint32_t owner)
{
	AUTO_READING struct reading reading = { NULL, NULL };
	AUTO_FREE struct row *rows = NULL;
	size_t count, size = 0, i;
	json_t *visit;
	int r;

	r = read_visits(visits, owner, &reading);
	if (r < 0)
		return r;
	count = json_array_size(reading.visits);
	rows = calloc(count + 1, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	json_array_foreach(reading.visits, i, visit) {
		rows[i] = (struct row){ .visit = visit,
			.account = json_integer_value(
			    json_object_get(visit, "account")),
			.size = json_dumpb(visit, NULL, 0, LINE_FLAGS) + 1,
			.inside = json_is_true(
			    json_object_get(visit, "inside")) };
		size += rows[i].size;
	}
	choose(rows, count, size);
	return replace_file(visits, owner, rows, count);
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

static int
make_room(const struct visits *visits, uint32_t owner, size_t len)
{
	char name[NAME_SIZE];
	struct stat st;

	format_name(owner, "", name);
	if (fstatat(visits->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return st.st_size + (off_t)len > VISITS_FILE_MAX ? shrink(visits, owner)
	                                                 : 0;
}

static int
add_text(const struct visits *visits, uint32_t owner, const char *line,
    size_t len)
{
	char name[NAME_SIZE];
	AUTO_FD int fd = -1;
	int r;

	r = make_room(visits, owner, len);
	if (r < 0)
		return r;
	format_name(owner, "", name);
	fd = openat(visits->folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : append(fd, line, len);
}

/* Takes the object over. */
static void
add_line(struct visits *visits, uint32_t owner, json_t *object)
{
	AUTO_FREE char *line = object != NULL ? json_dumps(object, LINE_FLAGS)
	                                      : NULL;
	size_t len;
	int r = -ENOMEM;

	json_decref(object);
	if (line != NULL) {
		len = strlen(line);
		line[len] = '\n'; /* over the NUL */
		r = add_text(visits, owner, line, len + 1);
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
	char command[VISIT_COMMAND_MAX + 1];

	if (visits == NULL || place->owner == 0)
		return;
	/* The audit log has all of it. */
	(void)text_printable(what->command, command, sizeof(command));
	add_line(visits, place->owner,
	    json_pack("{s:o, s:I, s:I, s:s, s:I, s:s, s:s*, s:s*, s:b}",
	        "visit", name_visit(session, ssh), "time",
	        (json_int_t)time(NULL), "account", (json_int_t)session->account,
	        "environment", place->environment, "node", (json_int_t)node,
	        "address", session->address, "command", text_or_null(command),
	        "subsystem", text_or_null(what->subsystem), "terminal",
	        what->terminal));
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

/* ---- for the owner ------------------------------------------------------- */

uint32_t
visits_cost(const struct visits *visits, uint32_t owner)
{
	char name[NAME_SIZE];
	struct stat st;

	format_name(owner, "", name);
	if (visits == NULL ||
	    fstatat(visits->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_size < VISITS_FILE_MAX
	    ? (uint32_t)(st.st_size / COST_BYTES)
	    : VISITS_FILE_MAX / COST_BYTES;
}

/* The name itself is nobody's business. */
static json_t *
choose_environment(const json_t *visits, const char *environment)
{
	json_t *list = json_array(), *visit;
	size_t i;

	json_array_foreach(visits, i, visit) {
		json_object_del(visit, "visit");
		if (environment == NULL ||
		    strcmp(environment,
		        json_string_value(
		            json_object_get(visit, "environment"))) == 0)
			json_array_append(list, visit);
	}
	return list;
}

json_t *
visits_list(const struct visits *visits, uint32_t owner,
    const char *environment)
{
	AUTO_READING struct reading reading = { NULL, NULL };
	int r;

	if (visits == NULL)
		return json_array();
	r = read_visits(visits, owner, &reading);
	if (r == -ENOMEM)
		return NULL;
	if (r < 0)
		log_warning("cannot read who entered an environment of "
		            "account %u: %s",
		    owner, error_text(r));
	return choose_environment(reading.visits, environment);
}

/* ---- what nobody can ask for any more ------------------------------------- */

/* Also a file that is no owner's, as a guard that was killed leaves it. */
static bool
is_over(const struct visits *visits, const struct view *view, const char *name)
{
	struct account_record account;
	struct stat st;
	uint32_t owner;

	if (parse_u32(name, ACCOUNT_ID_MAX, &owner) != 0 ||
	    view_find_account(view, owner, &account) == ENS_E_NOTFOUND)
		return true;
	return fstatat(visits->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - VISITS_SECONDS;
}

static DIR *
open_names(const struct visits *visits)
{
	int fd = openat(visits->folder, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

	if (names == NULL && fd >= 0)
		close(fd);
	return names;
}

bool
visits_tidy(struct visits *visits, const struct view *view)
{
	const struct dirent *entry;

	if (visits->tidied == NULL)
		visits->tidied = open_names(visits);
	if (visits->tidied == NULL)
		return false;
	for (int i = 0; i < TIDY_STEP; i++) {
		entry = readdir(visits->tidied);
		if (entry == NULL) {
			closedir(visits->tidied);
			visits->tidied = NULL;
			return false;
		}
		if (entry->d_name[0] != '.' &&
		    is_over(visits, view, entry->d_name))
			(void)unlinkat(visits->folder, entry->d_name, 0);
	}
	return true;
}
