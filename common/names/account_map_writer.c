/*
 * Writing the account map. Readers are in every process and ask no lock, so
 * every change is one pwrite(2) of one byte: a bit, a flag, or a limit that
 * is chosen so that only one of its bytes changes. Nothing is ever stored
 * through a mapping (a full disk would be SIGBUS) and the file never shrinks.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "common/names/account_map.h"

struct account_map_writer {
	int fd;
	int lock_fd;
	const struct account_map *map; /* what readers see, for our own reads */
};

static int
pwrite_all(int fd, const void *data, size_t len, off_t at)
{
	const uint8_t *from = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Writes the bytes of a header field that differ; at most one may. */
static int
put_field(int fd, uint32_t old, uint32_t new, size_t field)
{
	uint8_t was[sizeof(old)], is[sizeof(new)];

	memcpy(was, &old, sizeof(was));
	memcpy(is, &new, sizeof(is));
	for (size_t i = 0; i < sizeof(is); i++) {
		if (was[i] != is[i])
			return pwrite_all(fd, &is[i], 1, (off_t)(field + i));
	}
	return 0;
}

static off_t
size_for(uint32_t limit)
{
	if (limit > ACCOUNT_ID_MAX)
		limit = ACCOUNT_ID_MAX + 1;
	return (off_t)ACCOUNT_MAP_BITS_AT + (off_t)(limit / 8);
}

/*
 * The next limit above the account that differs from this one in one byte.
 * Up to the next multiple of 2^24 it rises in steps; from there on the step
 * is 2^24, which costs 2 MiB once in a while and spares the readers a half
 * written number. It may pass the last id: readers look no further than
 * that, nor does the file.
 */
static uint32_t
next_limit(uint32_t limit, uint32_t account)
{
	const uint32_t low = (1U << 24) - 1;
	uint32_t step = ACCOUNT_MAP_GROW_IDS;
	uint32_t next = (account / step + 1) * step;

	if ((next & ~low) == (limit & ~low))
		return next;
	next = (account & ~low) | (limit & low);
	return next > account ? next : next + low + 1;
}

static int
grow(struct account_map_writer *writer, uint32_t account)
{
	struct account_map_header header;
	uint32_t next;
	int r;

	if (pread(writer->fd, &header, sizeof(header), 0) !=
	    (ssize_t)sizeof(header))
		return -EIO;
	if (account < header.limit)
		return 0;
	next = next_limit(header.limit, account);
	/* It returns the error; blocks first, so that no hole lies below. */
	r = posix_fallocate(writer->fd, 0, size_for(next));
	if (r != 0)
		return -r;
	return put_field(writer->fd, header.limit, next,
	    offsetof(struct account_map_header, limit));
}

static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	AUTO_FD int fd = -1;

	if (slash == NULL)
		slash = path;
	if ((size_t)snprintf(folder, sizeof(folder), "%.*s/.",
	        (int)(slash - path), path) >= sizeof(folder))
		return -ENAMETOOLONG;
	fd = open(slash == path && *path != '/' ? "." : folder,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

/* An empty map under this name, finished and synced. */
static int
make(const char *path, uint32_t uid_base, uint32_t flags)
{
	struct account_map_header header = {
		.version = ACCOUNT_MAP_VERSION,
		.uid_base = uid_base,
		.limit = ACCOUNT_MAP_GROW_IDS,
		.flags = flags,
	};
	AUTO_FD int fd = -1;
	int r;

	memcpy(header.magic, ACCOUNT_MAP_MAGIC, sizeof(header.magic));
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return -errno;
	r = -posix_fallocate(fd, 0, size_for(header.limit));
	if (r == 0)
		r = pwrite_all(fd, &header, sizeof(header), 0);
	if (r == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
		r = -errno;
	if (r != 0)
		unlink(path);
	return r;
}

/*
 * Marks an old map as retired for its readers: before the rename, since a
 * reader that is never told keeps it for ever, while one that is told too early
 * keeps its answers until the path has the new one.
 */
static void
retire(const char *path)
{
	struct account_map_header header;
	AUTO_FD int fd = -1;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 ||
	    pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.magic, ACCOUNT_MAP_MAGIC, sizeof(header.magic)) != 0)
		return;
	(void)put_field(fd, header.flags, header.flags | ACCOUNT_MAP_RETIRED,
	    offsetof(struct account_map_header, flags));
}

static int
replace(const char *path, uint32_t uid_base, uint32_t flags)
{
	char temporary[PATH_MAX];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >=
	    sizeof(temporary))
		return -ENAMETOOLONG;
	r = make(temporary, uid_base, flags);
	if (r != 0)
		return r;
	retire(path);
	if (rename(temporary, path) != 0) {
		r = -errno;
		unlink(temporary);
		return r;
	}
	return sync_folder(path);
}

