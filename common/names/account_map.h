/*
 * The account map: which account ids exist. A header page and a bitmap; bit
 * N of the bitmap is set while account N exists. It says nothing about rights.
 *
 * The reader runs in every process of the host: libc only, one shared
 * read-only mapping, no descriptor kept, no lock, no allocation, no waiting.
 * It maps the largest size that a map can have (ACCOUNT_MAP_SIZE_MAX, 32 MiB of
 * address space and no memory) so that a growing file need never be mapped
 * again, and never touches a byte at or above the limit in the header, so never
 * a hole.
 *
 * The writer (enscale-sync, one at a time) changes the file in place with
 * pwrite(2) of single bytes, allocates blocks before it raises the limit, and
 * never truncates. A map that must be replaced (other uid_base, other
 * version) is written whole under a temporary name; the old one is marked
 * retired, which makes its readers open the path again; then the new one is
 * renamed over it. Between the two a reader finds the retired one at the path:
 * a process that has it mapped already may go on with it for that moment.
 *
 * Numbers are in the machine's own byte order: the file never leaves the
 * machine.
 */
#ifndef ENSCALE_COMMON_NAMES_ACCOUNT_MAP_H
#define ENSCALE_COMMON_NAMES_ACCOUNT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

#define ACCOUNT_MAP_MAGIC    "ENSMAP\r\n"
#define ACCOUNT_MAP_VERSION  1U
#define ACCOUNT_MAP_BITS_AT  4096U /* offset of the bitmap */
#define ACCOUNT_MAP_SIZE_MAX (ACCOUNT_MAP_BITS_AT + (ACCOUNT_ID_MAX + 1U) / 8U)
#define ACCOUNT_MAP_GROW_IDS (1U << 19) /* the limit rises in steps: 64 KiB */

#define ACCOUNT_MAP_ENUMERATE 0x1U /* getpwent() may list the accounts */
#define ACCOUNT_MAP_RETIRED   0x2U /* replaced: open the path again */

struct account_map_header {
	char magic[8];     /* ACCOUNT_MAP_MAGIC, without the NUL */
	uint32_t version;  /* ACCOUNT_MAP_VERSION */
	uint32_t uid_base; /* uid = gid = uid_base + id */
	uint32_t limit;    /* ids below it have a bit; a multiple of 8 */
	uint32_t flags;
};

/* A mapped map, which begins with the header. Opaque except for that. */
struct account_map;

/*
 * Maps the file at path read-only. Returns 0; -errno (ENOENT, EACCES,
 * ENOMEM under a small RLIMIT_AS, ...); ENS_E_VERSION; ENS_E_CORRUPT when
 * it is short or not a map; ENS_E_STALE when it is a retired one. Holds a
 * descriptor only during the call. The mapping is released by
 * account_map_close(), or never.
 */
ENS_MUST_CHECK int account_map_open(const char *path,
    const struct account_map **ret_map);
void account_map_close(const struct account_map *map);

/* Is this still the current map? False when it was retired: open the path
 * again. */
bool account_map_is_current(const struct account_map *map);
uint32_t account_map_uid_base(const struct account_map *map);
bool account_map_enumerates(const struct account_map *map);

/* Does the account exist? Any id may be asked; one or two loads. */
bool account_map_has(const struct account_map *map, uint32_t account);

/*
 * The lowest existing account that is at least from. Returns 0, or
 * ENS_E_NOTFOUND when there is none.
 */
int account_map_next(const struct account_map *map, uint32_t from,
    uint32_t *ret_account);

/*
 * The writer. account_map_create() opens or makes the file at path with
 * this uid_base and these flags (ACCOUNT_MAP_ENUMERATE or 0); an existing
 * file of another version or uid_base, a broken or a retired one is
 * replaced by an empty map and retired, and *ret_replaced says so. Mode
 * 0644. Takes an exclusive flock(2) on "PATH.lock" (mode 0600: nobody else
 * can hold it): -EWOULDBLOCK when another writer runs.
 */
struct account_map_writer;

ENS_MUST_CHECK int account_map_create(const char *path, uint32_t uid_base,
    uint32_t flags, struct account_map_writer **ret_writer, bool *ret_replaced);

/* Sets or clears one bit. Returns 0 or -errno (ENOSPC: the map is as before;
 * ERANGE: no such id can exist). Clearing a bit that is clear is a success. */
ENS_MUST_CHECK int account_map_set(struct account_map_writer *writer,
    uint32_t account, bool exists);
bool account_map_writer_has(const struct account_map_writer *writer,
    uint32_t account);
/* Like account_map_next(), for the writer's own reconciliation. */
int account_map_writer_next(const struct account_map_writer *writer,
    uint32_t from, uint32_t *ret_account);
void account_map_writer_close(struct account_map_writer *writer);

#endif
