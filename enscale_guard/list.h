/* The request "list" of common/guard_protocol.h: the environments and nodes of
 * the session's account, page by page. */
#ifndef ENSCALE_GUARD_LIST_H
#define ENSCALE_GUARD_LIST_H

#include "enscale_guard/request.h"

json_t *list_environments(const struct request *request, json_t *object,
    bool *ret_close);

#endif
