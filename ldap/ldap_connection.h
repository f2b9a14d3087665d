/*
 * Connections to the directory: opened, secured and bound, or not at all.
 * Certificates and names are always verified; nothing is sent in the clear
 * that should not be; referrals are not followed; ldap.conf(5), ldaprc and
 * LDAP... variables of the environment count for nothing, unless it is a
 * person's own connection.
 *
 * Opening waits, at most timeout seconds for each of its steps.
 */
#ifndef ENSCALE_LDAP_LDAP_CONNECTION_H
#define ENSCALE_LDAP_LDAP_CONNECTION_H

#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/names/schema.h"

#define LDAP_URI_MAX      1024
#define LDAP_REASON_MAX   512
#define LDAP_PASSWORD_MAX 1024

/* Everything is borrowed; as in struct config. */
struct ldap_connection_options {
	const char *bind_dn;       /* "": SASL EXTERNAL */
	const char *password_file; /* "": none */
	/* Instead of the file's; NULL: none. With it bind_dn "" is BINDDN of
	 * ldap.conf(5), where that counts. */
	const char *password;
	bool anonymous;     /* nobody binds: neither counts */
	bool personal;      /* ldap.conf(5), ldaprc and the environment count */
	bool start_tls;     /* on ldap://, or fail */
	const char *tls_ca; /* a file; "": the system's */
	uint32_t timeout;   /* seconds */
	/* The directory's own names, for ldap_opening.h; NULL: the same as
	 * ours. */
	const struct schema *schema;
	/* A folder for what is read ahead (ldap_backlog.h); NULL: nothing is. */
	const char *backlog_dir;
	/* The address that uri resolved to before, so that another connection
	 * goes to the same server; length 0: the name is resolved. */
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

/* What the first ldap_connection_open() does for the whole process; to be
 * called before there are threads. */
void ldap_connection_prepare(void);

/*
 * Opens one URI: ldap://, ldaps:// or ldapi://. Returns 0; -errno or
 * ENS_E_CONFIG when the password file cannot be used; ENS_E_LDAP. On failure
 * ret_reason says what failed, in the words of whatever refused. The caller
 * owns
 * *ret_ld: ldap_connection_close().
 */
int ldap_connection_open(const struct ldap_connection_options *options,
    const char *uri, LDAP **ret_ld, char ret_reason[LDAP_REASON_MAX]);
void ldap_connection_close(LDAP *ld);

/* The i-th of the URIs in a list with spaces. 0, or ENS_E_NOTFOUND after the
 * last; ENS_E_LIMIT. */
int ldap_connection_uri(const char *list, uint32_t i,
    char ret_uri[LDAP_URI_MAX]);

/*
 * A time limit, only for libldap: where time_t has 32 bits by default, its
 * struct timeval differs from ours. (A limit of zero is the same in both.)
 */
struct timeval ldap_connection_patience(int64_t milliseconds);

/* Words an LDAP result code with what the server said to it. */
void ldap_connection_reason(LDAP *ld, int code, const char *what,
    char ret_reason[LDAP_REASON_MAX]);

/*
 * Reads a password: a regular file of ours or root's, mode 0600 or 0400, its
 * first line without the line end. If we may not read it, the credential with
 * the file's name is used (systemd's LoadCredential=). Returns 0, -errno,
 * ENS_E_CONFIG (mode, owner, not a regular file, empty), ENS_E_LIMIT.
 */
int ldap_password_read(const char *path, char ret_password[LDAP_PASSWORD_MAX]);

#endif
