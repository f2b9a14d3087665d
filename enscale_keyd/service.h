/*
 * keyd.sock: one request at a time, of the user who may ask and of nobody
 * else. Who that is comes from SO_PEERCRED.
 */
#ifndef ENSCALE_KEYD_SERVICE_H
#define ENSCALE_KEYD_SERVICE_H

#include <sys/types.h>

#include "common/protocol/keyd_protocol.h"

/* A request that is not whole by then is none. */
#define SERVICE_READ_SECONDS 2

/* Answers a request that decoded; *ret_reply is prepared. */
typedef void service_answer(const struct keyd_request *request,
    struct keyd_reply *ret_reply, void *arg);

/*
 * Serves one connection and closes it. Returns 0; ENS_E_DENIED when its peer
 * is not of that uid; ENS_E_PROTOCOL for bytes that are no request, after
 * saying so; -errno (-ETIMEDOUT; -EPIPE: nobody waits for the answer any
 * more, and answer was not called).
 */
int service_connection(int fd, uid_t client, service_answer *answer, void *arg);

#endif
