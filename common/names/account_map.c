/*
 * Reading the account map, in every process of the host: libc only, no
 * allocation, no lock, no descriptor kept, and no access to a byte at or above
 * the limit.
 */
#include <config.h>

#include "common/names/account_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

#define WORD_BITS 64

struct account_map {
	struct account_map_header header;
};

_Static_assert(sizeof(struct account_map_header) == 24, "no padding");
_Static_assert(ACCOUNT_MAP_GROW_IDS % WORD_BITS == 0, "whole words");

/* The one place that turns an id into an address. */
static const uint8_t *
bits_at(const struct account_map *map, uint32_t account)
{
	return (const uint8_t *)map + ACCOUNT_MAP_BITS_AT + account / 8;
}

/* Ids below it may be looked at. The writer raises it only after the blocks
 * are there, and may raise it past the last id (account_map_writer.c). */
static uint32_t
limit_of(const struct account_map *map)
{
	uint32_t limit = __atomic_load_n(&map->header.limit, __ATOMIC_ACQUIRE);

	return limit > ACCOUNT_ID_MAX ? ACCOUNT_ID_MAX + 1 : limit;
}

static int
check_header(const struct account_map_header *header, off_t size)
{
	uint32_t limit = header->limit;

	if (memcmp(header->magic, ACCOUNT_MAP_MAGIC, sizeof(header->magic)) !=
	    0)
		return ENS_E_CORRUPT;
	if (header->version != ACCOUNT_MAP_VERSION)
		return ENS_E_VERSION;
	if ((header->flags & ACCOUNT_MAP_RETIRED) != 0)
		return ENS_E_STALE;
	if (header->uid_base < UID_BASE_MIN ||
	    header->uid_base > UID_BASE_MAX || limit % 8 != 0)
		return ENS_E_CORRUPT;
	if (limit > ACCOUNT_ID_MAX)
		limit = ACCOUNT_ID_MAX + 1;
	if (size < (off_t)ACCOUNT_MAP_BITS_AT + (off_t)(limit / 8))
		return ENS_E_CORRUPT;
	return 0;
}

int
account_map_open(const char *path, const struct account_map **ret_map)
{
	struct account_map_header header;
	AUTO_FD int fd = -1;
	struct stat st;
	void *map;
	ssize_t n;
	int r;

	/* A fifo or a terminal in its place must not make anybody wait. */
	fd = open(path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	do
		n = pread(fd, &header, sizeof(header), 0);
	while (n < 0 && errno == EINTR);
	/* The size is asked for after the limit: it grows first. */
	if (n < 0 || fstat(fd, &st) != 0)
		return errno == ESPIPE || errno == EISDIR ? ENS_E_CORRUPT
		                                          : -errno;
	if (n != (ssize_t)sizeof(header) || !S_ISREG(st.st_mode))
		return ENS_E_CORRUPT;
	r = check_header(&header, st.st_size);
	if (r != 0)
		return r;
	map = mmap(NULL, ACCOUNT_MAP_SIZE_MAX, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ret_map = map;
	return 0;
}

void
account_map_close(const struct account_map *map)
{
	if (map != NULL)
		munmap((void *)(uintptr_t)map, ACCOUNT_MAP_SIZE_MAX);
}

static uint32_t
flags_of(const struct account_map *map)
{
	return __atomic_load_n(&map->header.flags, __ATOMIC_ACQUIRE);
}

bool
account_map_is_current(const struct account_map *map)
{
	return (flags_of(map) & ACCOUNT_MAP_RETIRED) == 0;
}

uint32_t
account_map_uid_base(const struct account_map *map)
{
	return map->header.uid_base;
}

bool
account_map_enumerates(const struct account_map *map)
{
	return (flags_of(map) & ACCOUNT_MAP_ENUMERATE) != 0;
}

bool
account_map_has(const struct account_map *map, uint32_t account)
{
	uint8_t byte;

	if (account >= limit_of(map))
		return false;
	byte = __atomic_load_n(bits_at(map, account), __ATOMIC_RELAXED);
	return (byte >> account % 8 & 1) != 0;
}

/* Are the 64 bits that begin at this multiple of 64 all clear? */
static bool
word_is_empty(const struct account_map *map, uint32_t account)
{
	const uint64_t *word = (const uint64_t *)(const void *)bits_at(map,
	    account);

	return __atomic_load_n(word, __ATOMIC_RELAXED) == 0;
}

int
account_map_next(const struct account_map *map, uint32_t from,
    uint32_t *ret_account)
{
	uint32_t limit = limit_of(map);

	while (from < limit) {
		if (from % WORD_BITS == 0 && limit - from >= WORD_BITS &&
		    word_is_empty(map, from)) {
			from += WORD_BITS;
			continue;
		}
		if (account_map_has(map, from)) {
			*ret_account = from;
			return 0;
		}
		from++;
	}
	return ENS_E_NOTFOUND;
}
