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

#endif
