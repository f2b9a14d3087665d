/* See audit_files.h. It never reads half a line: what has no end yet is left
 * until it has. The guard may write in the folder, and root reads: what is no
 * plain file is refused, and what is packed is unpacked by nobody. */
#include <config.h>

#include "enscalectl/audit_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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
#define LINE_MAX_BYTES (256 * 1024) /* far more than the guard writes */
#define NOBODY         65534

struct log_file {
	char path[CONFIG_PATH_MAX];
	struct timespec written;
	dev_t dev;
	ino_t ino;
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
	complain("cannot read \"%s\": %s", path,
	    error == -EINVAL || error == -ELOOP ? "it is no plain file"
	                                        : error_text(error));
	files->failed++;
}

/* Whatever lies there under that name. A descriptor or -errno. */
static int
open_plain(const char *path)
{
	AUTO_FD int fd = open(path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
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
	    lstat(file->path, &st) != 0 || st.st_mtime < since)
		return;
	file->written = st.st_mtim;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	files->count++;
}

static bool
is_packed(const char *path)
{
	const size_t len = strlen(path);

	return len > strlen(PACKED) &&
	    strcmp(path + len - strlen(PACKED), PACKED) == 0;
}

/* While gzip(1) packs a file there are both, and the packed one is not whole. */
static bool
is_being_packed(const struct files *files, const char *path)
{
	const size_t len = strlen(path) - strlen(PACKED);

	if (!is_packed(path))
		return false;
	for (size_t i = 0; i < files->count; i++)
		if (strncmp(files->moved[i].path, path, len) == 0 &&
		    files->moved[i].path[len] == '\0')
			return true;
	return false;
}

/* Was the last one moved away since it was opened? */
static bool
is_last(const struct log_file *file, FILE *last)
{
	struct stat st;

	return last != NULL && fstat(fileno(last), &st) == 0 &&
	    st.st_dev == file->dev && st.st_ino == file->ino;
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

/* It reads what a guard that was taken over may have written. */
static bool
become_nobody(void)
{
	return geteuid() != 0 ||
	    (setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
	        setuid(NOBODY) == 0);
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
		    dup2(ends[1], STDOUT_FILENO) >= 0 && become_nobody())
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

/* One line, without its end; what does not fit into it is left out. False: there
 * is no whole one, and nothing of it was read. */
static bool
read_line(FILE *in, char *line, size_t *ret_len)
{
	off_t read = 0;
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(in)) != EOF && c != '\n') {
		read++;
		if (len < LINE_MAX_BYTES)
			line[len++] = (char)c;
	}
	if (c == EOF) {
		(void)fseeko(in, -read, SEEK_CUR);
		clearerr(in);
		return false;
	}
	line[len] = '\0';
	*ret_len = len;
	return true;
}

/* Those that are whole. What is behind them is read again. */
static void
visit_lines(struct files *files, FILE *in, const char *path)
{
	AUTO_FREE char *line = malloc(LINE_MAX_BYTES + 1);
	size_t len;

	if (line == NULL) {
		fail(files, path, -ENOMEM);
		return;
	}
	while (read_line(in, line, &len))
		files->visit(line, files->arg);
}

static void
read_moved(struct files *files, const char *path)
{
	char packed[CONFIG_PATH_MAX + sizeof(PACKED)];
	AUTO_FD int fd = open_plain(path);
	AUTO_FILE FILE *in = NULL;
	int status = 0;
	pid_t pid = 0;

	if (fd == -ENOENT && !is_packed(path)) { /* it is by now */
		snprintf(packed, sizeof(packed), "%s" PACKED, path);
		path = packed;
		fd = open_plain(path);
	}
	if (fd < 0) {
		fail(files, path, fd);
		return;
	}
	in = is_packed(path) ? unpack(fd, &pid) : fdopen(TAKE_FD(fd), "r");
	if (in == NULL) {
		fail(files, path, -errno);
		return;
	}
	visit_lines(files, in, path);
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

	return fstat(fileno(in), &here) == 0 && lstat(path, &there) == 0 &&
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

/* NULL: it is not there, or no plain file; errno says. */
static FILE *
open_last(const char *path)
{
	const int fd = open_plain(path);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (fd < 0)
		errno = -fd;
	else if (in == NULL)
		close(fd);
	return in;
}

static void
read_last(struct files *files, FILE *in, bool follow)
{
	bool is_there;

	visit_lines(files, in, files->path);
	while (follow) {
		wait_a_moment();
		/* Asked first: what is read then is all of what was moved. */
		is_there = is_still_there(in, files->path);
		visit_lines(files, in, files->path);
		if (!is_there)
			return;
	}
}

static void
read_all_moved(struct files *files, FILE *last)
{
	for (size_t i = 0; i < files->count; i++)
		if (!is_last(&files->moved[i], last) &&
		    !is_being_packed(files, files->moved[i].path))
			read_moved(files, files->moved[i].path);
}

unsigned
audit_files_each(const char *path, int64_t since, bool follow,
    void (*visit)(const char *line, void *arg), void *arg)
{
	struct files files = { .path = path, .visit = visit, .arg = arg };
	/* Before the others are looked for: it may become one of them. */
	FILE *last = open_last(path);

	if (last == NULL && !follow)
		fail(&files, path, -errno);
	find_moved(&files, since);
	read_all_moved(&files, last);
	free(files.moved);
	for (;;) {
		if (last != NULL) {
			read_last(&files, last, follow);
			fclose(last);
		}
		if (!follow)
			return files.failed;
		wait_a_moment();
		last = open_last(path);
	}
}
