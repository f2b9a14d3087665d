/* {"op":"hello"} of common/protocol/guard_protocol.h: whose session it is. */
#ifndef ENSCALE_GUARD_HELLO_H
#define ENSCALE_GUARD_HELLO_H

#include "enscale_guard/request.h"

struct reply hello_answer(const struct request *request,
    const struct request_fields *fields);

#endif
