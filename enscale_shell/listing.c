/* See listing.h. Refuses an answer in any other form as a whole. */
#include <config.h>

#include "enscale_shell/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/view/fields_json.h"
#include "enscale_shell/answer.h"

/* Room for one row more, of zeros. Returns the row, or NULL. */
static void *
grow(void *rows, size_t size, size_t count, size_t *room)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	char *grown;
	void *old;

	memcpy(&old, rows, sizeof(old));
	if (count == *room) {
		grown = reallocarray(old, more, size);
		if (grown == NULL)
			return NULL;
		memcpy(rows, &grown, sizeof(grown));
		*room = more;
	}
	memcpy(&grown, rows, sizeof(grown));
	return memset(grown + count * size, 0, size);
}

static char *
role_text(const char *role, uint32_t owner)
{
	char text[NAME_TEXT_MAX];

	if (strcmp(role, "owner") == 0)
		return text_copy_printable("owner");
	snprintf(text, sizeof(text), "%s access, shared by %u", role, owner);
	return text_copy_printable(text);
}

/* It may be missing, but comes first in a line all the same. */
static void
name_service(json_t *item)
{
	const json_t *service = json_object_get(item, "service");

	if (service == NULL || json_string_length(service) == 0)
		(void)json_object_set_new(item, "service", json_string("node"));
}

static int
parse_node(json_t *item, struct listing_node *node)
{
	const json_t *id = json_object_get(item, "node");
	const json_t *known_hosts = json_object_get(item, "known_hosts");
	int r;

	name_service(item);
	r = fields_from_json(item, &node_fields, &node->fields);
	if (r != 0)
		return r;
	if (json_integer_value(id) < 1 ||
	    json_integer_value(id) > (json_int_t)NODE_ID_MAX ||
	    (known_hosts != NULL && !json_is_string(known_hosts)))
		return ENS_E_PROTOCOL;
	node->node = (uint32_t)json_integer_value(id);
	/* Written by the guard: base64 and line ends. */
	if (known_hosts != NULL) {
		node->known_hosts = strdup(json_string_value(known_hosts));
		if (node->known_hosts == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct listing_node *x = a, *y = b;
	int r = strcmp(x->service_type, y->service_type);

	return r != 0 ? r : (x->node > y->node) - (x->node < y->node);
}

static int
parse_nodes(const json_t *nodes, struct listing_environment *environment)
{
	struct listing_node *node;
	size_t i;
	int r = 0;

	for (i = 0; i < json_array_size(nodes) && r == 0; i++) {
		node = grow(&environment->nodes, sizeof(*node),
		    environment->node_count, &environment->node_room);
		if (node == NULL)
			return -ENOMEM;
		environment->node_count++;
		r = parse_node(json_array_get(nodes, i), node);
	}
	return r;
}

static int
parse_environment(json_t *item, struct listing_environment *environment)
{
	const char *role, *verdict, *sentence = NULL;
	json_t *nodes = NULL;
	json_int_t count = 0;
	int r = fields_from_json(item, &environment_fields,
	    &environment->fields);

	if (r != 0)
		return r;
	if (json_unpack(item, "{s:s, s:s, s?s, s?I, s?o}", "role", &role,
	        "verdict", &verdict, "sentence", &sentence, "node_count",
	        &count, "nodes", &nodes) != 0 ||
	    count < 0 || count > ENVIRONMENT_NODES_MAX)
		return ENS_E_PROTOCOL;
	environment->nodes_there = (size_t)count;
	environment->role = role_text(role, environment->owner);
	environment->role_word = text_copy_printable(role);
	if (environment->role == NULL || environment->role_word == NULL)
		return -ENOMEM;
	if (strcmp(verdict, "allowed") != 0) {
		environment->refusal = text_copy_printable(sentence != NULL
		        ? sentence
		        : "This environment cannot be entered.");
		if (environment->refusal == NULL)
			return -ENOMEM;
	}
	return parse_nodes(nodes, environment);
}

/* The environment that the page before ended in goes on. */
static bool
goes_on(const struct listing *listing, const json_t *item)
{
	const char *name = json_string_value(json_object_get(item, "name"));

	return listing->count > 0 && name != NULL &&
	    strcmp(listing->environments[listing->count - 1].name, name) == 0;
}

static int
add_environment(struct listing *listing, json_t *item)
{
	struct listing_environment *environment;

	if (goes_on(listing, item))
		return parse_nodes(json_object_get(item, "nodes"),
		    &listing->environments[listing->count - 1]);
	environment = grow(&listing->environments, sizeof(*environment),
	    listing->count, &listing->room);
	if (environment == NULL)
		return -ENOMEM;
	listing->count++;
	return parse_environment(item, environment);
}

static int
compare_environments(const void *a, const void *b)
{
	const struct listing_environment *x = a, *y = b;
	bool x_runs = x->state == ENVIRONMENT_RUNNING;
	bool y_runs = y->state == ENVIRONMENT_RUNNING;

	if (x_runs != y_runs)
		return x_runs ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct listing *
listing_new(void)
{
	return calloc(1, sizeof(struct listing));
}

int
listing_add(struct listing *listing, const json_t *page)
{
	const json_t *items = json_object_get(page, "environments");
	json_int_t last;
	size_t i;
	int r = 0;

	if (!json_is_array(items))
		return ENS_E_PROTOCOL;
	last = json_integer_value(json_object_get(page, "last_node"));
	if (last > 0 && last <= (json_int_t)NODE_ID_MAX)
		listing->last_node = (uint32_t)last;
	for (i = 0; i < json_array_size(items) && r == 0; i++)
		r = add_environment(listing, json_array_get(items, i));
	return r;
}

void
listing_sort(struct listing *listing)
{
	struct listing_environment *environment;
	size_t i;

	for (i = 0; i < listing->count; i++) {
		environment = &listing->environments[i];
		if (environment->node_count > 0)
			qsort(environment->nodes, environment->node_count,
			    sizeof(*environment->nodes), compare_nodes);
	}
	if (listing->count > 0)
		qsort(listing->environments, listing->count,
		    sizeof(*listing->environments), compare_environments);
}

static int
take_page(json_t *page, void *arg)
{
	return listing_add(arg, page);
}

int
listing_fetch(struct shell *shell, bool host_keys, struct listing **ret_listing,
    struct refusal *ret_refusal)
{
	AUTO(cleanup_listing) struct listing *listing = listing_new();
	int r = -ENOMEM;

	if (listing != NULL)
		r = answer_pages(shell,
		    json_pack("{s:s, s:b}", "op", "list", "host_keys",
		        host_keys),
		    take_page, listing, ret_refusal);
	if (r != 0 && r != ENS_E_DENIED)
		refusal_set(ret_refusal, GUARD_EXIT_FAULT,
		    "The gateway cannot answer now: %s.", error_text(r));
	if (r != 0)
		return ENS_E_DENIED;
	listing_sort(listing);
	*ret_listing = listing;
	listing = NULL;
	return 0;
}

static void
free_environment(struct listing_environment *environment)
{
	size_t i;

	for (i = 0; i < environment->node_count; i++) {
		fields_free_texts(&node_fields, &environment->nodes[i].fields);
		free(environment->nodes[i].known_hosts);
	}
	free(environment->nodes);
	fields_free_texts(&environment_fields, &environment->fields);
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
