/*
 * RFC 4533 over an open connection: messages one by one, without ever waiting.
 * Entries are identified by the UUID of the control that comes with each, and
 * by nothing else: an attribute may hold another number (389 Directory Server).
 * Without the control they are identified by that attribute, for callers that
 * have seen that it is the same.
 *
 * Why not libldap's ldap_sync_init()? It returns when the whole refresh is
 * over, so a server that hangs in the middle would hang our loop, and it does
 * not distinguish a refresh that names what is present (the rest must be swept)
 * from one that names what is gone. The protocol itself is small.
 */
#ifndef ENSCALE_LDAP_LDAP_SYNC_H
#define ENSCALE_LDAP_LDAP_SYNC_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "ldap/ldap_connection.h"
#include "ldap/ldap_entry.h"
#include "ldap/ldap_search.h"

enum ldap_sync_kind {
	LDAP_SYNC_MESSAGE_NONE = 0, /* nothing at the moment */
	LDAP_SYNC_MESSAGE_ENTRY,    /* added or modified: entry */
	LDAP_SYNC_MESSAGE_PRESENT,  /* uuids are there, unchanged */
	LDAP_SYNC_MESSAGE_DELETE,   /* uuids are gone */
	LDAP_SYNC_MESSAGE_COOKIE,   /* nothing but a cookie, if that */
	LDAP_SYNC_MESSAGE_DONE,     /* the refresh is complete; see swept */
	LDAP_SYNC_MESSAGE_END,      /* the search is over: code, reason */
	LDAP_SYNC_MESSAGE_OTHER,    /* of another operation: raw, not freed */
};

struct ldap_sync_message {
	enum ldap_sync_kind kind;
	struct entry entry;
	/* The entry's entryUUID, if it was asked for, is the same; without the
	 * control: it has one, otherwise there is no entry. */
	bool named;
	const uint8_t (*uuids)[ENTRY_UUID_LEN];
	uint32_t uuid_count;
	/* With DONE: what this refresh did not name is gone. */
	bool swept;
	/* With any kind; an empty one means no change. */
	struct berval cookie;
	int code; /* an LDAP result code, with END */
	char reason[LDAP_REASON_MAX];
	LDAPMessage *other; /* with OTHER: the caller must free it */
};

struct ldap_sync;

/*
 * Starts the search; ld and what are borrowed and must outlive it. mode:
 * LDAP_SYNC_REFRESH_AND_PERSIST, or LDAP_SYNC_REFRESH_ONLY for what there is
 * now, which ends with END and LDAP_SUCCESS; LDAP_SYNC_NONE for the same
 * without the control. An empty cookie asks for everything. Returns 0, -ENOMEM,
 * ENS_E_LDAP with *ret_reason.
 */
int ldap_sync_start(LDAP *ld, const struct ldap_search *what, int mode,
    struct berval cookie, struct ldap_sync **ret_sync,
    char ret_reason[LDAP_REASON_MAX]);
void ldap_sync_free(struct ldap_sync *sync);

/*
 * The next message, without waiting. What it points to is valid until the next
 * call. Returns 0 (look at kind), -ENOMEM, ENS_E_CRYPTO, ENS_E_LDAP (the
 * connection is gone: reason), ENS_E_PROTOCOL (the server broke the protocol).
 */
int ldap_sync_next(struct ldap_sync *sync,
    struct ldap_sync_message *ret_message);

/* The control, for another search whose entries should have it, too; free it
 * with ldap_control_free(). 0 or -ENOMEM. */
int ldap_sync_control(int mode, struct berval cookie,
    LDAPControl **ret_control);
/*
 * The UUID of such an entry, and its version by the schema's name; without
 * one ret_csn is "". Returns 0, -ENOMEM, ENS_E_PROTOCOL.
 */
int ldap_sync_stamps(const struct schema *schema, LDAP *ld, LDAPMessage *raw,
    uint8_t ret_uuid[ENTRY_UUID_LEN], char ret_csn[ENTRY_CSN_MAX + 1]);

/* What a result code that ends a search means to us: ENS_E_BEHIND (53),
 * ENS_E_REFRESH (4096), else ENS_E_INCOMPLETE. */
int ldap_sync_end_error(int code);

#endif
