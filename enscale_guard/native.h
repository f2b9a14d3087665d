/*
 * Native mode: the user's own ssh goes through the gateway's sshd to the one
 * node of the login name, with a certificate for the key that opened the
 * session. Off by default.
 */
#ifndef ENSCALE_GUARD_NATIVE_H
#define ENSCALE_GUARD_NATIVE_H

#include "enscale_guard/request.h"

/* Makes or removes the mark for enscale-keys. 0 or -errno. */
int native_mark(const struct config *config);

/* {"op":"cert"}: see common/protocol/guard_protocol.h. */
struct reply native_certificate(const struct request *request,
    const struct request_fields *fields);

#endif
