/* The operators' requests about sessions: who is in, and ending them. */
#ifndef ENSCALE_GUARD_OPERATOR_SESSIONS_H
#define ENSCALE_GUARD_OPERATOR_SESSIONS_H

#include <jansson.h>

#include "enscale_guard/request_fields.h"

struct operator_client;

/* After so many sessions and hops a kill ends no further session's: the guard
 * has others to answer, too. */
#define OPERATOR_SESSIONS_KILL_MAX 64

json_t *operator_sessions_list(struct operator_client *asker,
    const struct request_fields *fields);
json_t *operator_sessions_kill(struct operator_client *asker,
    const struct request_fields *fields);

#endif
