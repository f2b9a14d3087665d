/* Records of the view as JSON objects; the members are listed in
 * enscalectl(8), in this order. */
#ifndef ENSCALECTL_VIEW_JSON_H
#define ENSCALECTL_VIEW_JSON_H

#include <jansson.h>

#include "common/view/record.h"

/* The caller owns *ret_object. 0; ENS_E_NOTFOUND for a tombstone;
 * ENS_E_VERSION; ENS_E_CORRUPT; -ENOMEM. */
int view_json(struct bytes record, const struct record_key *key,
    json_t **ret_object);

#endif
