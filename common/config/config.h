/*
 * /etc/enscale/enscale.conf: an INI file read with libinih. Every key has a
 * default; an unknown section or key, a key that is given twice, or a bad value
 * is an error that names file and line. The keys are listed in enscale.conf(5).
 */
#ifndef ENSCALE_COMMON_CONFIG_CONFIG_H
#define ENSCALE_COMMON_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/names/schema.h"

#define CONFIG_VALUE_MAX 1024
#define CONFIG_ERROR_MAX (2 * CONFIG_VALUE_MAX)

enum config_method {
	CONFIG_METHOD_SYNC, /* RFC 4533: the server reports every change */
	CONFIG_METHOD_POLL, /* it is polled */
};

enum config_scope {
	CONFIG_SCOPE_SUBTREE,
	CONFIG_SCOPE_ONE, /* the entries directly below base */
};

struct config {
	/* [directory] */
	char uri[CONFIG_VALUE_MAX];  /* ldapi:///, ldap(s)://...; several with
					spaces: tried in this order */
	char base[CONFIG_VALUE_MAX]; /* suffix, e.g. dc=enscale,dc=example */
	char bind_dn[CONFIG_VALUE_MAX];       /* "": SASL EXTERNAL */
	char password_file[CONFIG_VALUE_MAX]; /* regular, mode 0600 or 0400 */
	bool start_tls;                       /* "yes" by default on ldap:// */
	char tls_ca[CONFIG_VALUE_MAX];        /* "": the system's */
	char filter[CONFIG_VALUE_MAX];        /* "": our classes */
	enum config_scope scope;
	enum config_method method;
	int64_t poll_interval; /* seconds between looks at changes */
	int64_t poll_listing;  /* and at what still exists */
	uint32_t timeout;      /* seconds for one operation to answer */

	/* [mapping]: what the directory calls the names of our schema */
	struct schema schema;

	/* [names] */
	uint32_t uid_base;
	bool enumerate; /* getpwent() lists the accounts */

	/* [policy] */
	uint32_t max_sessions; /* for accounts whose entry gives none */
	uint32_t max_logins;   /* new sessions of an account in a minute */
	uint32_t max_hops;     /* connections of an account to nodes */
	uint32_t max_session_hops;
	uint32_t max_processes;  /* of an account, by its uid */
	int64_t menu_idle;       /* seconds; 0: no limit */
	int64_t hop_idle;        /* the same, of a hop at a terminal */
	int64_t offline_max_age; /* seconds; 0: none */
	/* Account numbers: who is let in while the gateway is drained. */
	char drain_allow[CONFIG_VALUE_MAX];
	char support[CONFIG_VALUE_MAX]; /* whom to ask; ends refusals */

	/* [gateway]: what users are shown and told to type */
	char host[CONFIG_VALUE_MAX];         /* ssh.enscale.com */
	uint16_t port;                       /* 3022 */
	char host_keys[CONFIG_VALUE_MAX];    /* public key files, spaces */
	char announcement[CONFIG_VALUE_MAX]; /* in the menu; "": none */

	/* [hop] */
	char source_addresses[CONFIG_VALUE_MAX]; /* CIDR list for
			certificates; "": every address of this host at start */
	uint32_t cert_lifetime;   /* seconds, at most CERT_SECONDS_MAX */
	uint32_t connect_timeout; /* seconds */
	bool native; /* users' own ssh may reach their nodes through here */

	/* [keys]; manage: users may add and delete their own, through
	 * enscale-keyd */
	bool no_touch; /* for schema: keys may have no-touch-required */
	bool manage;
	char keyd_bind_dn[CONFIG_VALUE_MAX]; /* "": SASL EXTERNAL */
	char keyd_password_file[CONFIG_VALUE_MAX];

	/* [paths] */
	char state_dir[CONFIG_VALUE_MAX]; /* /var/lib/enscale */
	char run_dir[CONFIG_VALUE_MAX];   /* /run/enscale */
	char ca_key[CONFIG_VALUE_MAX];    /* /etc/enscale/ca/ca */
	char audit_log[CONFIG_VALUE_MAX]; /* /var/log/enscale/audit.log */

	/* [audit] */
	bool audit_syslog;
};

/* Fills in the defaults. */
void config_init(struct config *ret_config);

/*
 * Reads path over the defaults. A missing file is an error. Returns 0;
 * -errno; ENS_E_CONFIG. On failure ret_error holds "path:line: reason, what
 * to do" and *ret_config is untouched.
 */
ENS_MUST_CHECK int config_load(const char *path, struct config *ret_config,
    char ret_error[CONFIG_ERROR_MAX]);

/* Paths below state_dir and run_dir; each fits, with its NUL, in size bytes. */
#define CONFIG_MAP_FILE     "map/accounts.map"
#define CONFIG_VIEW_DIR     "view"
#define CONFIG_STATE_DIR    "state"
#define CONFIG_GUARD_DIR    "guard" /* below both */
#define CONFIG_SESSIONS_DIR "sessions"
#define CONFIG_CA_FILE      "guard/ca" /* the fingerprint of the key that signs */
#define CONFIG_GUARD_SOCKET "guard/guard.sock"
#define CONFIG_AGENT_SOCKET "guard/agent.sock"
#define CONFIG_AUDIT_SOCKET "guard/audit.sock"
#define CONFIG_KEYD_SOCKET  "keyd/keyd.sock"
#define CONFIG_SYNC_SOCKET  "sync/control.sock"
#define CONFIG_LOGINS_FILE  "logins" /* pam_enscale's (login_rate.h) */
/* Operators ask there (common/protocol/operator_protocol.h); what they have
 * said (common/protocol/notice.h) is below state_dir. */
#define CONFIG_OPERATOR_SOCKET   "guard/operator.sock"
#define CONFIG_DRAIN_FILE        "guard/drain"
#define CONFIG_ANNOUNCEMENT_FILE "guard/announcement"
/* Exists while hop.native is on, for enscale-keys, which reads no
 * configuration. */
#define CONFIG_NATIVE_MARK "guard/native"
/* Datagrams of enscale-sync, of any content: the view was published. */
#define CONFIG_NOTIFY_SOCKET "guard/notify.sock"
#define CONFIG_PATH_MAX      (CONFIG_VALUE_MAX + 64)

/* Joins folder and name; ENS_E_LIMIT when buf (CONFIG_PATH_MAX) is too
 * small. */
int config_path(const char *folder, const char *name,
    char buf[CONFIG_PATH_MAX]);

#endif
