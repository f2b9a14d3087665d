/*
 * One connection to a directory server, from the refresh on: what it reports is
 * handed to the follower, and every few seconds a question proves that it still
 * answers, and reports everything that it has. Never waits.
 */
#ifndef ENSCALE_SYNC_SOURCE_SESSION_H
#define ENSCALE_SYNC_SOURCE_SESSION_H

#include <systemd/sd-event.h>

#include "enscale_sync/follow.h"
#include "ldap/ldap_opening.h"
#include "ldap/ldap_search.h"

struct source_session;

/* What an administrator can do about a server without RFC 4533. */
#define SESSION_NO_SYNC                                                        \
	"it does not offer RFC 4533 (syncprov) for this base: load it there, " \
	"or set method = poll"

enum session_news {
	SESSION_REFRESHED, /* it goes on */
	/* Any other value ends it: source_session_stop(). */
	SESSION_LOST,
	SESSION_BEHIND,  /* the server has not seen what we have */
	SESSION_REFRESH, /* another connection is wanted, for everything */
};

/* The reason is for people. */
typedef int source_session_news(enum session_news news, const char *reason,
    void *arg);

/*
 * Starts on an open connection, which it takes ownership of in any case; search
 * is borrowed. behind: the server has not seen all that we have, and is
 * followed all the same. Returns 0, -errno, ENS_E_LDAP with *ret_reason.
 */
int source_session_start(sd_event *event, LDAP *ld,
    const struct ldap_search *search, uint32_t timeout, bool behind,
    struct follow *follow, source_session_news *news, void *arg,
    struct source_session **ret_session, char ret_reason[LDAP_REASON_MAX]);
void source_session_stop(struct source_session *session);

/* Checks at once whether a refresh is wanted. Returns 0 or -errno. */
int source_session_poke(struct source_session *session);
/* The address of the server, for another connection to the same one. */
void source_session_peer(const struct source_session *session,
    struct sockaddr_storage *ret_peer, socklen_t *ret_len);

#endif
