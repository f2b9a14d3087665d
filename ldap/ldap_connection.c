/* Connections to the directory. See ldap_connection.h. */
#include <config.h>

#include "ldap/ldap_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openldap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

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

/* systemd has made the folder for nobody but this service, and root. The file
 * has to lie right in it: "..", or a folder in between, is no credential. */
static bool
is_credential(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	size_t len = folder == NULL ? 0 : strlen(folder);

	return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/' &&
	    strchr(path + len + 1, '/') == NULL;
}

/* A credential may have the group of systemd's own access list: 0440. */
static int
check_password_file(const char *path, int fd)
{
	const mode_t allowed = is_credential(path) ? 0640 : 0600;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07777 & ~allowed) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return ENS_E_CONFIG;
	return 0;
}

static int
read_password(const char *path, char ret_password[LDAP_PASSWORD_MAX])
{
	AUTO_FD int fd = open(path,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char buf[LDAP_PASSWORD_MAX + 1];
	ssize_t n;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	r = check_password_file(path, fd);
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

/* The credential with the name of a file. 0; ENS_E_NOTFOUND: there are none;
 * ENS_E_LIMIT. */
static int
credential_path(const char *file, char ret_path[PATH_MAX])
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *slash = strrchr(file, '/');
	int n;

	if (folder == NULL || slash == NULL)
		return ENS_E_NOTFOUND;
	n = snprintf(ret_path, PATH_MAX, "%s%s", folder, slash);
	return n >= 0 && n < PATH_MAX ? 0 : ENS_E_LIMIT;
}

int
ldap_password_read(const char *path, char ret_password[LDAP_PASSWORD_MAX])
{
	char credential[PATH_MAX];
	int r = read_password(path, ret_password);

	/* Root's alone: systemd has read it for us, when we were started. */
	if (r == -EACCES && credential_path(path, credential) == 0 &&
	    read_password(credential, ret_password) == 0)
		return 0;
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
has_scheme(const char *uri, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(uri, scheme, len) == 0 && uri[len] == ':';
}

static int
set_int(LDAP *ld, int option, int value)
{
	return ldap_set_option(ld, option, &value);
}

struct timeval
ldap_connection_patience(int64_t milliseconds)
{
	struct timeval patience = { .tv_sec = milliseconds / 1000,
		.tv_usec = milliseconds % 1000 * 1000 };
#ifdef ENS_LIBRARIES_TIME_32
	const int32_t theirs[] = { (int32_t)patience.tv_sec,
		(int32_t)patience.tv_usec };

	memcpy(&patience, theirs, sizeof(theirs));
#endif
	return patience;
}

static int
set_transport(LDAP *ld, uint32_t timeout)
{
	struct timeval tv = ldap_connection_patience((int64_t)timeout * 1000);

	if (set_int(ld, LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &tv) != 0)
		return LDAP_OTHER;
	return LDAP_SUCCESS;
}

/* ---- over a local socket ----------------------------------------------- */

static int
open_local(const struct ldap_connection_options *options, const char *uri,
    LDAP **ret_ld, char reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_ld) LDAP *ld = NULL;
	const char *what = "uri";
	int r = ldap_initialize(&ld, uri);

	if (r == LDAP_SUCCESS)
		r = set_transport(ld, options->timeout);
	if (r == LDAP_SUCCESS) {
		what = "connect";
		r = ldap_connect(ld);
	}
	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(ld, r, what, reason);
		return ENS_E_LDAP;
	}
	*ret_ld = ld;
	ld = NULL;
	return 0;
}

/* ---- over TCP ---------------------------------------------------------- */

