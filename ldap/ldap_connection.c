/* Connections to the directory. See ldap_connection.h. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "ldap/ldap_connection.h"

/* Where Debian keeps the system's certificates. */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

/* A silent peer is noticed by the kernel, too. */
#define KEEPALIVE_IDLE     30
#define KEEPALIVE_PROBES   3
#define KEEPALIVE_INTERVAL 10

int
ldap_connection_uri(const char *list, uint32_t i, char ret_uri[LDAP_URI_MAX])
{
	const char *at = list;
	size_t len;

	for (;;) {
		at += strspn(at, " \t");
		len = strcspn(at, " \t");
		if (len == 0)
			return ENS_E_NOTFOUND;
		if (i-- == 0)
			break;
		at += len;
	}
	if (len >= LDAP_URI_MAX)
		return ENS_E_LIMIT;
	memcpy(ret_uri, at, len);
	ret_uri[len] = '\0';
	return 0;
}

void
ldap_connection_reason(LDAP *ld, int code, const char *what,
    char ret_reason[LDAP_REASON_MAX])
{
	char *diagnostic = NULL;

	if (ld != NULL)
		(void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE,
		    &diagnostic);
	if (diagnostic != NULL && *diagnostic != '\0')
		(void)snprintf(ret_reason, LDAP_REASON_MAX, "%s: %s (%s)", what,
		    ldap_err2string(code), diagnostic);
	else
		(void)snprintf(ret_reason, LDAP_REASON_MAX, "%s: %s", what,
		    ldap_err2string(code));
	ldap_memfree(diagnostic);
}

/* ---- password ---------------------------------------------------------- */

static int
check_password_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07177) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return ENS_E_CONFIG;
	return 0;
}

int
ldap_password_read(const char *path, char ret_password[LDAP_PASSWORD_MAX])
{
	int fd AUTO_FD = open(path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char buf[LDAP_PASSWORD_MAX + 1];
	ssize_t n;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	r = check_password_file(fd);
	if (r != 0)
		return r;
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	len = 0;
	while (len < (size_t)n && buf[len] != '\n' && buf[len] != '\r')
		len++;
	if (len == 0 || memchr(buf, '\0', len) != NULL) {
		r = ENS_E_CONFIG;
	} else if (len >= LDAP_PASSWORD_MAX) {
		r = ENS_E_LIMIT;
	} else {
		memcpy(ret_password, buf, len);
		ret_password[len] = '\0';
	}
	explicit_bzero(buf, sizeof(buf));
	return r;
}

/* ---- opening ----------------------------------------------------------- */

static void
cleanup_ld(LDAP **ld)
{
	if (*ld != NULL)
		ldap_connection_close(*ld);
}

void
ldap_connection_close(LDAP *ld)
{
	(void)ldap_unbind_ext(ld, NULL, NULL);
}

static bool
is_local(const char *uri)
{
	return strncmp(uri, "ldapi:", 6) == 0;
}

static bool
is_plain(const char *uri)
{
	return strncmp(uri, "ldap:", 5) == 0;
}

static int
set_int(LDAP *ld, int option, int value)
{
	return ldap_set_option(ld, option, &value);
}

static int
set_transport(LDAP *ld, uint32_t timeout)
{
	struct timeval tv = { .tv_sec = timeout == 0 ? 1 : timeout };

	if (set_int(ld, LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &tv) != 0 ||
	    set_int(ld, LDAP_OPT_X_KEEPALIVE_IDLE, KEEPALIVE_IDLE) != 0 ||
	    set_int(ld, LDAP_OPT_X_KEEPALIVE_PROBES, KEEPALIVE_PROBES) != 0 ||
	    set_int(ld, LDAP_OPT_X_KEEPALIVE_INTERVAL, KEEPALIVE_INTERVAL) != 0)
		return LDAP_OTHER;
	return 0;
}

static int
set_tls(LDAP *ld, const char *tls_ca)
{
	const char *ca = *tls_ca != '\0' ? tls_ca : SYSTEM_CA_FILE;

	if (set_int(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND) !=
	        0 ||
	    set_int(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN,
	        LDAP_OPT_X_TLS_PROTOCOL_TLS1_2) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) != 0 ||
	    set_int(ld, LDAP_OPT_X_TLS_NEWCTX, 0) != 0)
		return LDAP_OTHER;
	return 0;
}

static int
bind_external(LDAP *ld)
{
	/* Empty, not absent: absent credentials get a challenge first. */
	char nobody_else[] = "";
	struct berval authzid = { 0, nobody_else };

	return ldap_sasl_bind_s(ld, "", "EXTERNAL", &authzid, NULL, NULL, NULL);
}

static int
bind_simple(LDAP *ld, const char *dn, char *password)
{
	struct berval secret = { strlen(password), password };

	return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL,
	    NULL);
}

static int
bind_as(LDAP *ld, const struct ldap_connection_options *options,
    char reason[LDAP_REASON_MAX])
{
	char password[LDAP_PASSWORD_MAX];
	int r;

	if (*options->bind_dn == '\0') {
		r = bind_external(ld);
		if (r == LDAP_SUCCESS)
			return 0;
		ldap_connection_reason(ld, r, "SASL EXTERNAL", reason);
		return ENS_E_LDAP;
	}
	r = ldap_password_read(options->password_file, password);
	if (r != 0) {
		(void)snprintf(reason, LDAP_REASON_MAX,
		    "password_file \"%s\": %s", options->password_file,
		    r == ENS_E_CONFIG
		        ? "has to be a regular file of our own with mode 0600 or 0400 and a password in it"
		        : error_text(r));
		return r;
	}
	r = bind_simple(ld, options->bind_dn, password);
	explicit_bzero(password, sizeof(password));
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(ld, r, "bind", reason);
	return ENS_E_LDAP;
}

int
ldap_connection_open(const struct ldap_connection_options *options,
    const char *uri, LDAP **ret_ld, char ret_reason[LDAP_REASON_MAX])
{
	LDAP *ld AUTO(cleanup_ld) = NULL;
	const char *what = "options";
	int r;

	/* Read by libldap at its first use: no file and no variable but ours
	 * decides what is verified, or how many entries come. */
	(void)setenv("LDAPNOINIT", "1", 1);
	r = ldap_initialize(&ld, uri);
	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(NULL, r, "uri", ret_reason);
		return ENS_E_LDAP;
	}
	r = set_transport(ld, options->timeout);
	if (r == 0 && !is_local(uri)) {
		what = "tls_ca";
		r = set_tls(ld, options->tls_ca);
	}
	if (r == 0) {
		what = "connect";
		r = ldap_connect(ld);
	}
	if (r == 0 && options->start_tls && is_plain(uri)) {
		what = "StartTLS";
		r = ldap_start_tls_s(ld, NULL, NULL);
	}
	if (r != 0) {
		ldap_connection_reason(ld, r, what, ret_reason);
		return ENS_E_LDAP;
	}
	r = bind_as(ld, options, ret_reason);
	if (r != 0)
		return r;
	*ret_ld = ld;
	ld = NULL;
	return 0;
}
