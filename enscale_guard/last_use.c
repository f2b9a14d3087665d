/* See last_use.h. Refuses to report what it could not have written. */
#include <config.h>

#include "enscale_guard/last_use.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

#define ACCOUNTS_A_FILE 65536U
#define LOGINS          2
#define NAME_SIZE       16

struct last_use {
	int folder; /* owned */
};

/* In the machine's own byte order: the file never leaves it. */
struct row {
	uint32_t node;
	uint32_t reserved;
	struct {
		int64_t opened;
		char address[48];
	} logins[LOGINS]; /* the latest first */
	uint64_t padding;
};

_Static_assert(sizeof(struct row) == 128, "rows keep their places");
_Static_assert(sizeof(((struct last_login *)0)->address) <= 48, "it fits");

int
last_use_open(const char *folder, struct last_use **ret_last)
{
	struct last_use *last;
	int fd;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	last = calloc(1, sizeof(*last));
	if (last == NULL) {
		close(fd);
		return -ENOMEM;
	}
	last->folder = fd;
	*ret_last = last;
	return 0;
}

void
last_use_close(struct last_use *last)
{
	if (last == NULL)
		return;
	close(last->folder);
	free(last);
}

/* The file of an account, and its place there. */
static int
open_file(const struct last_use *last, uint32_t account, int flags,
    off_t *ret_at)
{
	char name[NAME_SIZE];
	int fd;

	snprintf(name, sizeof(name), "%04x", account / ACCOUNTS_A_FILE);
	fd = openat(last->folder, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	*ret_at = (off_t)(account % ACCOUNTS_A_FILE) *
	    (off_t)sizeof(struct row);
	return fd < 0 ? -errno : fd;
}

static bool
is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_sound(const struct row *row)
{
	int i;

	if (row->node > NODE_ID_MAX)
		return false;
	for (i = 0; i < LOGINS; i++) {
		if (row->logins[i].opened == 0)
			continue;
		if (row->logins[i].opened < 0 ||
		    memchr(row->logins[i].address, '\0',
		        ADDRESS_TEXT_MAX + 1) == NULL ||
		    !is_address(row->logins[i].address))
			return false;
	}
	return true;
}

/* A row that is missing or beyond the end is empty. */
static int
read_row(int fd, off_t at, struct row *ret_row)
{
	struct row row = { 0 };

	if (pread(fd, &row, sizeof(row), at) < 0)
		return -errno;
	if (!is_sound(&row))
		return ENS_E_CORRUPT;
	*ret_row = row;
	return 0;
}

/* Reads the row for a change; a broken one is reset. */
static int
open_row(const struct last_use *last, uint32_t account, struct row *ret_row,
    off_t *ret_at)
{
	int fd, r;

	fd = open_file(last, account, O_RDWR | O_CREAT, ret_at);
	if (fd < 0)
		return fd;
	r = read_row(fd, *ret_at, ret_row);
	if (r < 0)
		memset(ret_row, 0, sizeof(*ret_row));
	return fd;
}

/* Aligned, and less than a page: whole or not there. */
static int
write_row(int fd, off_t at, const struct row *row)
{
	ssize_t n = pwrite(fd, row, sizeof(*row), at);

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*row) ? 0 : -EIO;
}

/* A clock that was ahead for a while must not hide later logins until that time
 * has come. */
static void
forget_the_future(struct row *row)
{
	const time_t now = time(NULL);

	for (int i = 0; i < LOGINS && row->logins[0].opened > now; i++) {
		row->logins[0] = row->logins[1];
		memset(&row->logins[1], 0, sizeof(row->logins[1]));
	}
}

int
last_use_login(struct last_use *last, uint32_t account, int64_t opened,
    const char *address)
{
	AUTO_FD int fd = -1;
	struct row row;
	off_t at;

	if (!is_address(address))
		return ENS_E_SYNTAX;
	fd = open_row(last, account, &row, &at);
	if (fd < 0)
		return fd;
	forget_the_future(&row);
	if (opened <= row.logins[0].opened)
		return 0;
	row.logins[1] = row.logins[0];
	memset(&row.logins[0], 0, sizeof(row.logins[0]));
	row.logins[0].opened = opened;
	snprintf(row.logins[0].address, sizeof(row.logins[0].address), "%s",
	    address);
	return write_row(fd, at, &row);
}

int
last_use_enter(struct last_use *last, uint32_t account, uint32_t node)
{
	AUTO_FD int fd = -1;
	struct row row;
	off_t at;

	fd = open_row(last, account, &row, &at);
	if (fd < 0)
		return fd;
	if (row.node == node)
		return 0;
	row.node = node;
	return write_row(fd, at, &row);
}

int
last_use_find(struct last_use *last, uint32_t account, int64_t before,
    struct last_login *ret_login, uint32_t *ret_node)
{
	struct last_login login = { 0 };
	struct row row = { 0 };
	AUTO_FD int fd = -1;
	off_t at;
	int i, r = 0;

	fd = open_file(last, account, O_RDONLY, &at);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0)
		r = read_row(fd, at, &row);
	if (r < 0)
		return r;
	for (i = LOGINS - 1; i >= 0; i--) {
		if (row.logins[i].opened == 0 || row.logins[i].opened >= before)
			continue;
		login.opened = row.logins[i].opened;
		snprintf(login.address, sizeof(login.address), "%.*s",
		    ADDRESS_TEXT_MAX, row.logins[i].address);
	}
	if (ret_login != NULL)
		*ret_login = login;
	if (ret_node != NULL)
		*ret_node = row.node;
	return 0;
}