static int64_t
milliseconds(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Best effort: without them a silent peer is noticed later. */
static void
set_socket(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

/* One address: a connected socket that never blocks, or -errno. */
static int
connect_address(const struct addrinfo *address, int64_t deadline)
{
	AUTO_FD int fd = socket(address->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int64_t left = deadline - milliseconds();
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -errno;
	set_socket(fd);
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		if (errno != EINPROGRESS)
			return -errno;
		if (poll(&ready, 1, left > 0 ? (int)left : 0) != 1)
			return -ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
			return -errno;
		if (error != 0)
			return -error;
	}
	return TAKE_FD(fd);
}

static void
cleanup_addresses(struct addrinfo **addresses)
{
	if (*addresses != NULL)
		freeaddrinfo(*addresses);
}

/* The first address of a list that takes a connection. */
static int
connect_first(const struct addrinfo *addresses, uint32_t timeout,
    char reason[LDAP_REASON_MAX])
{
	int64_t deadline = milliseconds() + (int64_t)timeout * 1000;
	int fd = -EHOSTUNREACH;

	for (const struct addrinfo *a = addresses; a != NULL && fd < 0;
	     a = a->ai_next)
		fd = connect_address(a, deadline);
	if (fd >= 0)
		return fd;
	(void)snprintf(reason, LDAP_REASON_MAX, "connect: %s", error_text(fd));
	return ENS_E_LDAP;
}

static int
connect_host(const LDAPURLDesc *url, uint32_t timeout,
    char reason[LDAP_REASON_MAX])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	AUTO(cleanup_addresses) struct addrinfo *addresses = NULL;
	char port[16];
	int r;

	(void)snprintf(port, sizeof(port), "%d", url->lud_port);
	r = getaddrinfo(url->lud_host, port, &hints, &addresses);
	if (r == 0)
		return connect_first(addresses, timeout, reason);
	(void)snprintf(reason, LDAP_REASON_MAX, "host \"%s\": %s",
	    url->lud_host == NULL ? "" : url->lud_host, gai_strerror(r));
	return ENS_E_LDAP;
}

static int
connect_peer(const struct ldap_connection_options *options,
    char reason[LDAP_REASON_MAX])
{
	struct sockaddr_storage peer = options->peer;
	const struct addrinfo address = {
		.ai_family = peer.ss_family,
		.ai_addr = (struct sockaddr *)&peer,
		.ai_addrlen = options->peer_len,
	};

	return connect_first(&address, options->timeout, reason);
}

static void
cleanup_url(LDAPURLDesc **url)
{
	if (*url != NULL)
		ldap_free_urldesc(*url);
}

/* A connected socket to the host of a URI, or ENS_E_LDAP. */
static int
connect_uri(const struct ldap_connection_options *options, const char *uri,
    char reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_url) LDAPURLDesc *url = NULL;

	if (options->peer_len > 0)
		return connect_peer(options, reason);

	if (ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS) {
		(void)snprintf(reason, LDAP_REASON_MAX, "uri: malformed");
		return ENS_E_LDAP;
	}
	return connect_host(url, options->timeout, reason);
}

/* Does ldap.conf(5) say whom to trust? */
static bool
names_ca(LDAP *ld)
{
	static const int options[] = { LDAP_OPT_X_TLS_CACERTFILE,
		LDAP_OPT_X_TLS_CACERTDIR };
	bool named = false;
	char *path;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		path = NULL;
		if (ldap_get_option(ld, options[i], &path) == LDAP_SUCCESS)
			named |= path != NULL;
		ldap_memfree(path);
	}
	return named;
}

static int
set_tls(LDAP *ld, const struct ldap_connection_options *options)
{
	bool ours = !options->personal || *options->tls_ca != '\0';
	const char *ca = *options->tls_ca != '\0' ? options->tls_ca
	                                          : SYSTEM_CA_FILE;

	/* A person's ldap.conf(5) may name a certificate to show, and others to
	 * trust. */
	if (!ours &&
	    (names_ca(ld) ||
	        ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) == 0))
		return set_int(ld, LDAP_OPT_X_TLS_NEWCTX, 0) == 0 ? LDAP_SUCCESS
		                                                  : LDAP_OTHER;
	if (set_int(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND) !=
	        0 ||
	    set_int(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN,
	        LDAP_OPT_X_TLS_PROTOCOL_TLS1_2) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) != 0 ||
	    set_int(ld, LDAP_OPT_X_TLS_NEWCTX, 0) != 0)
		return LDAP_OTHER;
	return LDAP_SUCCESS;
}

/*
 * libldap 2.5 keeps its timeout in a TLS handshake only when told that it
 * connects asynchronously; else it spins on a silent server for ever. 2.6
 * keeps it when told nothing, and told so it does not wait at all.
 */
static const void *
tls_async(void)
{
	LDAPAPIInfo info = { .ldapai_info_version = LDAP_API_INFO_VERSION };

	if (ldap_get_option(NULL, LDAP_OPT_API_INFO, &info) != LDAP_SUCCESS)
		return LDAP_OPT_OFF;
	ber_memvfree((void **)info.ldapai_extensions);
	ldap_memfree(info.ldapai_vendor_name);
	return info.ldapai_vendor_version < 20600 ? LDAP_OPT_ON : LDAP_OPT_OFF;
}

static int
start_tls(LDAP *ld, bool by_request)
{
	int r = ldap_set_option(ld, LDAP_OPT_CONNECT_ASYNC, tls_async());
	int fd = -1;

	if (r == LDAP_SUCCESS)
		r = by_request ? ldap_start_tls_s(ld, NULL, NULL)
		               : ldap_install_tls(ld);
	if (r == LDAP_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_OFF);
	/* 2.6 leaves the socket blocking. */
	if (r == LDAP_SUCCESS &&
	    (ldap_get_option(ld, LDAP_OPT_DESC, &fd) != LDAP_SUCCESS ||
	        fcntl(fd, F_SETFL, O_NONBLOCK) != 0))
		r = LDAP_LOCAL_ERROR;
	return r;
}

