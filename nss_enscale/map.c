/*
 * The map of this process. Threads share only a pointer, which is read and
 * exchanged atomically: there is no lock that a fork could leave held.
 *
 * When a map is retired its successor is mapped beside it, and the old
 * mapping stays, since another thread may be reading it: 32 MiB of addresses
 * and no memory each time. Maps are retired when uid_base or their format
 * changes, so hardly ever; after RETIRED_MAX of them the process maps and
 * unmaps for every lookup, which is slower but just as correct.
 */
#include <config.h>

#include "nss_enscale/map.h"

#include <stddef.h>

#include "common/base/errors.h"

#ifndef ENS_NSS_MAP_FILE
#	define ENS_NSS_MAP_FILE ENS_STATE_DIR "/map/accounts.map"
#endif

#define RETIRED_MAX 16

static const struct account_map *current; /* atomic; NULL before the first */
static unsigned retired;                  /* atomic; mappings left behind */

/* Makes fresh the map of all threads, unless another one was quicker. */
static const struct account_map *
exchange(const struct account_map *old, const struct account_map *fresh)
{
	const struct account_map *seen = old;

	if (!__atomic_compare_exchange_n(&current, &seen, fresh, false,
	        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		account_map_close(fresh);
		return seen;
	}
	if (old != NULL)
		__atomic_add_fetch(&retired, 1, __ATOMIC_RELAXED);
	return fresh;
}

int
nss_map_get(struct nss_map *ret_use)
{
	const struct account_map *map, *fresh;
	int r;

	map = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
	*ret_use = (struct nss_map){ .map = map };
	if (map != NULL && account_map_is_current(map))
		return 0;
	r = account_map_open(ENS_NSS_MAP_FILE, &fresh);
	/* Retired, and its successor not in its place yet: the old answers
	 * are right until it is. */
	if (r == ENS_E_STALE && map != NULL)
		return 0;
	if (r != 0)
		return r;
	if (__atomic_load_n(&retired, __ATOMIC_RELAXED) >= RETIRED_MAX)
		*ret_use = (struct nss_map){ .map = fresh, .private = true };
	else
		ret_use->map = exchange(map, fresh);
	return 0;
}

void
nss_map_put(struct nss_map *use)
{
	if (use->private)
		account_map_close(use->map);
}
