/* See notice.h. A reader refuses what a writer would not have written. */
#include <config.h>

#include "common/protocol/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/base/write_all.h"
#include "common/names/login_name.h"

#define FILE_MAX 1024

static const char first_line[] = "enscale-notice 1\n";

bool
notice_text_is_valid(const char *text)
{
	return strlen(text) <= NOTICE_TEXT_MAX && text_is_printable(text);
}

/* ---- reading ------------------------------------------------------------ */

/* Takes the line "name value" off the front; NULL when it is not there. */
static const char *
take(char **rest, const char *name)
{
	size_t len = strlen(name);
	char *line = *rest, *end = strchr(line, '\n');

	if (end == NULL || strncmp(line, name, len) != 0 || line[len] != ' ')
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line + len + 1;
}

static bool
take_number(char **rest, const char *name, uint64_t max, uint64_t *ret_value)
{
	const char *value = take(rest, name);

	return value != NULL && parse_u64(value, max, ret_value) == 0;
}

static int
parse(char *rest, struct notice *ret_notice)
{
	struct notice notice = { .since = 0 };
	uint64_t since, uid;
	const char *by, *text;

	if (strncmp(rest, first_line, sizeof(first_line) - 1) != 0)
		return strncmp(rest, first_line, strcspn(first_line, " ")) == 0
		    ? ENS_E_VERSION
		    : ENS_E_CORRUPT;
	rest += sizeof(first_line) - 1;
	if (!take_number(&rest, "since", INT64_MAX, &since) ||
	    !take_number(&rest, "uid", UINT32_MAX, &uid))
		return ENS_E_CORRUPT;
	by = take(&rest, "by");
	text = take(&rest, "text");
	if (by == NULL || strlen(by) > NOTICE_BY_MAX ||
	    !text_is_printable(by) || text == NULL ||
	    !notice_text_is_valid(text) || *rest != '\0')
		return ENS_E_CORRUPT;
	notice.since = (int64_t)since;
	notice.uid = (uid_t)uid;
	memcpy(notice.by, by, strlen(by) + 1);
	memcpy(notice.text, text, strlen(text) + 1);
	*ret_notice = notice;
	return 0;
}

/* root reads what another user wrote: no link, and nothing that waits. */
int
notice_read(const char *path, struct notice *ret_notice)
{
	AUTO_FD int fd = open(path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[FILE_MAX + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? ENS_E_NOTFOUND : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return ENS_E_CORRUPT;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n > FILE_MAX)
		return ENS_E_CORRUPT;
	text[n] = '\0';
	if (strlen(text) != (size_t)n)
		return ENS_E_CORRUPT;
	return parse(text, ret_notice);
}

/* ---- writing ------------------------------------------------------------ */

static int
sync_folder(const char *path)
{
	char folder[PATH_MAX];
	AUTO_FD int fd = -1;
	const char *end = strrchr(path, '/');

	if (end == NULL || (size_t)(end - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(end - path));
	folder[end - path] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int
make_file(const char *path, const char *data, size_t len)
{
	AUTO_FD int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

int
notice_write(const char *path, const struct notice *notice)
{
	char text[FILE_MAX], next[PATH_MAX];
	int len, r;

	if (!notice_text_is_valid(notice->text) ||
	    !text_is_printable(notice->by))
		return ENS_E_SYNTAX;
	if ((size_t)snprintf(next, sizeof(next), "%s.new", path) >=
	    sizeof(next))
		return -ENAMETOOLONG;
	len = snprintf(text, sizeof(text),
	    "%ssince %" PRId64 "\nuid %" PRIu32 "\nby %s\ntext %s\n",
	    first_line, notice->since, (uint32_t)notice->uid, notice->by,
	    notice->text);
	if (len < 0 || (size_t)len >= sizeof(text))
		return ENS_E_LIMIT;
	r = make_file(next, text, (size_t)len);
	if (r == 0 && rename(next, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(next);
		return r;
	}
	return sync_folder(path);
}

int
notice_remove(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_folder(path);
}

/* ---- who is let in nevertheless ----------------------------------------- */

bool
notice_drain_allows(const char *allowed, uint32_t account)
{
	static const char separators[] = ", ";
	char word[LOGIN_DIGITS_MAX + 1];
	uint32_t number;
	size_t len;

	for (; *allowed != '\0'; allowed += len) {
		allowed += strspn(allowed, separators);
		len = strcspn(allowed, separators);
		if (len == 0 || len >= sizeof(word))
			continue;
		memcpy(word, allowed, len);
		word[len] = '\0';
		if (parse_u32(word, ACCOUNT_ID_MAX, &number) == 0 &&
		    number == account)
			return true;
	}
	return false;
}