static int
open_tcp(const struct ldap_connection_options *options, const char *uri,
    LDAP **ret_ld, char reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_ld) LDAP *ld = NULL;
	const char *what = "uri";
	int fd = connect_uri(options, uri, reason), r;

	if (fd < 0)
		return fd;
	r = ldap_init_fd(fd, LDAP_PROTO_TCP, uri, &ld);
	if (r != LDAP_SUCCESS)
		close(fd);
	if (r == LDAP_SUCCESS)
		r = set_transport(ld, options->timeout);
	if (r == LDAP_SUCCESS && set_tls(ld, options) != LDAP_SUCCESS) {
		(void)snprintf(reason, LDAP_REASON_MAX,
		    "tls_ca \"%s\": not a readable file of certificates",
		    options->tls_ca);
		return ENS_E_LDAP;
	}
	if (r == LDAP_SUCCESS &&
	    (has_scheme(uri, "ldaps") || options->start_tls)) {
		what = "TLS";
		r = start_tls(ld, !has_scheme(uri, "ldaps"));
	}
	if (r == LDAP_CONNECT_ERROR) {
		/* libldap says "unknown error code" with GnuTLS (Debian 12),
		 * and words of OpenSSL's on top of ours (13). */
		(void)snprintf(reason, LDAP_REASON_MAX,
		    "TLS: the certificate does not prove that this is the host: its name, its dates or its issuer");
		return ENS_E_LDAP;
	}
	if (r != LDAP_SUCCESS) {
		ldap_connection_reason(ld, r, what, reason);
		return ENS_E_LDAP;
	}
	*ret_ld = ld;
	ld = NULL;
	return 0;
}

/* ---- identity ---------------------------------------------------------- */

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
take_password(const struct ldap_connection_options *options,
    char ret_password[LDAP_PASSWORD_MAX])
{
	size_t len;

	if (options->password == NULL)
		return ldap_password_read(options->password_file, ret_password);
	len = strlen(options->password);
	if (len >= LDAP_PASSWORD_MAX)
		return ENS_E_LIMIT;
	memcpy(ret_password, options->password, len + 1);
	return 0;
}

static int
bind_as(LDAP *ld, const struct ldap_connection_options *options,
    char reason[LDAP_REASON_MAX])
{
	char password[LDAP_PASSWORD_MAX];
	int r;

	if (*options->bind_dn == '\0' && options->password == NULL) {
		r = bind_external(ld);
		if (r == LDAP_SUCCESS)
			return 0;
		ldap_connection_reason(ld, r, "SASL EXTERNAL", reason);
		return ENS_E_LDAP;
	}
	r = take_password(options, password);
	if (r != 0) {
		(void)snprintf(reason, LDAP_REASON_MAX,
		    "password_file \"%s\": %s", options->password_file,
		    r == ENS_E_CONFIG || r == -EACCES
		        ? "must be a regular file with a password in it, owned by this user, mode 0600 or 0400; or owned by root, where the unit has a credential of its name (LoadCredential=)"
		        : error_text(r));
		return r;
	}
	r = bind_simple(ld, *options->bind_dn != '\0' ? options->bind_dn : NULL,
	    password);
	explicit_bzero(password, sizeof(password));
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(ld, r, "bind", reason);
	return ENS_E_LDAP;
}

void
ldap_connection_prepare(void)
{
	static bool prepared;
	int version;

	if (prepared)
		return;
	prepared = true;
	/* Read by libldap at its first use: no file and no variable but ours
	 * decides what is verified, or how many entries come. */
	(void)setenv("LDAPNOINIT", "1", 1);
	(void)ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

int
ldap_connection_open(const struct ldap_connection_options *options,
    const char *uri, LDAP **ret_ld, char ret_reason[LDAP_REASON_MAX])
{
	AUTO(cleanup_ld) LDAP *ld = NULL;
	int r;

	if (!options->personal)
		ldap_connection_prepare();
	r = has_scheme(uri, "ldapi") ? open_local(options, uri, &ld, ret_reason)
	                             : open_tcp(options, uri, &ld, ret_reason);
	if (r == 0 && !options->anonymous)
		r = bind_as(ld, options, ret_reason);
	if (r != 0)
		return r;
	*ret_ld = ld;
	ld = NULL;
	return 0;
}
