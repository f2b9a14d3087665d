/* See nodes.h. */
#include <config.h>

#include "enscale_shell/nodes.h"

#include <stdio.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"
#include "common/view/fields_json.h"
#include "enscale_shell/connect_lines.h"
#include "enscale_shell/listing.h"
#include "enscale_shell/output.h"
#include "enscale_shell/say.h"

static int
fetch(struct shell *shell, bool host_keys, struct listing **ret_listing)
{
	struct refusal refusal;

	if (listing_fetch(shell, host_keys, ret_listing, &refusal) == 0)
		return 0;
	say_refusal("%s", refusal.sentence);
	return refusal.code;
}

static json_t *
node_json(const struct shell *shell, const struct listing_node *node)
{
	json_t *object = fields_to_json(
	    json_pack("{s:I}", "node", (json_int_t)node->node), &node_fields,
	    &node->fields, FIELDS_FOR_USERS);

	return json_with(object, "login",
	    json_sprintf("%u-%u", node->node, shell->account));
}

static json_t *
nodes_json(const struct shell *shell,
    const struct listing_environment *environment)
{
	json_t *nodes = json_array();
	size_t i;

	for (i = 0; i < environment->node_count; i++)
		json_array_append_new(nodes,
		    node_json(shell, &environment->nodes[i]));
	return nodes;
}

static json_t *
environment_json(const struct shell *shell,
    const struct listing_environment *environment)
{
	json_t *object = fields_to_json(json_object(), &environment_fields,
	    &environment->fields, FIELDS_FOR_USERS);

	object = json_with(object, "role", json_string(environment->role_word));
	object = json_with(object, "enter",
	    json_boolean(environment->refusal == NULL));
	object = json_with(object, "reason",
	    environment->refusal != NULL ? json_string(environment->refusal)
	                                 : json_null());
	object = json_with(object, "node_count",
	    json_integer((json_int_t)environment->nodes_there));
	return json_with(object, "nodes", nodes_json(shell, environment));
}

static int
print_nodes_json(const struct shell *shell, const struct listing *listing)
{
	json_t *environments = json_array();
	size_t i;

	for (i = 0; i < listing->count; i++)
		json_array_append_new(environments,
		    environment_json(shell, &listing->environments[i]));
	return output_json(json_pack("{s:I, s:o}", "account",
	    (json_int_t)shell->account, "environments", environments));
}

int
nodes_run(struct shell *shell, bool is_json)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct listing_environment *environment;
	const struct listing_node *node;
	size_t i, k;
	int code;

	code = fetch(shell, false, &listing);
	if (code != 0)
		return code;
	if (is_json)
		return print_nodes_json(shell, listing);
	for (i = 0; i < listing->count; i++) {
		environment = &listing->environments[i];
		for (k = 0; k < environment->node_count; k++) {
			node = &environment->nodes[k];
			printf("%u\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", node->node,
			    environment->name, node->service_type,
			    node->address, node->system_user,
			    environment_state_text(node->state),
			    environment_state_text(environment->state),
			    environment->refusal == NULL ? "yes" : "no");
		}
	}
	return output_end();
}

/* Shows each node with its environment. */
static int
show_each(struct shell *shell, bool host_keys,
    void (*show)(const struct shell *, const struct listing_environment *,
        const struct listing_node *))
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct listing_environment *environment;
	size_t i, k;
	int code;

	code = fetch(shell, host_keys, &listing);
	if (code != 0)
		return code;
	for (i = 0; i < listing->count; i++) {
		environment = &listing->environments[i];
		for (k = 0; k < environment->node_count; k++)
			show(shell, environment, &environment->nodes[k]);
	}
	return output_end();
}

static void
show_block(const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	connect_lines_block(stdout, shell, environment, node);
}

int
nodes_run_config(struct shell *shell, bool is_json)
{
	(void)is_json;
	connect_lines_head(stdout, shell);
	return show_each(shell, shell->is_native, show_block);
}

static void
show_known_hosts(const struct shell *shell,
    const struct listing_environment *environment,
    const struct listing_node *node)
{
	(void)shell;
	(void)environment;
	if (node->known_hosts != NULL)
		fputs(node->known_hosts, stdout);
}

int
nodes_run_known_hosts(struct shell *shell, bool is_json)
{
	(void)is_json;
	return show_each(shell, true, show_known_hosts);
}
