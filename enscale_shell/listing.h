/*
 * What the menu shows: the environments and nodes of an account, as the
 * guard lists them. All text in it is fit for a terminal.
 */
#ifndef ENSCALE_SHELL_LISTING_H
#define ENSCALE_SHELL_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/view/fields.h"
#include "enscale_shell/shell.h"

/* A service type that was not given is shown as "node". */
struct listing_node {
	uint32_t node;
	HAS_NODE_FIELDS;
	char *known_hosts; /* lines for ssh; NULL: not asked for, or none */
};

struct listing_environment {
	HAS_ENVIRONMENT_FIELDS;
	char *role;      /* "owner"; "full access, shared by 21296" */
	char *role_word; /* "owner", "full", "limited" */
	char *refusal;   /* why it cannot be entered; NULL: it can be */
	struct listing_node *nodes;
	size_t node_count, node_room; /* of those that are listed */
	size_t nodes_there;           /* also if they are not listed */
};

struct listing {
	struct listing_environment *environments;
	size_t count, room;
	uint32_t last_node; /* entered last from the menu; 0: none */
};

/*
 * Asks the guard, page by page; also for the nodes' host keys, if they are
 * wanted. Returns 0, the caller owns *ret_listing; or ENS_E_DENIED with
 * *ret_refusal filled in.
 */
int listing_fetch(struct shell *shell, bool host_keys,
    struct listing **ret_listing, struct refusal *ret_refusal);

/* NULL without memory; the caller owns it. */
struct listing *listing_new(void);
/*
 * Decodes a page of the answer to {"op":"list"}; the next page may go on with
 * the nodes of its last environment. Returns 0, ENS_E_PROTOCOL or -ENOMEM: what
 * was decoded until then stays.
 */
int listing_add(struct listing *listing, const json_t *page);
/* After the last page: running environments first, then by name; nodes by
 * service and id. */
void listing_sort(struct listing *listing);
void listing_free(struct listing *listing);
void cleanup_listing(struct listing **listing);

/* The environment of this name, or NULL. */
const struct listing_environment *listing_find(const struct listing *listing,
    const char *name);
/* The node of this id and its environment, or NULL. */
const struct listing_node *listing_find_node(const struct listing *listing,
    uint32_t node, const struct listing_environment **ret_environment);

#endif
