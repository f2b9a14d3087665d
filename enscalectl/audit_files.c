/* See audit_files.h. It never reads half a line: what has no end yet is left
 * until it has. */
#include <config.h>

#include "enscalectl/audit_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/config/config.h"
#include "enscalectl/verb.h"

#define GZIP           "/usr/bin/gzip"
#define PACKED         ".gz"
#define FILES_MAX      1024
#define FOLLOW_SECONDS 0.2

struct log_file {
	char path[CONFIG_PATH_MAX];
	struct timespec written;
};

struct files {
	const char *path;
	void (*visit)(const char *line, void *arg);
	void *arg;
	struct log_file *moved; /* owned */
	size_t count;
	unsigned failed;
};

static void
fail(struct files *files, const char *path, int error)
{
	complain("cannot read \"%s\": %s", path, error_text(error));
	files->failed++;
}

/* ---- which there are ----------------------------------------------------- */

static void
close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

/* "audit.log.1", "audit.log-20261130.gz", "audit.log.2.gz" */
static bool
is_moved(const char *name, const char *base)
{
	const size_t len = strlen(base);

	return strncmp(name, base, len) == 0 &&
	    (name[len] == '.' || name[len] == '-') && name[len + 1] >= '0' &&
	    name[len + 1] <= '9';
}

static void
add_moved(struct files *files, const char *folder, const char *name,
    int64_t since)
{
	struct log_file *file = &files->moved[files->count];
	struct stat st;

	if (files->count == FILES_MAX ||
	    snprintf(file->path, sizeof(file->path), "%s/%s", folder, name) >=
	        (int)sizeof(file->path) ||
	    stat(file->path, &st) != 0 || st.st_mtime < since)
		return;
	file->written = st.st_mtim;
	files->count++;
}

static int
by_time(const void *a, const void *b)
{
	const struct timespec *x = &((const struct log_file *)a)->written;
	const struct timespec *y = &((const struct log_file *)b)->written;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? 1 : -1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static void
find_moved(struct files *files, int64_t since)
{
	char folder[CONFIG_PATH_MAX];
	AUTO(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char *base;

	snprintf(folder, sizeof(folder), "%s", files->path);
	base = strrchr(folder, '/');
	if (base == NULL)
		return;
	*base++ = '\0';
	dir = opendir(folder[0] != '\0' ? folder : "/");
	files->moved = calloc(FILES_MAX, sizeof(*files->moved));
	if (dir == NULL || files->moved == NULL) {
		fail(files, folder, dir == NULL ? -errno : -ENOMEM);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (is_moved(entry->d_name, base))
			add_moved(files, folder, entry->d_name, since);
	qsort(files->moved, files->count, sizeof(*files->moved), by_time);
}

/* ---- reading one --------------------------------------------------------- */

static bool
is_packed(const char *path)
{
	const size_t len = strlen(path);

	return len > strlen(PACKED) &&
	    strcmp(path + len - strlen(PACKED), PACKED) == 0;
}

/* What gzip(1) makes of it, at the reading end of a pipe. */
static FILE *
unpack(int fd, pid_t *ret_pid)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		if (dup2(fd, STDIN_FILENO) >= 0 &&
		    dup2(ends[1], STDOUT_FILENO) >= 0)
			execl(GZIP, "gzip", "-dc", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return NULL;
	}
	*ret_pid = pid;
	return fdopen(ends[0], "r");
}

/* Those that are whole. What is behind them is read again. */
static void
visit_lines(const struct files *files, FILE *in)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, in)) > 0) {
		if (line[len - 1] != '\n') {
			(void)fseeko(in, -len, SEEK_CUR);
			break;
		}
		line[len - 1] = '\0';
		files->visit(line, files->arg);
	}
	clearerr(in);
}

static void
read_moved(struct files *files, const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FILE FILE *in = NULL;
	int status = 0;
	pid_t pid = 0;

	if (fd < 0) {
		fail(files, path, -errno);
		return;
	}
	in = is_packed(path) ? unpack(fd, &pid) : fdopen(TAKE_FD(fd), "r");
	if (in == NULL) {
		fail(files, path, -errno);
		return;
	}
	visit_lines(files, in);
	if (pid > 0 && (waitpid(pid, &status, 0) < 0 || status != 0)) {
		complain("cannot unpack \"%s\"", path);
		files->failed++;
	}
}

/* ---- the last one -------------------------------------------------------- */

static bool
is_still_there(FILE *in, const char *path)
{
	struct stat here, there;

	return fstat(fileno(in), &here) == 0 && stat(path, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static void
wait_a_moment(void)
{
	const struct timespec moment = {
		.tv_nsec = (long)(FOLLOW_SECONDS * 1e9),
	};

	(void)fflush(stdout);
	nanosleep(&moment, NULL);
}

/* False: it is not there. */
static bool
read_last(struct files *files, bool follow)
{
	AUTO_FILE FILE *in = fopen(files->path, "re");
	bool is_there;

	if (in == NULL)
		return false;
	visit_lines(files, in);
	while (follow) {
		wait_a_moment();
		/* Asked first: what is read then is all of what was moved. */
		is_there = is_still_there(in, files->path);
		visit_lines(files, in);
		if (!is_there)
			return true;
	}
	return true;
}

unsigned
audit_files_each(const char *path, int64_t since, bool follow,
    void (*visit)(const char *line, void *arg), void *arg)
{
	struct files files = { .path = path, .visit = visit, .arg = arg };

	find_moved(&files, since);
	for (size_t i = 0; i < files.count; i++)
		read_moved(&files, files.moved[i].path);
	free(files.moved);
	do {
		if (!read_last(&files, follow) && !follow)
			fail(&files, path, -errno);
		else if (follow)
			wait_a_moment();
	} while (follow);
	return files.failed;
}
