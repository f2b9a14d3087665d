/*
 * One space of error codes: 0 is success, -errno is what the system said, and
 * the codes below are our own. A code names a cause, not a place; error_text()
 * is the only function that words it.
 */
#ifndef ENSCALE_COMMON_BASE_ERRORS_H
#define ENSCALE_COMMON_BASE_ERRORS_H

enum ens_error {
	ENS_E_NOTFOUND = -1000,   /* an authoritative no */
	ENS_E_SYNTAX = -1001,     /* text outside its grammar */
	ENS_E_RANGE = -1002,      /* a number outside its range */
	ENS_E_LIMIT = -1003,      /* larger than common/base/limits.h allows */
	ENS_E_VIEW = -1004,       /* no published view: cannot tell */
	ENS_E_VERSION = -1005,    /* written by another version: cannot tell */
	ENS_E_CORRUPT = -1006,    /* broken record or file: cannot tell */
	ENS_E_STALE = -1007,      /* retired or replaced: open it again */
	ENS_E_KEY_FORMAT = -1008, /* not a public key */
	ENS_E_KEY_TYPE = -1009,   /* a key type that is not accepted */
	ENS_E_KEY_WEAK = -1010,   /* DSA, or RSA with too few bits */
	ENS_E_DENIED = -1011,     /* policy says no */
	ENS_E_CONFIG = -1012,     /* the configuration is wrong */
	ENS_E_LDAP = -1013,       /* the directory refused or disconnected */
	ENS_E_INCOMPLETE = -1014, /* a refresh ended before it was complete */
	ENS_E_BEHIND = -1015,     /* the server is behind our cookie (53) */
	ENS_E_REFRESH = -1016,    /* the server wants a refresh (4096) */
	ENS_E_CRYPTO = -1017,     /* libcrypto refused */
	ENS_E_PROTOCOL = -1018,   /* the peer broke the protocol */
	ENS_E_KEY_OPTION = -1019, /* a key's option that is not honoured */
};

/*
 * The sentence fragment for an error of ours or a -errno; static, or for
 * -errno values that of strerrordesc_np(3), so it can be used in any thread
 * and in other people's processes. Never NULL.
 */
const char *error_text(int error);

#endif
