/*
 * The directory's own list, for a comparison (follow.h): over a second
 * connection to the same server, with the lowest priority in the loop.
 *
 * Everything that we have is identified by the UUID of RFC 4533. A few entries
 * are asked for first, with that control and with entryUUID. If both are the
 * same the list is a plain search, and single entries are asked for by
 * entryUUID: with the control OpenLDAP leaves out what has changed since the
 * search began, which would look deleted. If they differ (389 Directory
 * Server), or entryUUID is not shown, the list is a search with the control,
 * and a full refresh settles what differs.
 */
#ifndef ENSCALE_SYNC_SOURCE_COMPARE_H
#define ENSCALE_SYNC_SOURCE_COMPARE_H

#include <systemd/sd-event.h>

#include "enscale_sync/follow.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_search.h"

struct source_compare;

/* It is over: reason NULL, or why it did not reach its end. The callee must
 * call source_compare_stop(). */
typedef int source_compare_ended(const char *reason, void *arg);

/*
 * Begins; options and search are borrowed, and options must include the
 * server's address. Returns 0 or -errno.
 */
int source_compare_start(sd_event *event,
    const struct ldap_connection_options *options, const char *uri,
    const struct ldap_search *search, struct follow *follow,
    source_compare_ended *ended, void *arg,
    struct source_compare **ret_compare);
void source_compare_stop(struct source_compare *compare);

#endif
