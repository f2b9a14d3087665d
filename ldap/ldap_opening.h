/*
 * Opening a connection without waiting for it. Names are resolved, TLS is
 * spoken and passwords are shown by libraries that wait, so a thread of its
 * own does that for one connection, and hands it over when it is ready to be
 * searched. The thread shares nothing with anybody until then: everybody else
 * is one loop in one thread.
 *
 * It also looks around there: how far the server is, whether it speaks RFC 4533
 * and calls things as the schema says, are known before the first search.
 */
#ifndef ENSCALE_LDAP_LDAP_OPENING_H
#define ENSCALE_LDAP_LDAP_OPENING_H

#include <stdbool.h>

#include "ldap/ldap_connection.h"
#include "ldap/ldap_csn.h"

struct ldap_opened {
	LDAP *ld;               /* the caller's: ldap_connection_close() */
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
/* To be called when it is over; frees the opening. As ldap_connection_open(),
 * and ENS_E_CONFIG when the server calls something otherwise. */
int ldap_opening_finish(struct ldap_opening *opening,
    struct ldap_opened *ret_opened, char ret_reason[LDAP_REASON_MAX]);
/* Whatever comes of it is closed unseen. */
void ldap_opening_abandon(struct ldap_opening *opening);
/* Are threads of abandoned ones still at it? Then exit handlers would pull
 * the libraries away from under them: _exit(). */
bool ldap_opening_is_any_left(void);

#endif
