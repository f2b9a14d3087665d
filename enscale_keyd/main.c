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
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "common/base/arguments.h"
#include "common/base/cleanup.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/base/supervisor.h"
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
	const char *config_file;
	sd_event *event;        /* owned */
	sd_event_source *input; /* owned; of the socket */
	struct config config;
	char socket[CONFIG_PATH_MAX];
	uid_t client;
	struct key_rate rate;
	struct key_entry entry; /* of the request under way */
	char reason[LDAP_REASON_MAX];
};

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
		    "keyd_password_file \"%s\" must be a file with one line that belongs to user enscale-keyd, mode 0600, or to root, if the unit has a credential of its name (LoadCredential=): %s",
		    config.keyd_password_file, error_text(r));
		return ENS_E_CONFIG;
	}
	*ret_config = config;
	return 0;
}

static int
find_socket(struct keyd *keyd)
{
	if (config_path(keyd->config.run_dir, CONFIG_KEYD_SOCKET,
	        keyd->socket) == 0)
		return 0;
	log_error("run_dir is too long");
	return ENS_E_CONFIG;
}

/* What is wrong leaves everything as it was. */
static int
on_hangup(sd_event_source *source, const struct signalfd_siginfo *info,
    void *arg)
{
	static struct config next;
	struct keyd *keyd = arg;

	(void)source;
	(void)info;
	if (read_configuration(keyd->config_file, &next) < 0) {
		log_error("keeping the configuration");
	} else if (strcmp(next.run_dir, keyd->config.run_dir) != 0) {
		log_error(
		    "keeping the configuration: [paths] only change with a restart");
		/* But for what takes away. */
		keyd->config.manage &= next.manage;
	} else {
		keyd->config = next;
		log_info("read \"%s\"%s", keyd->config_file,
		    next.manage ? ""
		                : ": manage = no, every change is refused");
	}
	return 0;
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
report(const struct keyd *keyd, const struct keyd_request *request,
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
		    keyd->reason[0] != '\0' ? ": " : "", keyd->reason);
}

static void
answer(const struct keyd_request *request, struct keyd_reply *ret_reply,
    void *arg)
{
	struct keyd *keyd = arg;
	enum keyd_result result;

	keyd->reason[0] = '\0';
	memset(&keyd->entry, 0, sizeof(keyd->entry));
	result = keyd->config.manage
	    ? key_entry_check(request, keyd->config.no_touch, time(NULL),
	          &keyd->entry)
	    : KEYD_OFF;
	if (result == KEYD_DONE &&
	    !key_rate_take(&keyd->rate, request->account, seconds_since_boot()))
		result = KEYD_TOO_FAST;
	if (result == KEYD_DONE)
		result = key_directory_change(&keyd->config, &keyd->entry,
		    keyd->reason);
	ret_reply->result = result;
	memcpy(ret_reply->fingerprint, keyd->entry.fingerprint, SHA256_LEN);
	report(keyd, request, ret_reply);
}

static void
serve_one(struct keyd *keyd, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	int r;

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	r = service_connection(fd, keyd->client, answer, keyd);
	if (r == ENS_E_DENIED)
		log_warning(
		    "refused a connection of uid %u, pid %d: only %s may ask",
		    (unsigned)peer.uid, (int)peer.pid, KEYD_CLIENT_USER);
	else if (r < 0)
		log_warning("bad request from the guard: %s", error_text(r));
}

static int
on_connection(sd_event_source *source, int listening, uint32_t events,
    void *arg)
{
	const struct timespec wait = { .tv_nsec = ACCEPT_WAIT_NS };
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	(void)source;
	(void)events;
	if (fd >= 0) {
		serve_one(arg, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_warning("cannot accept a connection: %s",
		    error_text(-errno));
		nanosleep(&wait, NULL);
	}
	return 0;
}

/* ---- beginning -------------------------------------------------------------- */

static int
find_client(struct keyd *keyd)
{
	const struct passwd *user = getpwnam(KEYD_CLIENT_USER);

	if (user == NULL) {
		log_error("there is no user %s, the only one that it serves",
		    KEYD_CLIENT_USER);
		return ENS_E_CONFIG;
	}
	keyd->client = user->pw_uid;
	return 0;
}

static int
open_socket(struct keyd *keyd)
{
	AUTO_FD int fd = daemon_listen(keyd->socket, 0660, BACKLOG);
	int r = fd;

	if (r >= 0)
		r = sd_event_add_io(keyd->event, &keyd->input, fd, EPOLLIN,
		    on_connection, keyd);
	if (r < 0) {
		log_error("cannot listen on \"%s\": %s", keyd->socket,
		    error_text(r));
		return r;
	}
	sd_event_source_set_io_fd_own(keyd->input, true);
	fd = -1;
	return 0;
}

static int
begin(struct keyd *keyd)
{
	char lock[CONFIG_PATH_MAX];
	int r;

	if (geteuid() == 0) {
		log_error("must not run as root: it needs a user of its own");
		return ENS_E_CONFIG;
	}
	r = read_configuration(keyd->config_file, &keyd->config);
	if (r == 0 && !keyd->config.manage) {
		log_error("\"%s\" says manage = no in [keys]: nothing to do",
		    keyd->config_file);
		return ENS_E_CONFIG;
	}
	if (r == 0)
		r = find_socket(keyd);
	if (r == 0)
		r = find_client(keyd);
	if (r == 0)
		r = config_path(keyd->config.run_dir, LOCK_NAME, lock);
	if (r < 0)
		return r;
	daemon_prepare(077);
	daemon_close_to_others(); /* it reads a password */
	r = daemon_lock(lock);
	if (r < 0)
		return r;
	r = daemon_open_loop(on_hangup, keyd, &keyd->event);
	if (r < 0) {
		log_error("no event loop: %s", error_text(r));
		return r;
	}
	return open_socket(keyd);
}

static void
end(struct keyd *keyd)
{
	sd_event_source_disable_unref(keyd->input);
	sd_event_unref(keyd->event);
}

int
main(int argc, char **argv)
{
	static struct keyd keyd;
	struct daemon_arguments arguments;
	int r = daemon_read_arguments("enscale-keyd", argc, argv, &arguments);

	if (r != ARGUMENTS_GO_ON)
		return r;
	keyd.config_file = arguments.config;
	r = arguments.only_check
	    ? read_configuration(keyd.config_file, &keyd.config)
	    : begin(&keyd);
	if (r >= 0 && !arguments.only_check) {
		supervisor_tell_ready();
		log_info("ready: writing to \"%s\" as \"%s\"", keyd.config.uri,
		    keyd.config.keyd_bind_dn);
		r = sd_event_loop(keyd.event);
		(void)supervisor_tell("STOPPING=1");
	}
	end(&keyd);
	if (r < 0)
		return r == ENS_E_CONFIG ? EX_CONFIG : EXIT_FAILURE;
	return EXIT_SUCCESS;
}
