/*
 * Where a node is, as the directory says now: for the audit log and for owners,
 * since an environment may be somebody else's tomorrow.
 */
#ifndef ENSCALE_GUARD_NODE_PLACE_H
#define ENSCALE_GUARD_NODE_PLACE_H

#include <stdint.h>

#include "common/view/view.h"

/* Texts are borrowed from the view. */
struct node_place {
	const char *environment, *system_user;
	uint32_t owner;   /* 0: there is none */
	const char *role; /* of the account that was asked for */
};

/* What of it is known; view may be NULL, and account 0. */
struct node_place node_place_find(const struct view *view, uint32_t node,
    uint32_t account);

#endif
