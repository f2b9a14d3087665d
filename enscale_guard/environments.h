/* {"op":"list"} of common/protocol/guard_protocol.h: the environments and nodes of
 * the session's account, page by page. */
#ifndef ENSCALE_GUARD_ENVIRONMENTS_H
#define ENSCALE_GUARD_ENVIRONMENTS_H

#include "enscale_guard/request.h"

struct reply environments_list(const struct request *request,
    const struct request_fields *fields);

#endif
