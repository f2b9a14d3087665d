/*
 * pam_enscale - the gateway's PAM module: account and session
 *
 *	pam_enscale.so [config=FILE] [debug]
 *
 * It runs as root inside sshd's monitor, reads finished local files and
 * writes one: the session's record. Of a refusal it tells the guard, too,
 * without waiting. It refuses to authenticate (keys are
 * sshd's business), to change PAM_USER, to ask anybody, and to leave a decision
 * to the next module: PAM_IGNORE is for names that cannot be ours, and the
 * shipped stack turns it into a refusal.
 *
 * It links libcrypto for one SHA-256, of the key that sshd verified: sshd has
 * the same library loaded, and our own hash would be one more thing to trust.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "pam_enscale/guard.h"
#include "pam_enscale/login.h"

#define DATA_NAME "enscale_login"

struct call {
	pam_handle_t *pamh; /* borrowed */
	bool silent;
	const char *config_file;
	bool debug;
	struct login_name name;
	struct config *config;      /* owned */
	struct login *login;        /* borrowed from PAM's data */
	struct login_source source; /* borrows from PAM */
	struct login_report report;
};

/* The only place that knows PAM's codes. */
static int
to_pam(enum login_outcome outcome)
{
	switch (outcome) {
	case LOGIN_ALLOWED:
		return PAM_SUCCESS; /* the only way in */
	case LOGIN_NOT_OURS:
		return PAM_IGNORE;
	case LOGIN_UNKNOWN:
		return PAM_USER_UNKNOWN;
	case LOGIN_EXPIRED:
		return PAM_ACCT_EXPIRED;
	case LOGIN_REFUSED:
		return PAM_PERM_DENIED;
	case LOGIN_MISUSED:
		return PAM_SERVICE_ERR;
	case LOGIN_CANNOT_TELL:
		break;
	}
	return PAM_AUTHINFO_UNAVAIL;
}

/* ---- arguments and the name ----------------------------------------- */

static bool
take_argument(struct call *call, const char *argument)
{
	static const char config[] = "config=";
	const char *value;

	if (strcmp(argument, "debug") == 0 && !call->debug) {
		call->debug = true;
		return true;
	}
	if (strncmp(argument, config, sizeof(config) - 1) != 0)
		return false;
	value = argument + sizeof(config) - 1;
	if (value[0] != '/' || call->config_file != NULL)
		return false;
	call->config_file = value;
	return true;
}

static bool
take_arguments(struct call *call, int argc, const char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (take_argument(call, argv[i]))
			continue;
		pam_syslog(call->pamh, LOG_ERR,
		    "wrong argument \"%s\": at most config=/FILE and debug, each once",
		    argv[i]);
		return false;
	}
	if (call->config_file == NULL)
		call->config_file = ENS_CONFIG_FILE;
	return true;
}

static void
end_call(struct call *call)
{
	free(call->config);
}

/* What every entry does first. LOGIN_ALLOWED: the name is ours, go on. */
static enum login_outcome
begin(struct call *call, pam_handle_t *pamh, int flags, int argc,
    const char **argv)
{
	const void *user = NULL;

	*call = (struct call){ .pamh = pamh,
		.silent = (flags & PAM_SILENT) != 0 };
	if (!take_arguments(call, argc, argv))
		return LOGIN_MISUSED;
	if (pam_get_item(pamh, PAM_USER, &user) != PAM_SUCCESS || user == NULL)
		return LOGIN_MISUSED;
	if (login_name_parse(user, &call->name) != 0) {
		if (call->debug)
			pam_syslog(pamh, LOG_DEBUG, "not a name of ours");
		return LOGIN_NOT_OURS;
	}
	return LOGIN_ALLOWED;
}

/* ---- what is kept between the calls --------------------------------- */

static void
forget_login(pam_handle_t *pamh ENS_UNUSED, void *data, int status ENS_UNUSED)
{
	free(data);
}

static struct login *
find_login(const struct call *call)
{
	const void *data = NULL;
	struct login *login;

	if (pam_get_data(call->pamh, DATA_NAME, &data) != PAM_SUCCESS ||
	    data == NULL)
		return NULL;
	/* PAM hands out const what this module alone owns and changes. */
	memcpy(&login, &data, sizeof(login));
	return login;
}

