/*
 * keyd.sock: one request at a time, only from the user who may ask, whom
 * SO_PEERCRED identifies.
 */
#ifndef ENSCALE_KEYD_SERVICE_H
#define ENSCALE_KEYD_SERVICE_H

#include <sys/types.h>

#include "common/protocol/keyd_protocol.h"

/* A request that is not complete by then is dropped. */
#define SERVICE_READ_SECONDS 2

/* Answers a request that decoded; *ret_reply is prepared. */
typedef void service_answer(const struct keyd_request *request,
    struct keyd_reply *ret_reply, void *arg);

/*
 * Serves one connection and closes it. Returns 0; ENS_E_DENIED when its peer
 * is not of that uid; ENS_E_PROTOCOL for bytes that are not a request, after
 * replying so; -errno (-ETIMEDOUT; -EPIPE: nobody waits for the answer any
 * longer, and answer was not called).
 */
int service_connection(int fd, uid_t client, service_answer *answer, void *arg);

#endif
