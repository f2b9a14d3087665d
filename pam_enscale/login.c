/*
 * Judging and recording one login. It refuses whatever it cannot judge.
 */
#include <config.h>

#include "pam_enscale/login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "common/protocol/notice.h"
#include "common/protocol/session_registry.h"
#include "common/view/view.h"
#include "pam_enscale/login_rate.h"

/* ---- what sshd tells ------------------------------------------------ */

int
login_begin(struct login *ret_login, const struct login_name *name)
{
	struct login login = { .name = *name };
	int r = session_id_make(login.session);

	if (r == 0)
		*ret_login = login;
	return r;
}

int
login_parse_address(const char *text, char ret_address[ADDRESS_TEXT_MAX + 1])
{
	char address[ADDRESS_TEXT_MAX + 1];
	size_t len = strcspn(text, "%");
	struct in6_addr parsed;

	if (len == 0 || len >= sizeof(address))
		return ENS_E_SYNTAX;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, &parsed) != 1 &&
	    inet_pton(AF_INET6, address, &parsed) != 1)
		return ENS_E_SYNTAX;
	memcpy(ret_address, address, len + 1);
	return 0;
}

uint16_t
login_parse_connection(const char *text)
{
	const char *at = strchr(text, ' ');
	char digits[sizeof("65535")];
	uint32_t port;
	size_t len;

	if (at == NULL)
		return 0;
	len = strcspn(++at, " ");
	if (len >= sizeof(digits))
		return 0;
	memcpy(digits, at, len);
	digits[len] = '\0';
	return parse_u32(digits, UINT16_MAX, &port) == 0 ? (uint16_t)port : 0;
}

int
login_parse_auth_info(const char *text, uint8_t ret_digest[SHA256_LEN])
{
	static const char method[] = "publickey ";
	size_t len = strnlen(text, KEY_LINE_MAX + sizeof(method));
	struct ssh_key key;
	struct bytes blob = { key.blob, 0 };
	int r;

	if (strncmp(text, method, sizeof(method) - 1) != 0)
		return ENS_E_SYNTAX;
	text += sizeof(method) - 1;
	len -= sizeof(method) - 1;
	r = ssh_key_parse(text, len, &key);
	if (r < 0)
		return r;
	/* sshd writes type and key: anything more is not from sshd. */
	if (key.from[0] != '\0' || key.expires != 0 || key.options != 0 ||
	    key.comment[0] != '\0')
		return ENS_E_SYNTAX;
	blob.len = key.blob_len;
	return fingerprint_sha256(blob, ret_digest);
}

/* ---- judging -------------------------------------------------------- */

static enum login_outcome
outcome_of(enum policy_verdict verdict)
{
	switch (policy_class(verdict)) {
	case POLICY_CLASS_YES:
		return LOGIN_ALLOWED;
	case POLICY_CLASS_ACCOUNT:
		if (verdict == POLICY_ACCOUNT_UNKNOWN)
			return LOGIN_UNKNOWN;
		return verdict == POLICY_ACCOUNT_EXPIRED ? LOGIN_EXPIRED
		                                         : LOGIN_REFUSED;
	case POLICY_CLASS_KEY:
	case POLICY_CLASS_NODE:
	case POLICY_CLASS_OPERATOR:
		return LOGIN_REFUSED;
	case POLICY_CLASS_CANNOT_TELL:
		break;
	}
	return LOGIN_CANNOT_TELL;
}

/* A failure of ours, with the sentence that policy has for it. */
static enum login_outcome
cannot_tell(int error, struct login_report *report)
{
	struct policy_answer answer = { .verdict = POLICY_CANNOT_TELL };

	report->reason = policy_verdict_text(answer.verdict);
	report->error = error;
	policy_sentence(&answer, report->sentence, sizeof(report->sentence));
	return LOGIN_CANNOT_TELL;
}

/* sshd becomes whoever the name service says: nobody but this account. */
static enum login_outcome
check_name(const struct config *config, const struct login *login,
    struct login_report *report)
{
	char name[LOGIN_TEXT_MAX + 1];

	if (name_service_agrees(&login->name, config->uid_base, report->cause))
		return LOGIN_ALLOWED;
	report->reason = "name-service";
	login_name_format(&login->name, name, sizeof(name));
	snprintf(report->sentence, sizeof(report->sentence),
	    "This gateway is not set up properly: it takes %s for another user. Only its operator can fix that.",
	    name);
	return LOGIN_CANNOT_TELL;
}

/*
 * What operators said last, which holds while no guard runs, too. A file that
 * cannot be read may say so: then nobody comes in. *ret_text is the notice's,
 * or NULL: nothing was said, or this account is let in nevertheless.
 */