static enum login_outcome
make_login(struct call *call)
{
	struct login *login = calloc(1, sizeof(*login));
	char variable[sizeof("ENSCALE_SESSION=") + SESSION_ID_LEN];
	int r = login != NULL ? login_begin(login, &call->name) : -ENOMEM;

	if (r == 0 &&
	    pam_set_data(call->pamh, DATA_NAME, login, forget_login) !=
	        PAM_SUCCESS)
		r = -ENOMEM;
	if (r < 0) {
		pam_syslog(call->pamh, LOG_ERR, "account=%u: no session id: %s",
		    call->name.account, error_text(r));
		free(login);
		return LOGIN_CANNOT_TELL;
	}
	call->login = login;
	/* For display; nothing of ours believes the environment. */
	snprintf(variable, sizeof(variable), "ENSCALE_SESSION=%s",
	    login->session);
	return pam_putenv(call->pamh, variable) == PAM_SUCCESS
	    ? LOGIN_ALLOWED
	    : LOGIN_CANNOT_TELL;
}

/* One session id per PAM handle, whoever asks for it first. */
static enum login_outcome
get_login(struct call *call)
{
	call->login = find_login(call);
	if (call->login == NULL)
		return make_login(call);
	if (call->login->name.account == call->name.account &&
	    call->login->name.node == call->name.node)
		return LOGIN_ALLOWED;
	pam_syslog(call->pamh, LOG_ERR, "PAM_USER was changed on the way");
	return LOGIN_MISUSED;
}

/* ---- configuration and source --------------------------------------- */

static enum login_outcome
get_config(struct call *call)
{
	char error[CONFIG_ERROR_MAX];

	call->config = calloc(1, sizeof(*call->config));
	if (call->config == NULL)
		return LOGIN_CANNOT_TELL;
	if (config_load(call->config_file, call->config, error) == 0)
		return LOGIN_ALLOWED;
	pam_syslog(call->pamh, LOG_ERR, "%s", error);
	return LOGIN_MISUSED;
}

static enum login_outcome
get_source(struct call *call)
{
	const void *host = NULL;
	const char *connection;

	if (pam_get_item(call->pamh, PAM_RHOST, &host) != PAM_SUCCESS ||
	    host == NULL ||
	    login_parse_address(host, call->source.address) != 0) {
		pam_syslog(call->pamh, LOG_ERR,
		    "account=%u: PAM_RHOST is not an address; sshd_config needs UseDNS no",
		    call->name.account);
		return LOGIN_MISUSED;
	}
	connection = pam_getenv(call->pamh, "SSH_CONNECTION");
	if (connection != NULL)
		call->source.port = login_parse_connection(connection);
	call->source.auth_info = pam_getenv(call->pamh, "SSH_AUTH_INFO_0");
	return LOGIN_ALLOWED;
}

static enum login_outcome
prepare(struct call *call)
{
	enum login_outcome outcome = get_login(call);

	if (outcome == LOGIN_ALLOWED)
		outcome = get_config(call);
	if (outcome == LOGIN_ALLOWED)
		outcome = get_source(call);
	return outcome;
}

/* ---- saying --------------------------------------------------------- */

/* One line per decision, with the fields that all our programs use. */
static void
log_decision(const struct call *call, const char *what, int priority)
{
	const struct login_report *report = &call->report;
	char key[FINGERPRINT_SHA256_TEXT_LEN + 1] = "-";
	const char *address = call->source.address;

	if (report->has_fingerprint)
		fingerprint_format_sha256(report->fingerprint, key);
	pam_syslog(call->pamh, priority,
	    "%s account=%u node=%u session=%s key=%s address=%s%s%s%s%s%s%s",
	    what, call->name.account, call->name.node,
	    call->login != NULL ? call->login->session : "-", key,
	    address[0] != '\0' ? address : "-",
	    report->sentence[0] != '\0' ? ": " : "", report->sentence,
	    report->error != 0 ? ": " : "",
	    report->error != 0 ? error_text(report->error) : "",
	    report->cause[0] != '\0' ? ": " : "", report->cause);
}

/* The sentence for the person, with the id that the log carries. sshd sends
 * it as a banner, or prints it where the session would have been. */
static void
tell_person(const struct call *call)
{
	const char *sentence = call->report.sentence;

	if (call->silent)
		return;
	if (sentence[0] == '\0')
		sentence =
		    "The gateway is not set up properly and lets nobody in.";
	pam_error(call->pamh, "%s (session %s)", sentence,
	    call->login != NULL ? call->login->session : "-");
	if (call->config != NULL && call->config->support[0] != '\0')
		pam_error(call->pamh, "Help: %s", call->config->support);
}

