/*
 * One login, as PAM sees it: from sshd's account check to the end of the
 * connection. It knows policy, registry and configuration; it does not know
 * PAM, its handles or its codes (pam_enscale.c does).
 */
#ifndef ENSCALE_PAM_LOGIN_H
#define ENSCALE_PAM_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/config/config.h"
#include "common/names/login_name.h"
#include "common/policy/policy.h"
#include "pam_enscale/name_service.h"

/* How a step ends. There is one yes; whatever is added later must be a no. */
enum login_outcome {
	LOGIN_ALLOWED = 1,
	LOGIN_NOT_OURS, /* a name outside the grammar */
	LOGIN_UNKNOWN,  /* no such account */
	LOGIN_EXPIRED,  /* the account has expired */
	LOGIN_REFUSED,  /* policy, an operator or the session limit says no */
	LOGIN_CANNOT_TELL, /* no view, registry or memory, or another's name */
	LOGIN_MISUSED,     /* wrong arguments, configuration or order */
};

/* What is kept from acct_mgmt to close_session; it owns nothing. */
struct login {
	struct login_name name;
	char session[SESSION_ID_LEN + 1];
	char sessions_dir[CONFIG_PATH_MAX]; /* the record's folder */
	bool published;
	/* of the open session, for the log line at its end */
	char address[ADDRESS_TEXT_MAX + 1];
	uint8_t fingerprint[SHA256_LEN];
};

/* What a step found: for the log, with a sentence for the person. */
struct login_report {
	/* one word: policy's verdict, "session-limit", "login-limit" or
	 * "name-service" */
	const char *reason;
	int error; /* the cause of LOGIN_CANNOT_TELL, or 0 */
	char cause[NAME_SERVICE_CAUSE_MAX]; /* more of it, or empty */
	bool has_fingerprint;
	uint8_t fingerprint[SHA256_LEN];
	char sentence[POLICY_SENTENCE_MAX];
};

/* Where the user comes from and what sshd verified. */
struct login_source {
	char address[ADDRESS_TEXT_MAX + 1];
	uint16_t port;         /* 0: not known */
	const char *auth_info; /* SSH_AUTH_INFO_0, or NULL */
};

/* A new session id for this name. 0 or -errno. */
int login_begin(struct login *ret_login, const struct login_name *name);

/*
 * Reads the address that sshd gives; a zone ("%eth0") is dropped. Returns 0, or
 * ENS_E_SYNTAX if it is not a numeric address.
 */
int login_parse_address(const char *text,
    char ret_address[ADDRESS_TEXT_MAX + 1]);

/* The client's port in SSH_CONNECTION, "ADDRESS PORT ADDRESS PORT"; 0 where it
 * does not say one. */
uint16_t login_parse_connection(const char *text);

/*
 * The fingerprint of the key that opened the connection, from sshd's
 * "publickey TYPE BASE64" and nothing else. 0, ENS_E_SYNTAX, ENS_E_CRYPTO,
 * or as ssh_key_parse().
 */
int login_parse_auth_info(const char *text, uint8_t ret_digest[SHA256_LEN]);

/* May this account log in, does the name service know it as itself, and may it
 * open one more session? */
enum login_outcome login_check_account(const struct config *config,
    const struct login *login, const struct login_source *source,
    struct login_report *ret_report);

/*
 * Publishes the session and then asks policy again, with the key: what was
 * revoked in between is noticed here, and for what is revoked later the guard
 * finds the session in the registry. A no removes the record again.
 */
enum login_outcome login_open_session(const struct config *config,
    struct login *login, const struct login_source *source,
    struct login_report *ret_report);

/* Removes the record, if there is one. 0 or -errno. */
int login_close_session(struct login *login);

#endif
