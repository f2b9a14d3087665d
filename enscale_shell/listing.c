/* See listing.h. Refuses an answer of another form as a whole. */
#include <config.h>

#include "enscale_shell/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/limits.h"
#include "common/text.h"

/* A printable copy; NULL when there is no memory. */
static char *
copy_text(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	/* Replacing never makes a text longer. */
	if (copy != NULL)
		text_printable(text, copy, size);
	return copy;
}

static char *
role_text(const char *role, json_int_t owner)
{
	char text[NAME_TEXT_MAX];

	if (strcmp(role, "owner") == 0)
		return copy_text("owner");
	snprintf(text, sizeof(text), "%s access, shared by %lld", role,
	    (long long)owner);
	return copy_text(text);
}

static int
parse_node(json_t *item, struct listing_node *node)
{
	const char *service, *address, *user, *state;
	json_int_t id, port = 22;

	if (json_unpack(item, "{s:I, s?I, s:s, s:s, s:s, s:s}", "node", &id,
	        "port", &port, "service", &service, "address", &address, "user",
	        &user, "state", &state) != 0 ||
	    id < 1 || id > (json_int_t)NODE_ID_MAX || port < 1 ||
	    port > UINT16_MAX)
		return ENS_E_PROTOCOL;
	node->node = (uint32_t)id;
	node->port = (uint16_t)port;
	node->service = copy_text(service[0] != '\0' ? service : "node");
	node->address = copy_text(address);
	node->user = copy_text(user);
	node->state = copy_text(state);
	if (node->service == NULL || node->address == NULL ||
	    node->user == NULL || node->state == NULL)
		return -ENOMEM;
	return 0;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct listing_node *x = a, *y = b;
	int r = strcmp(x->service, y->service);

	return r != 0 ? r : (x->node > y->node) - (x->node < y->node);
}

static int
parse_nodes(const json_t *nodes, struct listing_environment *environment)
{
	size_t count = json_array_size(nodes), i;
	int r = 0;

	if (count == 0)
		return 0;
	environment->nodes = calloc(count, sizeof(*environment->nodes));
	if (environment->nodes == NULL)
		return -ENOMEM;
	environment->node_count = count;
	for (i = 0; i < count && r == 0; i++)
		r = parse_node(json_array_get(nodes, i),
		    &environment->nodes[i]);
	if (r == 0)
		qsort(environment->nodes, count, sizeof(*environment->nodes),
		    compare_nodes);
	return r;
}

static int
parse_environment(json_t *item, struct listing_environment *environment)
{
	const char *name, *state, *role, *verdict, *sentence = NULL;
	json_t *nodes = NULL;
	json_int_t owner = 0, count = 0;

	if (json_unpack(item, "{s:s, s:s, s:s, s?I, s:s, s?s, s?I, s?o}",
	        "name", &name, "state", &state, "role", &role, "owner", &owner,
	        "verdict", &verdict, "sentence", &sentence, "node_count",
	        &count, "nodes", &nodes) != 0 ||
	    owner < 0 || owner > (json_int_t)ACCOUNT_ID_MAX || count < 0 ||
	    count > ENVIRONMENT_NODES_MAX)
		return ENS_E_PROTOCOL;
	environment->nodes_there = (size_t)count;
	environment->name = copy_text(name);
	environment->state = copy_text(state);
	environment->role = role_text(role, owner);
	environment->role_word = copy_text(role);
	environment->owner = (uint32_t)owner;
	if (environment->name == NULL || environment->state == NULL ||
	    environment->role == NULL || environment->role_word == NULL)
		return -ENOMEM;
	if (strcmp(verdict, "allowed") != 0) {
		environment->refusal = copy_text(sentence != NULL
		        ? sentence
		        : "This environment cannot be entered.");
		if (environment->refusal == NULL)
			return -ENOMEM;
	}
	return parse_nodes(nodes, environment);
}

static int
compare_environments(const void *a, const void *b)
{
	const struct listing_environment *x = a, *y = b;
	bool x_runs = strcmp(x->state, "running") == 0;
	bool y_runs = strcmp(y->state, "running") == 0;

	if (x_runs != y_runs)
		return x_runs ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
listing_parse(const json_t *reply, struct listing **ret_listing)
{
	const json_t *items = json_object_get(reply, "environments");
	__attribute__((
	    cleanup(cleanup_listing))) struct listing *listing = NULL;
	json_int_t last;
	size_t i;
	int r;

	if (!json_is_array(items))
		return ENS_E_PROTOCOL;
	listing = calloc(1, sizeof(*listing));
	if (listing == NULL)
		return -ENOMEM;
	listing->environments = calloc(json_array_size(items) + 1,
	    sizeof(*listing->environments));
	if (listing->environments == NULL)
		return -ENOMEM;
	listing->count = json_array_size(items);
	last = json_integer_value(json_object_get(reply, "last_node"));
	if (last > 0 && last <= (json_int_t)NODE_ID_MAX)
		listing->last_node = (uint32_t)last;
	for (i = 0; i < listing->count; i++) {
		r = parse_environment(json_array_get(items, i),
		    &listing->environments[i]);
		if (r != 0)
			return r;
	}
	qsort(listing->environments, listing->count,
	    sizeof(*listing->environments), compare_environments);
	*ret_listing = listing;
	listing = NULL;
	return 0;
}

static void
free_environment(struct listing_environment *environment)
{
	size_t i;

	for (i = 0; i < environment->node_count; i++) {
		free(environment->nodes[i].service);
		free(environment->nodes[i].address);
		free(environment->nodes[i].user);
		free(environment->nodes[i].state);
	}
	free(environment->nodes);
	free(environment->name);
	free(environment->state);
	free(environment->role);
	free(environment->role_word);
	free(environment->refusal);
}

void
listing_free(struct listing *listing)
{
	size_t i;

	if (listing == NULL)
		return;
	for (i = 0; i < listing->count; i++)
		free_environment(&listing->environments[i]);
	free(listing->environments);
	free(listing);
}

void
cleanup_listing(struct listing **listing)
{
	listing_free(*listing);
}

const struct listing_environment *
listing_find(const struct listing *listing, const char *name)
{
	size_t i;

	for (i = 0; i < listing->count; i++)
		if (strcmp(listing->environments[i].name, name) == 0)
			return &listing->environments[i];
	return NULL;
}

const struct listing_node *
listing_find_node(const struct listing *listing, uint32_t node,
    const struct listing_environment **ret_environment)
{
	size_t i, k;

	for (i = 0; i < listing->count; i++)
		for (k = 0; k < listing->environments[i].node_count; k++)
			if (listing->environments[i].nodes[k].node == node) {
				*ret_environment = &listing->environments[i];
				return &listing->environments[i].nodes[k];
			}
	return NULL;
}
