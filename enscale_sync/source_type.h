/*
 * The interface of each kind of source to source.c: how to start and how to
 * stop it. One file each: source_ldap.c (RFC 4533), source_poll.c (servers
 * without it), source_file.c (LDIF).
 */
#ifndef ENSCALE_SYNC_SOURCE_TYPE_H
#define ENSCALE_SYNC_SOURCE_TYPE_H

#include <stdint.h>
#include <time.h>

#include "enscale_sync/source.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_search.h"

struct source_type {
	const char *method; /* as the status says */
	/* As source_start(); what is returned is handed to stop(). */
	int (*start)(sd_event *event, const struct config *config,
	    struct follow *follow, struct status *status, void **ret_self);
	void (*stop)(void *self);
	/* As source_poke(). */
	int (*poke)(void *self);
};

/*
 * What the configuration says about a directory that is a server: what to
 * search for, with the timestamps that polling needs, and how to connect. Both
 * borrow from the configuration.
 */
void source_configure(const struct config *config, bool polled,
    struct ldap_search *ret_search,
    struct ldap_connection_options *ret_options);

/* So that gateways do not all connect at once: a random number, and a time in
 * the hour of the night in which everything is compared. */
uint32_t source_random(void);
time_t source_next_night(void);

extern const struct source_type source_file, source_ldap, source_poll;

#endif
