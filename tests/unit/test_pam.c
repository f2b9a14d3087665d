/*
 * The module in libpam, as sshd uses it: account, then session. The module
 * under test is a copy that lets the test act between the record and the
 * second judgement (pam_race.c); the shipped file is tried as well.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/config/config.h"
#include "common/protocol/notice.h"
#include "common/protocol/session_registry.h"
#include "pam_enscale/login_rate.h"
#include "tests/unit/other_service.h"
#include "tests/unit/view_fixture.h"

#define ADDRESS "198.18.0.10"

ENS_EXPORT void (*pam_race_after_publish)(void);

static struct view_fixture fixture;
static char sessions[128], config[128], services[128], drain[128];
static char logins[128];
static char shipped[4096], raced[4096];
static char said[4096];
static pam_handle_t *pamh;

/* ---- the surroundings -------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void
write_file(const char *path, const char *format, ...)
{
	FILE *file = fopen(path, "w");
	va_list args;

	assert_non_null(file);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	assert_int_equal(fclose(file), 0);
}

static void
write_service(const char *name, const char *module, const char *arguments)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", services, name);
	write_file(path,
	    "auth [success=done default=die] %s %s\n"
	    "account [success=done default=die] %s %s\n"
	    "account required pam_deny.so\n"
	    "session [success=ok default=die] %s %s\n"
	    "password [success=ok default=die] %s %s\n",
	    module, arguments, module, arguments, module, arguments, module,
	    arguments);
}

static void
write_config(const char *policy)
{
	write_file(config,
	    "[policy]\nsupport = help@enscale.example\n%s"
	    "[paths]\nstate_dir = %s\nrun_dir = %s\n",
	    policy, fixture.root, fixture.root);
}

static int
make(void **state)
{
	const char *build = getenv("ENS_BUILDDIR");
	char arguments[256];

	(void)state;
	if (build == NULL)
		build = ".";
	other_service_begin();
	view_fixture_make(&fixture);
	snprintf(sessions, sizeof(sessions), "%s/sessions", fixture.root);
	snprintf(services, sizeof(services), "%s/pam.d", fixture.root);
	snprintf(config, sizeof(config), "%s/enscale.conf", fixture.root);
	assert_int_equal(mkdir(services, 0700), 0);
	snprintf(logins, sizeof(logins), "%s/" CONFIG_LOGINS_FILE,
	    fixture.root);
	snprintf(drain, sizeof(drain), "%s/" CONFIG_GUARD_DIR, fixture.root);
	assert_int_equal(mkdir(drain, 0700), 0);
	snprintf(drain, sizeof(drain), "%s/" CONFIG_DRAIN_FILE, fixture.root);
	snprintf(shipped, sizeof(shipped), "%s/.libs/pam_enscale.so", build);
	snprintf(raced, sizeof(raced),
	    "%s/tests/unit/.libs/pam_enscale_raced.so", build);
	snprintf(arguments, sizeof(arguments), "config=%s debug", config);
	write_service("enscale", raced, arguments);
	write_service("shipped", shipped, arguments);
	snprintf(arguments, sizeof(arguments), "%s/ignored", services);
	write_file(arguments,
	    "account [success=bad ignore=ignore default=die] %s config=%s\n"
	    "account required pam_permit.so\n",
	    shipped, config);
	write_service("unknown", shipped, "config=/etc/x nullok");
	write_service("twice", shipped, "debug debug");
	write_service("relative", shipped, "config=enscale.conf");
	write_service("missing", shipped, "config=/nonexistent/enscale.conf");
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	view_fixture_free(&fixture);
	return 0;
}

static int
fresh(void **state)
{
	(void)state;
	assert_int_equal(mkdir(sessions, 0750), 0);
	write_config("");
	view_fixture_publish_demo(&fixture);
	pam_race_after_publish = NULL;
	other_service_reset();
	unlink(drain);
	unlink(logins);
	return 0;
}

static void
remove_records(void)
{
	DIR *dir = opendir(sessions);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(sessions);
}

static int
spent(void **state)
{
	(void)state;
	remove_records();
	return 0;
}

/* ---- sshd's side ------------------------------------------------------- */

