/*
 * The directory's own list, for a comparison (follow.h): over a second
 * connection to the same server, below everything else in the loop.
 *
 * All that we have is known by the UUID that RFC 4533 tells. Some entries are
 * asked for first, with that control and with entryUUID. Where both are the
 * same the list is a plain search, and single entries are asked for by
 * entryUUID: with the control OpenLDAP leaves out what is changed since the
 * search began, which would look deleted. Where they are not (389 Directory
 * Server), or it is not shown, the list is a search with the control, and a
 * refresh in full settles what differs.
 */
#ifndef ENSCALE_SYNC_SOURCE_COMPARE_H
#define ENSCALE_SYNC_SOURCE_COMPARE_H

#include <systemd/sd-event.h>

#include "enscale_sync/follow.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_search.h"

struct source_compare;

/* It is over: reason NULL, or why it did not come to its end. To be answered
 * with source_compare_stop(). */
typedef int source_compare_ended(const char *reason, void *arg);

/*
 * Begins; options and search are borrowed, and options name the server by its
 * address, too. Returns 0 or -errno.
 */
int source_compare_start(sd_event *event,
    const struct ldap_connection_options *options, const char *uri,
    const struct ldap_search *search, struct follow *follow,
    source_compare_ended *ended, void *arg,
    struct source_compare **ret_compare);
void source_compare_stop(struct source_compare *compare);

#endif
