/*
 * enscale-keyd: writes the public keys that users add to their account, or
 * delete, into the directory. It serves the guard and nobody else, and
 * refuses to write anything but enscaleKey entries below an account; off
 * unless enscale.conf says manage = yes: then it does not begin, and where that
 * is found at a reload, it refuses every change from then on.
 *
 * One request at a time: what is under way is the directory's to finish, and
 * ending this process at any moment leaves a change made or not made.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/base/arguments.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/keys/fingerprint_text.h"
#include "enscale_keyd/key_directory.h"
#include "enscale_keyd/key_entry.h"
#include "enscale_keyd/key_rate.h"
#include "enscale_keyd/service.h"

#define LOCK_NAME      "keyd/lock"
#define BACKLOG        128
#define ACCEPT_WAIT_NS 100000000L /* after an accept(2) that failed */

struct keyd {
	const char *file; /* of the configuration */
	struct config config;
	char socket[CONFIG_PATH_MAX];
	uid_t client;
	struct key_rate rate;
	struct key_entry entry; /* of the request under way */
	char reason[LDAP_REASON_MAX];
};

static struct keyd keyd;

/* Signals are heard between two requests. */
static volatile sig_atomic_t wants_end, wants_reload;

/* ---- configuration ---------------------------------------------------------- */

/* On failure *ret_config is untouched, and what is wrong has been said. */
static int
read_configuration(const char *path, struct config *ret_config)
{
	static struct config config;
	char error[CONFIG_ERROR_MAX];
	char password[LDAP_PASSWORD_MAX];
	int r = 0;

	if (config_load(path, &config, error) < 0) {
		log_error("%s", error);
		return ENS_E_CONFIG;
	}
	/* Nothing of the rest is needed. */
	if (!config.manage) {
		*ret_config = config;
		return 0;
	}
	if (config.base[0] == '\0') {
		log_error("\"%s\" has no base in [directory]", path);
		return ENS_E_CONFIG;
	}
	/* Not at the first request. */
	if (config.keyd_bind_dn[0] != '\0')
		r = ldap_password_read(config.keyd_password_file, password);
	explicit_bzero(password, sizeof(password));
	if (r < 0) {
		log_error(
		    "keyd_password_file \"%s\" has to be a file of user enscale-keyd, mode 0600, with one line, or root's where the unit has a credential of its name (LoadCredential=): %s",
		    config.keyd_password_file, error_text(r));
		return ENS_E_CONFIG;
	}
	*ret_config = config;
	return 0;
}

static int
find_socket(struct keyd *k)
{
	if (config_path(k->config.run_dir, CONFIG_KEYD_SOCKET, k->socket) == 0)
		return 0;
	log_error("run_dir is too long");
	return ENS_E_CONFIG;
}

/* What is wrong leaves everything as it was. */
static void
reload(struct keyd *k)
{
	static struct config next;

	if (read_configuration(k->file, &next) < 0) {
		log_error("keeping the configuration");
	} else if (strcmp(next.run_dir, k->config.run_dir) != 0) {
		log_error(
		    "keeping the configuration: [paths] change with a restart only");
		/* But for what takes away. */
		k->config.manage &= next.manage;
	} else {
		k->config = next;
		log_info("read \"%s\"%s", k->file,
		    next.manage ? ""
		                : ": manage = no, every change is refused");
	}
}

/* ---- requests --------------------------------------------------------------- */

static int64_t
seconds_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void
report(const struct keyd *k, const struct keyd_request *request,
    const struct keyd_reply *reply)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	bool add = request->op == KEYD_ADD;
	const struct log_fields fields = { .account = request->account };
	bool ours = reply->result == KEYD_UNAVAILABLE ||
	    reply->result == KEYD_UNKNOWN;

	fingerprint_format_sha256(reply->fingerprint, text);
	if (reply->result == KEYD_DONE)
		log_about(&fields, LOG_INFO, "key \"%s\" %s", text,
		    add ? "added" : "deleted");
	else
		log_about(&fields, ours ? LOG_ERR : LOG_INFO,
		    "key \"%s\" not %s: %s%s%s", text,
		    add ? "added" : "deleted", keyd_result_text(reply->result),
		    k->reason[0] != '\0' ? ": " : "", k->reason);
}

static void
answer(const struct keyd_request *request, struct keyd_reply *ret_reply,
    void *arg)
{
	struct keyd *k = arg;
	enum keyd_result result;

	k->reason[0] = '\0';
	memset(&k->entry, 0, sizeof(k->entry));
	result = k->config.manage ? key_entry_check(request, k->config.no_touch,
	                                time(NULL), &k->entry)
	                          : KEYD_OFF;
	if (result == KEYD_DONE &&
	    !key_rate_take(&k->rate, request->account, seconds_since_boot()))
		result = KEYD_TOO_FAST;
	if (result == KEYD_DONE)
		result = key_directory_change(&k->config, &k->entry, k->reason);
	ret_reply->result = result;
	memcpy(ret_reply->fingerprint, k->entry.fingerprint, SHA256_LEN);
	report(k, request, ret_reply);
}