static int
find_drain(const struct config *config, uint32_t account, struct notice *notice,
    const char **ret_text)
{
	char path[CONFIG_PATH_MAX];
	int r;

	*ret_text = NULL;
	if (notice_drain_allows(config->drain_allow, account))
		return 0;
	r = config_path(config->state_dir, CONFIG_DRAIN_FILE, path);
	if (r == 0)
		r = notice_read(path, notice);
	if (r == 0)
		*ret_text = notice->text;
	return r == ENS_E_NOTFOUND ? 0 : r;
}

/*
 * Opens the view as it is now and asks, then the name service. The node is
 * left out: what concerns it is refused by the shell, on stderr, because many
 * clients show no banner.
 */
static enum login_outcome
judge(const struct config *config, const struct login *login,
    const struct login_source *source, const uint8_t *fingerprint,
    uint32_t *ret_limit, struct login_report *report)
{
	AUTO(cleanup_view) struct view *view = NULL;
	char path[CONFIG_PATH_MAX];
	struct policy_question question = { .account = login->name.account,
		.fingerprint = fingerprint,
		.address = source->address,
		.now = time(NULL),
		.max_age = config->offline_max_age };
	struct policy_answer answer;
	struct notice drain;
	int r;

	r = find_drain(config, question.account, &drain, &question.drained);
	if (r < 0)
		return cannot_tell(r, report);
	r = config_path(config->state_dir, CONFIG_VIEW_DIR, path);
	if (r == 0)
		r = view_open(path, &view);
	policy_judge(view, r, &question, &answer);
	report->reason = policy_verdict_text(answer.verdict);
	report->error = answer.error;
	policy_sentence(&answer, report->sentence, sizeof(report->sentence));
	*ret_limit = config->max_sessions;
	if (answer.verdict != POLICY_ALLOWED)
		return outcome_of(answer.verdict);
	if (answer.account.max_sessions != 0)
		*ret_limit = answer.account.max_sessions;
	return check_name(config, login, report);
}

/* ---- limits --------------------------------------------------------- */

struct count {
	const struct login *login;
	uint32_t living; /* sessions of the account beside this one */
};

/* What a killed sshd left counts for nothing and stays: by its record the
 * guard finds what else is left. */
static int
count_one(const struct session *session, void *arg)
{
	struct count *count = arg;

	if (strcmp(session->id, count->login->session) != 0 &&
	    session_is_alive(session))
		count->living++;
	return 0;
}

/* Under the lock: is there room for this session? */
static enum login_outcome
check_limit(int dir_fd, const struct login *login, uint32_t limit,
    struct login_report *report)
{
	struct count count = { .login = login };
	int r = session_each(dir_fd, login->name.account, count_one, &count,
	    NULL);

	if (r < 0)
		return cannot_tell(r, report);
	if (count.living < limit)
		return LOGIN_ALLOWED;
	report->reason = "session-limit";
	snprintf(report->sentence, sizeof(report->sentence),
	    "Account %u has %u open session%s and may not have more; end one and try again.",
	    login->name.account, count.living, count.living == 1 ? "" : "s");
	return LOGIN_REFUSED;
}

