/*
 * The account's public keys: the list, from the view, and changes, which
 * enscale-keyd makes. Like request.h it has no socket: a change is judged here
 * and handed on.
 */
#ifndef ENSCALE_GUARD_KEYS_H
#define ENSCALE_GUARD_KEYS_H

#include "common/protocol/keyd_protocol.h"
#include "enscale_guard/request.h"

/* {"op":"keys"}, "key-add" and "key-delete" of common/protocol/guard_protocol.h. The
 * last two are answered later when request->change_keys has taken the change. */
struct reply keys_list(const struct request *request,
    const struct request_fields *fields);
struct reply keys_add(const struct request *request,
    const struct request_fields *fields);
struct reply keys_delete(const struct request *request,
    const struct request_fields *fields);

/*
 * The outcome of a change: the answer, and the line for the audit log. title is
 * that of a key to add. If the request was never sent, outcome is NULL.
 */
struct reply keys_outcome(struct audit *audit, const struct session *session,
    enum keyd_op op, const char *title, const struct keyd_reply *outcome);

#endif
