/*
 * What a session may know besides its nodes: the gateway's settings with the
 * fingerprints of its host keys, and the other sessions of its account.
 */
#ifndef ENSCALE_GUARD_INFO_H
#define ENSCALE_GUARD_INFO_H

#include "enscale_guard/request.h"

/*
 * Reads the public host keys, files separated by spaces, as the array that is
 * the answer to "settings". A file that is not a key is skipped with a warning.
 * NULL without memory. Call it before the guard gives up reading files.
 */
json_t *info_read_host_keys(const char *files);

/* {"op":"settings"} and {"op":"sessions"} of common/protocol/guard_protocol.h. */
struct reply info_settings(const struct request *request,
    const struct request_fields *fields);
/* Who entered the account's own environments. */
struct reply info_log(const struct request *request,
    const struct request_fields *fields);
struct reply info_sessions(const struct request *request,
    const struct request_fields *fields);

#endif
