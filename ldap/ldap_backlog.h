/*
 * Reading ahead. Waiting for its client costs a server time: OpenLDAP's
 * back-mdb releases its snapshot and then looks up again every parent of an
 * entry that it has sent so far (mdb_waitfixup()), so the time for a refresh
 * grows with the square of the number of entries. A client that does anything
 * with an entry other than dropping it makes the server wait nearly always.
 *
 * So whatever the server sends is read from the socket at once, and kept until
 * libldap asks for it: in a little memory, then in a file without a name. The
 * layer is above TLS (lber-sockbuf(3)), and libldap knows nothing about it.
 */
#ifndef ENSCALE_LDAP_LDAP_BACKLOG_H
#define ENSCALE_LDAP_LDAP_BACKLOG_H

#include <ldap.h>

/*
 * Reads ahead on a connection that is secured and bound, until it is closed.
 * The file is made in folder dir when it is first needed: mode 0600, as large
 * as what waits, at most LDAP_BACKLOG_MAX, and never so large that less than
 * LDAP_BACKLOG_SPARE and twice its own size is free on its file system. If
 * there is no room the server waits, as it would anyway.
 *
 * Returns 0, -ENOMEM, or ENS_E_LDAP when the connection has no socket.
 */
int ldap_backlog_add(LDAP *ld, const char *dir);

#endif