static int
lock(const char *path, int *ret_fd)
{
	char name[PATH_MAX];
	int fd;

	if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >=
	    sizeof(name))
		return -ENAMETOOLONG;
	fd = lock_file(AT_FDCWD, name, 0);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* Opens the map at path if it is one of ours as wanted; ENS_E_STALE when it
 * must be replaced. */
static int
open_existing(const char *path, uint32_t uid_base,
    const struct account_map **ret_map)
{
	const struct account_map *map;
	int r;

	r = account_map_open(path, &map);
	if (r == ENS_E_VERSION || r == ENS_E_CORRUPT)
		return ENS_E_STALE;
	if (r != 0)
		return r;
	if (account_map_uid_base(map) != uid_base) {
		account_map_close(map);
		return ENS_E_STALE;
	}
	*ret_map = map;
	return 0;
}

/* The descriptor for writing, mode and flags as they should be. */
static int
open_for_writing(const char *path, uint32_t flags, int *ret_fd)
{
	struct account_map_header header;
	AUTO_FD int fd = -1;
	int r;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fchmod(fd, 0644) != 0)
		return -errno;
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return -EIO;
	r = put_field(fd, header.flags, flags,
	    offsetof(struct account_map_header, flags));
	if (r != 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int
attach(struct account_map_writer *writer, const char *path, uint32_t uid_base,
    uint32_t flags, bool *ret_replaced)
{
	bool stale;
	int r;

	r = lock(path, &writer->lock_fd);
	if (r != 0)
		return r;
	r = open_existing(path, uid_base, &writer->map);
	stale = r == ENS_E_STALE;
	if (stale || r == -ENOENT) {
		r = replace(path, uid_base, flags);
		if (r == 0)
			r = open_existing(path, uid_base, &writer->map);
	}
	if (r == 0)
		r = open_for_writing(path, flags, &writer->fd);
	if (r == 0)
		*ret_replaced = stale;
	return r;
}

int
account_map_create(const char *path, uint32_t uid_base, uint32_t flags,
    struct account_map_writer **ret_writer, bool *ret_replaced)
{
	struct account_map_writer *writer;
	int r;

	if (uid_base < UID_BASE_MIN || uid_base > UID_BASE_MAX ||
	    (flags & ~ACCOUNT_MAP_ENUMERATE) != 0)
		return -EINVAL;
	writer = malloc(sizeof(*writer));
	if (writer == NULL)
		return -ENOMEM;
	*writer = (struct account_map_writer){ .fd = -1, .lock_fd = -1 };
	r = attach(writer, path, uid_base, flags, ret_replaced);
	if (r != 0) {
		account_map_writer_close(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

int
account_map_set(struct account_map_writer *writer, uint32_t account,
    bool exists)
{
	uint8_t bit = (uint8_t)(1U << account % 8);
	off_t at = (off_t)ACCOUNT_MAP_BITS_AT + (off_t)(account / 8);
	uint8_t byte;
	int r;

	if (account == 0 || account > ACCOUNT_ID_MAX)
		return -ERANGE;
	if (account_map_has(writer->map, account) == exists)
		return 0;
	r = grow(writer, account);
	if (r != 0)
		return r;
	if (pread(writer->fd, &byte, 1, at) != 1)
		return -EIO;
	byte = (uint8_t)(exists ? byte | bit : byte & ~bit);
	return pwrite_all(writer->fd, &byte, 1, at);
}

bool
account_map_writer_has(const struct account_map_writer *writer,
    uint32_t account)
{
	return account_map_has(writer->map, account);
}

int
account_map_writer_next(const struct account_map_writer *writer, uint32_t from,
    uint32_t *ret_account)
{
	return account_map_next(writer->map, from, ret_account);
}

void
account_map_writer_close(struct account_map_writer *writer)
{
	if (writer == NULL)
		return;
	account_map_close(writer->map);
	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->lock_fd >= 0)
		close(writer->lock_fd);
	free(writer);
}