static uint64_t
seconds_since_boot(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

/* Under the lock: may the account open one more now? With add it does. */
static enum login_outcome
check_rate(const struct config *config, const struct login *login, bool add,
    struct login_report *report)
{
	const uint32_t account = login->name.account;
	const uint64_t now = seconds_since_boot();
	char path[CONFIG_PATH_MAX];
	AUTO_FD int fd = -1;
	uint32_t count = 0;
	int r = config_path(config->run_dir, CONFIG_LOGINS_FILE, path);

	if (r == 0) {
		fd = login_rate_open(path);
		r = fd < 0 ? fd : login_rate_count(fd, account, now, &count);
	}
	if (r == 0 && add && count < config->max_logins)
		r = login_rate_add(fd, account, now);
	if (r < 0)
		return cannot_tell(r, report);
	if (count < config->max_logins)
		return LOGIN_ALLOWED;
	report->reason = "login-limit";
	snprintf(report->sentence, sizeof(report->sentence),
	    "Account %u has opened %u sessions within a minute and may not open more; please wait a moment.",
	    account, count);
	return LOGIN_REFUSED;
}

/* add: this one is opened, if it may be. */
static enum login_outcome
check_limits(const struct config *config, int dir_fd, const struct login *login,
    uint32_t limit, bool add, struct login_report *report)
{
	enum login_outcome outcome = check_limit(dir_fd, login, limit, report);

	return outcome == LOGIN_ALLOWED ? check_rate(config, login, add, report)
	                                : outcome;
}

static int
open_registry(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- account -------------------------------------------------------- */

enum login_outcome
login_check_account(const struct config *config, const struct login *login,
    const struct login_source *source, struct login_report *ret_report)
{
	AUTO_FD int dir_fd = -1;
	AUTO_FD int lock = -1;
	char path[CONFIG_PATH_MAX];
	enum login_outcome outcome;
	uint32_t limit;

	*ret_report = (struct login_report){ .error = 0 };
	outcome = judge(config, login, source, NULL, &limit, ret_report);
	if (outcome != LOGIN_ALLOWED)
		return outcome;
	if (config_path(config->run_dir, CONFIG_SESSIONS_DIR, path) != 0)
		return cannot_tell(ENS_E_LIMIT, ret_report);
	dir_fd = open_registry(path);
	if (dir_fd < 0)
		return cannot_tell(dir_fd, ret_report);
	lock = session_lock(path);
	if (lock < 0)
		return cannot_tell(lock, ret_report);
	return check_limits(config, dir_fd, login, limit, false, ret_report);
}

/* ---- session -------------------------------------------------------- */

/* The record of this process, sshd's monitor. */
static int
make_record(const struct config *config, const struct login *login,
    const struct login_source *source, const uint8_t digest[SHA256_LEN],
    struct session *ret_session)
{
	struct session session = { .account = login->name.account,
		.node = login->name.node,
		.uid = config->uid_base + login->name.account,
		.monitor = getpid(),
		.port = source->port,
		.opened = time(NULL) };
	int r;

	memcpy(session.id, login->session, sizeof(session.id));
	memcpy(session.fingerprint, digest, SHA256_LEN);
	memcpy(session.address, source->address, sizeof(session.address));
	r = process_stat(session.monitor, &session.monitor_start, NULL);
	if (r == 0)
		*ret_session = session;
	return r;
}

/*
 * Publish, judge, count, in this order and under the lock. A revocation that
 * was handled before the record stood is seen by judge(); one after it finds
 * the record. Of two logins for one place the second sees the first.
 */
static enum login_outcome
publish_and_judge(const struct config *config, struct login *login,
    const struct login_source *source, const struct session *session,
    struct login_report *report)
{
	AUTO_FD int dir_fd = -1;
	AUTO_FD int lock = -1;
	enum login_outcome outcome;
	uint32_t limit;
	int r;

	dir_fd = open_registry(login->sessions_dir);
	if (dir_fd < 0)
		return cannot_tell(dir_fd, report);
	lock = session_lock(login->sessions_dir);
	if (lock < 0)
		return cannot_tell(lock, report);
	r = session_publish(dir_fd, session);
	if (r < 0)
		return cannot_tell(r, report);
	login->published = true;
	memcpy(login->address, session->address, sizeof(login->address));
	memcpy(login->fingerprint, session->fingerprint, SHA256_LEN);
	outcome = judge(config, login, source, session->fingerprint, &limit,
	    report);
	if (outcome == LOGIN_ALLOWED)
		outcome = check_limits(config, dir_fd, login, limit, true,
		    report);
	return outcome;
}

enum login_outcome
login_open_session(const struct config *config, struct login *login,
    const struct login_source *source, struct login_report *ret_report)
{
	struct session session;
	enum login_outcome outcome;
	int r;

	*ret_report = (struct login_report){ .error = 0 };
	if (login->published)
		return cannot_tell(-EEXIST, ret_report);
	if (source->auth_info == NULL)
		return cannot_tell(ENS_E_KEY_FORMAT, ret_report);
	r = login_parse_auth_info(source->auth_info, ret_report->fingerprint);
	if (r < 0)
		return cannot_tell(r, ret_report);
	ret_report->has_fingerprint = true;
	r = config_path(config->run_dir, CONFIG_SESSIONS_DIR,
	    login->sessions_dir);
	if (r == 0)
		r = make_record(config, login, source, ret_report->fingerprint,
		    &session);
	if (r < 0)
		return cannot_tell(r, ret_report);
	outcome = publish_and_judge(config, login, source, &session,
	    ret_report);
	if (outcome != LOGIN_ALLOWED)
		login_close_session(login);
	return outcome;
}

int
login_close_session(struct login *login)
{
	AUTO_FD int dir_fd = -1;
	int r;

	if (!login->published)
		return 0;
	dir_fd = open_registry(login->sessions_dir);
	if (dir_fd < 0)
		return dir_fd;
	r = session_remove(dir_fd, login->name.account, login->session);
	if (r == 0)
		login->published = false;
	return r;
}
