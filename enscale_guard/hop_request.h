/* {"op":"hop"} and {"op":"hop-done"} of common/protocol/guard_protocol.h. */
#ifndef ENSCALE_GUARD_HOP_REQUEST_H
#define ENSCALE_GUARD_HOP_REQUEST_H

#include "enscale_guard/request.h"

struct reply hop_request_declare(const struct request *request,
    const struct request_fields *fields);
struct reply hop_request_done(const struct request *request,
    const struct request_fields *fields);

#endif
