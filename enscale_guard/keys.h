/*
 * The account's public keys: the list, from the view, and changes, which
 * enscale-keyd makes. Like request.h without a socket: a change is judged
 * here and handed on.
 */
#ifndef ENSCALE_GUARD_KEYS_H
#define ENSCALE_GUARD_KEYS_H

#include <stdbool.h>

#include <jansson.h>

#include "common/keyd_protocol.h"
#include "enscale_guard/request.h"

/* {"op":"keys"}, "key-add" and "key-delete" of common/guard_protocol.h. The
 * last two return NULL when request->change_keys has taken the change. */
json_t *keys_list(const struct request *request, json_t *object,
    bool *ret_close);
json_t *keys_add(const struct request *request, json_t *object,
    bool *ret_close);
json_t *keys_delete(const struct request *request, json_t *object,
    bool *ret_close);

/*
 * What became of a change: the answer, and the line of audit. title is that
 * of a key to add. After a request that was never sent, reply is NULL.
 */
json_t *keys_outcome(struct audit *audit, const struct session *session,
    enum keyd_op op, const char *title, const struct keyd_reply *reply);

#endif
