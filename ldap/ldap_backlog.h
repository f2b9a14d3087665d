/*
 * Reading ahead. A server that has to wait until its client has read pays for
 * it: OpenLDAP's back-mdb gives its snapshot back and looks up once more every
 * parent of an entry that it has sent so far (mdb_waitfixup()), so that a
 * refresh of many entries takes the square of their number. A client that does
 * more with an entry than to throw it away makes it wait nearly always.
 *
 * So whatever the server has to say is taken off the socket at once, and kept
 * until libldap asks for it: in a little memory, then in a file without a name.
 * The layer lies above TLS (lber-sockbuf(3)), and libldap knows nothing of it.
 */
#ifndef ENSCALE_LDAP_LDAP_BACKLOG_H
#define ENSCALE_LDAP_LDAP_BACKLOG_H

#include <ldap.h>

/*
 * Reads ahead on a connection that is secured and bound, until it is closed.
 * The file is made in folder dir when it is first needed: mode 0600, of as
 * many bytes as wait, LDAP_BACKLOG_MAX at most, and never so large that less
 * than LDAP_BACKLOG_SPARE and twice its own size is left on its file system.
 * Where there is no room the server waits, as it would anyway.
 *
 * Returns 0, -ENOMEM, or ENS_E_LDAP when the connection has no socket.
 */
int ldap_backlog_add(LDAP *ld, const char *dir);

#endif
