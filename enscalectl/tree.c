/* See tree.h. It refuses to own what is in it. */
#include <config.h>

#include "enscalectl/tree.h"

#include <search.h>
#include <stddef.h>

void *
tree_find(void *const *root, const void *like, tree_compare *compare)
{
	void *const *found = tfind(like, root, compare);

	return found != NULL ? *found : NULL;
}

void *
tree_add(void **root, void *item, tree_compare *compare)
{
	void *const *found = tsearch(item, root, compare);

	return found != NULL ? *found : NULL;
}

static void
leave(void *item)
{
	(void)item;
}

void
tree_free(void **root)
{
	tdestroy(*root, leave);
	*root = NULL;
}
