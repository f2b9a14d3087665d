/*
 * Opening a connection without waiting for it. The libraries wait while they
 * resolve names, set up TLS and send passwords, so a separate thread does that
 * for one connection, and hands it over when it is ready to be searched. Until
 * then the thread shares nothing: everything else is one loop in one thread.
 *
 * It also finds out, before the first search, how far the server is, whether it
 * supports RFC 4533, and whether it uses the names in the schema.
 */
#ifndef ENSCALE_LDAP_LDAP_OPENING_H
#define ENSCALE_LDAP_LDAP_OPENING_H

#include <stdbool.h>

#include "ldap/ldap_connection.h"
#include "ldap/ldap_csn.h"

struct ldap_opened {
	LDAP *ld; /* owned by the caller: ldap_connection_close() */
	struct csn_set context; /* its contextCSN; empty when not shown */
	bool can_sync; /* RFC 4533; also when the root DSE is not shown */
};

struct ldap_opening;

/*
 * Begins to open uri, for a search below base; everything is copied. Returns
 * 0 or -errno.
 */
int ldap_opening_start(const struct ldap_connection_options *options,
    const char *uri, const char *base, struct ldap_opening **ret_opening);
/* Readable when it is over. */
int ldap_opening_fd(const struct ldap_opening *opening);
/* Call it when that is over; frees the opening. Returns what
 * ldap_connection_open() does, and ENS_E_CONFIG when the server uses another
 * name. */
int ldap_opening_finish(struct ldap_opening *opening,
    struct ldap_opened *ret_opened, char ret_reason[LDAP_REASON_MAX]);
/* The result is closed and ignored. */
void ldap_opening_abandon(struct ldap_opening *opening);
/* Are threads of abandoned ones still running? Then exit handlers would unload
 * the libraries under them: use _exit(). */
bool ldap_opening_is_any_left(void);

#endif