/* For the audit log; what it does not get is in the system's log. */
static void
tell_guard(const struct call *call)
{
	const struct login_report *report = &call->report;
	struct login_refusal refusal = {
		.session = { .account = call->name.account,
		    .node = call->name.node,
		    .port = call->source.port },
		.has_key = report->has_fingerprint,
	};

	if (call->login == NULL || call->config == NULL)
		return;
	memcpy(refusal.session.id, call->login->session,
	    sizeof(refusal.session.id));
	memcpy(refusal.session.fingerprint, report->fingerprint, SHA256_LEN);
	memcpy(refusal.session.address, call->source.address,
	    sizeof(refusal.session.address));
	snprintf(refusal.verdict, sizeof(refusal.verdict), "%s",
	    report->reason != NULL ? report->reason : "misused");
	snprintf(refusal.sentence, sizeof(refusal.sentence), "%s",
	    report->sentence);
	guard_tell(call->config, &refusal);
}

static int
finish(const struct call *call, enum login_outcome outcome, const char *step)
{
	char what[64];

	if (outcome != LOGIN_NOT_OURS && outcome != LOGIN_ALLOWED) {
		snprintf(what, sizeof(what), "%s refused (%s):", step,
		    call->report.reason != NULL ? call->report.reason
		                                : "misused");
		log_decision(call, what,
		    outcome == LOGIN_CANNOT_TELL || outcome == LOGIN_MISUSED
		        ? LOG_ERR
		        : LOG_NOTICE);
		tell_guard(call);
		tell_person(call);
	}
	return to_pam(outcome);
}

/* ---- entries -------------------------------------------------------- */

ENS_EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;
	enum login_outcome outcome = begin(&call, pamh, flags, argc, argv);

	if (outcome == LOGIN_ALLOWED)
		outcome = prepare(&call);
	if (outcome == LOGIN_ALLOWED)
		outcome = login_check_account(call.config, call.login,
		    &call.source, &call.report);
	if (outcome == LOGIN_ALLOWED) {
		call.report.sentence[0] = '\0';
		log_decision(&call, "account allowed:", LOG_INFO);
	}
	return finish(&call, outcome, "account");
}

/*
 * All that an account's sessions run has its uid, and nobody else's does: the
 * kernel counts them together. It is never raised: another module or the
 * administrator may want less.
 */
static void
limit_processes(const struct call *call)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, &limit) < 0)
		return;
	if (limit.rlim_max > call->config->max_processes)
		limit.rlim_max = call->config->max_processes;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NPROC, &limit) < 0)
		pam_syslog(call->pamh, LOG_WARNING,
		    "account=%u: its processes cannot be limited: %s",
		    call->name.account, error_text(-errno));
}

ENS_EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;
	enum login_outcome outcome = begin(&call, pamh, flags, argc, argv);

	if (outcome == LOGIN_ALLOWED)
		outcome = prepare(&call);
	if (outcome == LOGIN_ALLOWED)
		outcome = login_open_session(call.config, call.login,
		    &call.source, &call.report);
	if (outcome == LOGIN_ALLOWED) {
		limit_processes(&call);
		call.report.sentence[0] = '\0';
		log_decision(&call, "session opened:", LOG_INFO);
	}
	return finish(&call, outcome, "session");
}

/* No configuration is read here: what was opened ends, whatever the file
 * says by now. */
ENS_EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;
	enum login_outcome outcome = begin(&call, pamh, flags, argc, argv);

	if (outcome != LOGIN_ALLOWED)
		return to_pam(outcome);
	call.login = find_login(&call);
	if (call.login == NULL || !call.login->published)
		return to_pam(LOGIN_ALLOWED);
	memcpy(call.source.address, call.login->address,
	    sizeof(call.source.address));
	memcpy(call.report.fingerprint, call.login->fingerprint, SHA256_LEN);
	call.report.has_fingerprint = true;
	call.report.error = login_close_session(call.login);
	log_decision(&call,
	    "session closed:", call.report.error != 0 ? LOG_ERR : LOG_INFO);
	return to_pam(
	    call.report.error != 0 ? LOGIN_CANNOT_TELL : LOGIN_ALLOWED);
}

/* No password of ours exists: nobody is authenticated here. */
ENS_EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;
	enum login_outcome outcome = begin(&call, pamh, flags, argc, argv);

	return to_pam(outcome == LOGIN_ALLOWED ? LOGIN_REFUSED : outcome);
}

/* There are no credentials to set, which is no failure: sshd asks for them
 * after it has authenticated by itself. */
ENS_EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;

	return to_pam(begin(&call, pamh, flags, argc, argv));
}

ENS_EXPORT int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	AUTO(end_call) struct call call;
	enum login_outcome outcome = begin(&call, pamh, flags, argc, argv);

	return to_pam(outcome == LOGIN_ALLOWED ? LOGIN_REFUSED : outcome);
}
