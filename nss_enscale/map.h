/*
 * The account map of this process: mapped at the first lookup, shared by all
 * threads, and never unmapped while a thread might read it.
 */
#ifndef ENSCALE_NSS_ENSCALE_MAP_H
#define ENSCALE_NSS_ENSCALE_MAP_H

#include <stdbool.h>

#include "common/names/account_map.h"

/* One lookup's use of the map: call nss_map_get() once, and then, whatever it
 * returned, nss_map_put() once. */
struct nss_map {
	const struct account_map *map;
	bool private; /* for this lookup only: unmapped after it */
};

/* 0, or the error of account_map_open(): cannot tell. */
int nss_map_get(struct nss_map *ret_use);
void nss_map_put(struct nss_map *use);

#define AUTO_MAP __attribute__((cleanup(nss_map_put)))

#endif