static void
serve_one(struct keyd *k, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	int r;

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	r = service_connection(fd, k->client, answer, k);
	if (r == ENS_E_DENIED)
		log_warning(
		    "refused a connection of uid %u, pid %d: only %s may ask",
		    (unsigned)peer.uid, (int)peer.pid, KEYD_CLIENT_USER);
	else if (r < 0)
		log_warning("request of the guard: %s", error_text(r));
}

static void
note_signal(int number)
{
	if (number == SIGHUP)
		wants_reload = 1;
	else
		wants_end = 1;
}

/* From here on they wait until a request is done. */
static int
hold_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	const struct sigaction action = { .sa_handler = note_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&set, numbers[i]);
		if (sigaction(numbers[i], &action, NULL) < 0)
			return -errno;
	}
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static void
accept_one(struct keyd *k, int listening)
{
	const struct timespec wait = { .tv_nsec = ACCEPT_WAIT_NS };
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		serve_one(k, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_warning("cannot accept: %s", error_text(-errno));
		nanosleep(&wait, NULL);
	}
}

static void
serve(struct keyd *k, int listening)
{
	struct pollfd waiting = { .fd = listening, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	while (wants_end == 0) {
		if (wants_reload != 0) {
			wants_reload = 0;
			reload(k);
		}
		if (ppoll(&waiting, 1, NULL, &none) > 0)
			accept_one(k, listening);
	}
}

/* ---- beginning -------------------------------------------------------------- */

static int
find_client(struct keyd *k)
{
	const struct passwd *user = getpwnam(KEYD_CLIENT_USER);

	if (user == NULL) {
		log_error("there is no user %s, whom alone it would serve",
		    KEYD_CLIENT_USER);
		return ENS_E_CONFIG;
	}
	k->client = user->pw_uid;
	return 0;
}

/* Nobody may look into it: it reads a password. */
static void
prepare_process(void)
{
	const struct rlimit no_core = { 0, 0 };

	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		log_warning("cannot forbid being traced");
}

/* One at a time: the second would take the first one's socket. */
static int
take_lock(const struct keyd *k)
{
	char path[CONFIG_PATH_MAX];
	int fd;

	if (config_path(k->config.run_dir, LOCK_NAME, path) < 0)
		return ENS_E_LIMIT;
	fd = lock_file(AT_FDCWD, path, 0);
	if (fd == -EWOULDBLOCK)
		log_error("another enscale-keyd has \"%s\"", path);
	else if (fd < 0)
		log_error("cannot lock \"%s\": %s", path, error_text(fd));
	return fd; /* kept until the process ends */
}

static int
begin(struct keyd *k, int *ret_listening)
{
	int r;

	if (geteuid() == 0) {
		log_error("not as root: it needs a user of its own");
		return ENS_E_CONFIG;
	}
	r = read_configuration(k->file, &k->config);
	if (r == 0 && !k->config.manage) {
		log_line(LOG_ERR,
		    "\"%s\" says manage = no in [keys]: nothing to do",
		    k->file);
		return ENS_E_CONFIG;
	}
	if (r == 0)
		r = find_socket(k);
	if (r == 0)
		r = find_client(k);
	if (r < 0)
		return r;
	prepare_process();
	r = hold_signals();
	if (r == 0)
		r = take_lock(k);
	if (r < 0)
		return r;
	r = daemon_listen(k->socket, 0660, BACKLOG);
	if (r < 0) {
		log_error("cannot listen on \"%s\": %s", k->socket,
		    error_text(r));
		return r;
	}
	*ret_listening = r;
	return 0;
}

int
main(int argc, char **argv)
{
	struct daemon_arguments arguments;
	int r = daemon_read_arguments("enscale-keyd", argc, argv, &arguments);
	int listening = -1;

	if (r != ARGUMENTS_GO_ON)
		return r;
	keyd.file = arguments.config;
	r = arguments.only_check ? read_configuration(keyd.file, &keyd.config)
	                         : begin(&keyd, &listening);
	if (r < 0)
		return r == ENS_E_CONFIG ? EX_CONFIG : EXIT_FAILURE;
	if (arguments.only_check)
		return EXIT_SUCCESS;
	sd_notify(0, "READY=1");
	log_info("ready: writing to \"%s\" as \"%s\"", keyd.config.uri,
	    keyd.config.keyd_bind_dn);
	serve(&keyd, listening);
	return EXIT_SUCCESS;
}
