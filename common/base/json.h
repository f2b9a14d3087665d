/* Jansson's objects as locals that clean themselves. */
#ifndef ENSCALE_COMMON_BASE_JSON_H
#define ENSCALE_COMMON_BASE_JSON_H

#include <jansson.h>

#include "common/base/cleanup.h"

static inline void
cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON AUTO(cleanup_json)

/* The object with one member more. Takes both over; NULL, and both are gone, when
 * either was NULL or there is no memory: half of an object must not look like
 * all of it. */
static inline json_t *
json_with(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

#endif
