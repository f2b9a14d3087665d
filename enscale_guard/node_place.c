/* See node_place.h. It judges nothing. */
#include <config.h>

#include "enscale_guard/node_place.h"

struct node_place
node_place_find(const struct view *view, uint32_t node, uint32_t account)
{
	struct environment_record environment;
	struct node_record record;
	struct node_place place = { .owner = 0 };

	if (view == NULL || node == 0 ||
	    view_find_node(view, node, &record) != 0)
		return place;
	place.environment = record.environment;
	place.system_user = record.system_user;
	if (view_find_environment(view, record.environment, &environment) != 0)
		return place;
	place.owner = environment.owner;
	if (account != 0)
		place.role = environment_role_text(
		    environment_record_role(&environment, account));
	return place;
}