static int
converse(int count, const struct pam_message **messages,
    struct pam_response **ret_responses, void *arg)
{
	(void)arg;
	for (int i = 0; i < count; i++) {
		assert_int_equal(messages[i]->msg_style, PAM_ERROR_MSG);
		snprintf(said + strlen(said), sizeof(said) - strlen(said),
		    "%s\n", messages[i]->msg);
	}
	*ret_responses = calloc((size_t)count, sizeof(**ret_responses));
	return *ret_responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void
start(const char *service, const char *user)
{
	static const struct pam_conv conv = { .conv = converse };

	said[0] = '\0';
	assert_int_equal(
	    pam_start_confdir(service, user, &conv, services, &pamh),
	    PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_RHOST, ADDRESS), PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_TTY, "ssh"), PAM_SUCCESS);
}

static void
end(void)
{
	assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
	pamh = NULL;
}

static void
give_key(uint32_t account, uint32_t number)
{
	struct fixture_key key = view_fixture_key(account, number);
	char variable[256];

	snprintf(variable, sizeof(variable), "SSH_AUTH_INFO_0=publickey %s\n",
	    key.text);
	assert_int_equal(pam_putenv(pamh, variable), PAM_SUCCESS);
}

/* Account and session of a user with a key; what refused, or success. */
static int
log_in(const char *user, uint32_t account, uint32_t key)
{
	int r;

	start("enscale", user);
	r = pam_acct_mgmt(pamh, 0);
	if (r != PAM_SUCCESS)
		return r;
	give_key(account, key);
	return pam_open_session(pamh, 0);
}

static uint32_t
count_records(void)
{
	DIR *dir = opendir(sessions);
	const struct dirent *entry;
	uint32_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
said_with_session(const char *sentence)
{
	char want[1024];
	const char *session = pam_getenv(pamh, "ENSCALE_SESSION");

	assert_non_null(session);
	assert_true(session_id_is_valid(session));
	snprintf(want, sizeof(want),
	    "%s (session %s)\nHelp: help@enscale.example\n", sentence, session);
	assert_string_equal(said, want);
}

/* ---- tests ------------------------------------------------------------- */

static void
a_login_is_recorded_while_it_lasts(void **state)
{
	struct fixture_key key = view_fixture_key(25880, 1);
	struct session session;
	char name[SESSION_NAME_MAX];
	uint64_t begun;
	int dir_fd;

	(void)state;
	assert_int_equal(log_in("124718-25880", 25880, 1), PAM_SUCCESS);
	assert_string_equal(said, "");
	snprintf(name, sizeof(name), "25880.%s",
	    pam_getenv(pamh, "ENSCALE_SESSION"));
	dir_fd = open(sessions, O_RDONLY | O_DIRECTORY);
	assert_int_equal(session_read(dir_fd, name, &session), 0);
	assert_int_equal(session.account, 25880);
	assert_int_equal(session.node, 124718);
	assert_int_equal(session.uid, UID_BASE_DEFAULT + 25880);
	assert_memory_equal(session.fingerprint, key.fingerprint, SHA256_LEN);
	assert_string_equal(session.address, ADDRESS);
	assert_int_equal(session.monitor, getpid());
	assert_int_equal(process_stat(getpid(), &begun, NULL), 0);
	assert_true(session.monitor_start == begun);
	/* sshd's other calls */
	assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(count_records(), 0);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	close(dir_fd);
	end();
}

static void
the_shipped_module_does_the_same(void **state)
{
	(void)state;
	start("shipped", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	give_key(25880, 0);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(count_records(), 1);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

static void
refused_accounts_are_told_why(void **state)
{
	(void)state;
	start("enscale", "30311");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	said_with_session("Account 30311 is suspended.");
	end();
	start("enscale", "124718-99999");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_USER_UNKNOWN);
	said_with_session("Account 99999 does not exist.");
	end();
	start("enscale", "999999999");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_USER_UNKNOWN);
	end();
	view_fixture_begin(&fixture, false);
	view_fixture_put_account(&fixture, 50505, ACCOUNT_ACTIVE, 1, 0);
	view_fixture_commit(&fixture);
	start("enscale", "50505");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_ACCT_EXPIRED);
	said_with_session("Account 50505 expired on 1970-01-01 00:00 UTC.");
	end();
	start("enscale", "30311");
	assert_int_equal(pam_acct_mgmt(pamh, PAM_SILENT), PAM_PERM_DENIED);
	assert_string_equal(said, "");
	end();
}

/* The shell refuses the node; the account may come in. */
static void
a_node_that_may_not_be_entered_is_no_matter_here(void **state)
{
	(void)state;
	assert_int_equal(log_in("136553-25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

/* The stack says die to PAM_IGNORE; a stack without that gets to pam_deny. */
static void
names_that_are_not_ours_never_get_a_yes(void **state)
{
	static const char *const users[] = { "root", "daemon", "0", "025880",
		"25880-", "25880x", "1000000000", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		start("enscale", users[i]);
		assert_int_not_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
		give_key(25880, 0);
		assert_int_not_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
		assert_int_not_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
		assert_int_not_equal(pam_chauthtok(pamh, 0), PAM_SUCCESS);
		assert_string_equal(said, "");
		assert_null(pam_getenv(pamh, "ENSCALE_SESSION"));
		assert_int_equal(count_records(), 0);
		end();
		/* This stack says yes to PAM_IGNORE, and to nothing else. */
		start("ignored", users[i]);
		assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
		end();
	}
	start("ignored", "25880");
	assert_int_not_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	end();
	start("ignored", "99999");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_USER_UNKNOWN);
	end();
}

static void
passwords_never_get_a_yes(void **state)
{
	(void)state;
	start("enscale", "25880");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(pam_chauthtok(pamh, 0), PAM_PERM_DENIED);
	end();
}

static void
a_session_needs_the_key_that_sshd_verified(void **state)
{
	static const char *const infos[] = { "", "\n", "password", "publickey",
		"publickey ", "publickey ssh-ed25519",
		"publickey ssh-ed25519 AAAA\n", "hostbased %s",
		"publickey %s comment\n", "publickey %s\npublickey %s\n",
		"publickey from=\"*\" %s\n", " publickey %s\n",
		"publickey  %s\n" };
	struct fixture_key key = view_fixture_key(25880, 0);
	char variable[512];
	int n;

	(void)state;
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		const char *at = infos[i];

		n = snprintf(variable, sizeof(variable), "SSH_AUTH_INFO_0=");
		for (; *at != '\0'; at++) {
			if (*at == '%')
				n += snprintf(variable + n,
				    sizeof(variable) - (size_t)n, "%s",
				    key.text);
			else if (*at != 's' || at == infos[i] || at[-1] != '%')
				n += snprintf(variable + n,
				    sizeof(variable) - (size_t)n, "%c", *at);
		}
		assert_int_equal(pam_putenv(pamh, variable), PAM_SUCCESS);
		if (pam_open_session(pamh, 0) != PAM_AUTHINFO_UNAVAIL)
			fail_msg("taken: %s", variable);
		assert_int_equal(count_records(), 0);
	}
	give_key(25880, 0);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	/* Once per connection. */
	assert_int_equal(pam_open_session(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(count_records(), 1);
	/* libpam remembers the refusal, and calls the module all the same. */
	pam_close_session(pamh, 0);
	assert_int_equal(count_records(), 0);
	end();
}

/* What another login of the account does meanwhile. */
static void
count_a_login(uint32_t account)
{
	struct timespec now;
	int fd = login_rate_open(logins);

	assert_true(fd >= 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_int_equal(login_rate_add(fd, account, (uint64_t)now.tv_sec), 0);
	close(fd);
}

static void
sessions_within_a_minute_are_counted_by_account(void **state)
{
	(void)state;
	write_config("max_logins = 3\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
		assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
		end();
	}
	start("enscale", "124718-25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	said_with_session(
	    "Account 25880 has opened 3 sessions within a minute and may not open more; please wait a moment.");
	end();
	/* Nobody else waits for it. */
	assert_int_equal(log_in("21296", 21296, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

static void
one_login_too_many_within_a_minute_is_seen_at_its_session(void **state)
{
	(void)state;
	write_config("max_logins = 1\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	give_key(25880, 0);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
	unlink(logins);
	/* Both were asked before either had a session. */
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	count_a_login(25880);
	give_key(25880, 0);
	assert_int_equal(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	assert_int_equal(count_records(), 0);
	end();
}

/* In a process of its own, whose limit it is. */
static void
an_account_may_have_so_many_processes(void **state)
{
	struct rlimit limit = { 0, 0 };
	pid_t pid;
	int status;

	(void)state;
	write_config("max_processes = 77\n");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (log_in("25880", 25880, 0) == PAM_SUCCESS &&
		    getrlimit(RLIMIT_NPROC, &limit) == 0)
			pam_close_session(pamh, 0);
		_exit(limit.rlim_max == 77 && limit.rlim_cur == 77 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
drain_it(void)
{
	const struct notice notice = { .since = 1763850000,
		.by = "ada (root)",
		.text = "Back at noon." };

	assert_int_equal(notice_write(drain, &notice), 0);
}

static void
a_drained_gateway_takes_only_whom_the_configuration_names(void **state)
{
	(void)state;
	drain_it();
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	said_with_session(
	    "The gateway takes no new logins at the moment: Back at noon.");
	end();
	write_config("drain_allow = 21296, 25880\n");
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
	write_config("drain_allow = 2588, 258800\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	end();
	assert_int_equal(notice_remove(drain), 0);
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

static void
a_login_that_had_begun_when_the_gateway_was_drained_opens_no_session(
    void **state)
{
	(void)state;
	pam_race_after_publish = drain_it;
	assert_int_equal(log_in("25880", 25880, 0), PAM_PERM_DENIED);
	assert_int_equal(count_records(), 0);
	end();
	/* What is open by then stays open. */
	unlink(drain);
	pam_race_after_publish = NULL;
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	drain_it();
	assert_int_equal(count_records(), 1);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

static void
a_drain_that_cannot_be_read_lets_nobody_in(void **state)
{
	(void)state;
	write_file(drain, "nonsense\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	end();
	unlink(drain);
	assert_int_equal(mkfifo(drain, 0600), 0);
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	end();
}

static void
somebody_elses_key_opens_no_session(void **state)
{
	(void)state;
	assert_int_equal(log_in("25880", 21296, 0), PAM_PERM_DENIED);
	said_with_session(
	    "This key is not, or no longer, a key of account 25880; use another one.");
	assert_int_equal(count_records(), 0);
	end();
}

static void
revoke_the_key(void)
{
	struct fixture_key key = view_fixture_key(25880, 0);
	struct record_key name = record_key_key(25880, key.fingerprint);

	assert_int_equal(count_records(), 1);
	view_fixture_begin(&fixture, false);
	view_fixture_delete(&fixture, &name);
	view_fixture_commit(&fixture);
}

static void
suspend_the_account(void)
{
	assert_int_equal(count_records(), 1);
	view_fixture_begin(&fixture, false);
	view_fixture_put_account(&fixture, 25880, ACCOUNT_SUSPENDED, 0, 0);
	view_fixture_commit(&fixture);
}

static void
a_revocation_after_the_record_is_seen(void **state)
{
	(void)state;
	pam_race_after_publish = revoke_the_key;
	assert_int_equal(log_in("25880", 25880, 0), PAM_PERM_DENIED);
	said_with_session(
	    "This key is not, or no longer, a key of account 25880; use another one.");
	assert_int_equal(count_records(), 0);
	end();
	pam_race_after_publish = suspend_the_account;
	assert_int_equal(log_in("25880", 25880, 1), PAM_PERM_DENIED);
	said_with_session("Account 25880 is suspended.");
	assert_int_equal(count_records(), 0);
	end();
}

static void
add_a_session(void)
{
	struct session session = { .account = 25880,
		.address = ADDRESS,
		.monitor = getpid() };
	int dir_fd = open(sessions, O_RDONLY | O_DIRECTORY);

	assert_int_equal(session_id_make(session.id), 0);
	assert_int_equal(process_stat(getpid(), &session.monitor_start, NULL),
	    0);
	assert_int_equal(session_publish(dir_fd, &session), 0);
	close(dir_fd);
}

static void
the_session_limit_is_counted_twice(void **state)
{
	(void)state;
	write_config("max_sessions = 2\n");
	add_a_session();
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
	/* Between account and session somebody else took the place. */
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	give_key(25880, 0);
	add_a_session();
	assert_int_equal(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	said_with_session(
	    "Account 25880 has 2 open sessions and may not have more; end one and try again.");
	assert_int_equal(count_records(), 2);
	end();
	/* Who comes when all are taken gets no further than account. */
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_PERM_DENIED);
	end();
	assert_int_equal(log_in("21296", 21296, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
	/* The account's own number counts before the configuration's. */
	view_fixture_begin(&fixture, false);
	view_fixture_put_account(&fixture, 25880, ACCOUNT_ACTIVE, 0, 3);
	view_fixture_commit(&fixture);
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

static int lock_errno;

static void
try_the_lock(void)
{
	char path[sizeof(sessions) + 8];
	int fd;

	snprintf(path, sizeof(path), "%s.lock", sessions);
	fd = open(path, O_RDONLY);
	lock_errno = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
	close(fd);
}

static void
no_other_login_can_count_between_record_and_count(void **state)
{
	(void)state;
	pam_race_after_publish = try_the_lock;
	lock_errno = 0;
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	assert_int_equal(lock_errno, EWOULDBLOCK);
	try_the_lock();
	assert_int_equal(lock_errno, 0);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
}

#define LOGINS 12
#define PLACES 4

/* One connection: says y or n, and stays until it is told to go. */
static void
be_a_login(int say, int wait)
{
	bool yes = log_in("25880", 25880, 0) == PAM_SUCCESS;
	char byte = yes ? 'y' : 'n';
	bool told = write(say, &byte, 1) == 1 && read(wait, &byte, 1) == 0;

	if (yes)
		pam_close_session(pamh, 0);
	_exit(told ? 0 : 1);
}

/* Whoever asks while another is between record and count waits for him, so
 * that neither too many come in nor two refuse each other the last place. */
static void
logins_at_once_get_all_the_places_and_no_more(void **state)
{
	int say[2], wait[2], places = 0;

	(void)state;
	write_config("max_sessions = 4\n");
	assert_int_equal(pipe(say), 0);
	assert_int_equal(pipe(wait), 0);
	for (int i = 0; i < LOGINS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(wait[1]);
			be_a_login(say[1], wait[0]);
		}
	}
	for (int i = 0; i < LOGINS; i++) {
		char byte = 0;

		assert_int_equal(read(say[0], &byte, 1), 1);
		places += byte == 'y';
	}
	assert_int_equal(places, PLACES);
	assert_int_equal(count_records(), PLACES);
	close(wait[1]);
	for (int i = 0; i < LOGINS; i++) {
		int status;

		assert_true(waitpid(-1, &status, 0) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_records(), 0);
	close(wait[0]);
	close(say[0]);
	close(say[1]);
}

static void
what_a_killed_sshd_left_counts_for_nothing(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	write_config("max_sessions = 1\n");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(log_in("25880", 25880, 0) == PAM_SUCCESS ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count_records(), 1);
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	/* By its record the guard finds what is left of it. */
	assert_int_equal(count_records(), 2);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(count_records(), 1);
	end();
}

static void
from_is_judged_by_the_address_that_sshd_gives(void **state)
{
	(void)state;
	view_fixture_begin(&fixture, false);
	view_fixture_put_key(&fixture, 25880, 5, "198.18.0.0/15", 0);
	view_fixture_put_key(&fixture, 25880, 6, "10.0.0.0/8", 0);
	view_fixture_commit(&fixture);
	assert_int_equal(log_in("25880", 25880, 5), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	end();
	assert_int_equal(log_in("25880", 25880, 6), PAM_PERM_DENIED);
	end();
}

static void
a_source_that_is_no_address_is_refused(void **state)
{
	static const char *const hosts[] = { "", "UNKNOWN",
		"client.enscale.example", "198.18.0", "198.18.0.10 ", "%eth0" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		start("enscale", "25880");
		pam_set_item(pamh, PAM_RHOST, hosts[i]);
		assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SERVICE_ERR);
		end();
	}
	start("enscale", "25880");
	pam_set_item(pamh, PAM_RHOST, "fe80::1%eth0");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	end();
}

static void
without_a_view_or_a_registry_nobody_comes_in(void **state)
{
	char path[FIXTURE_PATH_SIZE];

	(void)state;
	remove_records();
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	said_with_session(
	    "The gateway cannot tell at the moment who may enter; please try again later.");
	end();
	assert_int_equal(mkdir(sessions, 0750), 0);
	write_config("offline_max_age = 2m\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	end();
	write_config("");
	view_fixture_manifest(fixture.view, path);
	write_file(path, "enscale-view 999\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	end();
	assert_int_equal(unlink(path), 0);
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	end();
}

static void
the_view_going_away_in_between_ends_it(void **state)
{
	char path[FIXTURE_PATH_SIZE];

	(void)state;
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	give_key(25880, 0);
	view_fixture_manifest(fixture.view, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pam_open_session(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(count_records(), 0);
	end();
}

static void
wrong_arguments_and_configuration_refuse_everybody(void **state)
{
	static const char *const misused[] = { "unknown", "twice", "relative" };

	(void)state;
	for (size_t i = 0; i < sizeof(misused) / sizeof(misused[0]); i++) {
		start(misused[i], "25880");
		assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SERVICE_ERR);
		assert_int_equal(pam_open_session(pamh, 0), PAM_SERVICE_ERR);
		assert_int_equal(pam_close_session(pamh, 0), PAM_SERVICE_ERR);
		assert_int_equal(pam_authenticate(pamh, 0), PAM_SERVICE_ERR);
		assert_int_equal(pam_setcred(pamh, 0), PAM_SERVICE_ERR);
		end();
		/* Not PAM_IGNORE either. */
		start(misused[i], "root");
		assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SERVICE_ERR);
		end();
	}
	start("missing", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SERVICE_ERR);
	assert_non_null(strstr(said, "not set up properly"));
	end();
	write_config("max_session = 1\n");
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SERVICE_ERR);
	end();
}

static void
a_user_name_that_changes_on_the_way_is_refused(void **state)
{
	(void)state;
	start("enscale", "25880");
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	give_key(21296, 0);
	assert_int_equal(pam_set_item(pamh, PAM_USER, "21296"), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SERVICE_ERR);
	assert_int_equal(count_records(), 0);
	end();
}

/* A local user of that name, in front of our module: /bin/bash. */
static void
a_name_that_is_another_user_to_the_host_is_refused(void **state)
{
	static const char *const names[] = { "25880", "227028-25880" };
	char sentence[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		other_by_name = (struct other_answer){ .uid = 4444,
			.shell = "/bin/bash" };
		start("enscale", names[i]);
		assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_AUTHINFO_UNAVAIL);
		snprintf(sentence, sizeof(sentence),
		    "This gateway is not set up properly: it takes %s for another user. Only its operator can fix that.",
		    names[i]);
		said_with_session(sentence);
		/* Nor when the account was allowed before. */
		give_key(25880, 0);
		assert_int_equal(pam_open_session(pamh, 0),
		    PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(count_records(), 0);
		end();
		other_service_reset();
		assert_int_equal(log_in(names[i], 25880, 0), PAM_SUCCESS);
		assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
		end();
	}
}

static void
become_somebody_else(void)
{
	other_by_name.shell = "/bin/bash";
}

static void
a_name_that_becomes_another_user_opens_no_session(void **state)
{
	(void)state;
	pam_race_after_publish = become_somebody_else;
	assert_int_equal(log_in("25880", 25880, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(count_records(), 0);
	end();
}

static void
ending_pam_in_a_child_leaves_the_record(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(log_in("25880", 25880, 0), PAM_SUCCESS);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pam_end(pamh, PAM_SUCCESS | PAM_DATA_SILENT);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(count_records(), 1);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(count_records(), 0);
	end();
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, spent)
	const struct CMUnitTest tests[] = {
		TEST(a_login_is_recorded_while_it_lasts),
		TEST(the_shipped_module_does_the_same),
		TEST(refused_accounts_are_told_why),
		TEST(a_node_that_may_not_be_entered_is_no_matter_here),
		TEST(names_that_are_not_ours_never_get_a_yes),
		TEST(passwords_never_get_a_yes),
		TEST(a_session_needs_the_key_that_sshd_verified),
		TEST(somebody_elses_key_opens_no_session),
		TEST(sessions_within_a_minute_are_counted_by_account),
		TEST(one_login_too_many_within_a_minute_is_seen_at_its_session),
		TEST(an_account_may_have_so_many_processes),
		TEST(a_drained_gateway_takes_only_whom_the_configuration_names),
		TEST(
		    a_login_that_had_begun_when_the_gateway_was_drained_opens_no_session),
		TEST(a_drain_that_cannot_be_read_lets_nobody_in),
		TEST(a_revocation_after_the_record_is_seen),
		TEST(the_session_limit_is_counted_twice),
		TEST(no_other_login_can_count_between_record_and_count),
		TEST(logins_at_once_get_all_the_places_and_no_more),
		TEST(what_a_killed_sshd_left_counts_for_nothing),
		TEST(from_is_judged_by_the_address_that_sshd_gives),
		TEST(a_source_that_is_no_address_is_refused),
		TEST(without_a_view_or_a_registry_nobody_comes_in),
		TEST(the_view_going_away_in_between_ends_it),
		TEST(wrong_arguments_and_configuration_refuse_everybody),
		TEST(a_user_name_that_changes_on_the_way_is_refused),
		TEST(a_name_that_is_another_user_to_the_host_is_refused),
		TEST(a_name_that_becomes_another_user_opens_no_session),
		TEST(ending_pam_in_a_child_leaves_the_record),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
