/*
 * enscale-guard: tells the shell of a session which nodes its account may
 * enter, signs for one hop at a time, and ends what must end. It opens no
 * network socket, reads no directory, and never sees the CA key: that is its
 * signer's, which is forked before anything else is opened.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/base/arguments.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "enscale_guard/agent_socket.h"
#include "enscale_guard/authority.h"
#include "enscale_guard/confinement.h"
#include "enscale_guard/ending.h"
#include "enscale_guard/guard.h"
#include "enscale_guard/guard_socket.h"
#include "enscale_guard/info.h"
#include "enscale_guard/judge.h"
#include "enscale_guard/key_change.h"
#include "enscale_guard/left_over.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"
#include "enscale_guard/native.h"
#include "enscale_guard/published.h"

#define LOCK_NAME        CONFIG_GUARD_DIR "/lock"
#define HOPS_NAME        CONFIG_GUARD_DIR "/hops"
#define LAST_NAME        CONFIG_GUARD_DIR "/last"
#define DESCRIPTORS_KEPT 64 /* not for connections */

static struct guard guard = { .hops_fd = -1 };

/* ---- what the units report ---------------------------------------------- */

static void
session_appeared(struct session_entry *entry, void *arg)
{
	struct guard *g = arg;

	judge_remember(entry, true);
	live_hop_take_in(g, entry);
	if (g->last_use != NULL)
		last_use_login(g->last_use, entry->session.account,
		    entry->session.opened, entry->session.address);
	audit_event(g->audit, "session-seen", &entry->session,
	    json_pack("{s:I}", "opened", (json_int_t)entry->session.opened));
	judge_session(g, entry);
}

static void
session_over(struct session_entry *entry, void *arg)
{
	struct guard *g = arg;

	process_list_prune(&entry->members);
	if (!entry->ending && entry->members.count > 0)
		ending_processes(g, &entry->session, &entry->members);
	if (entry->published)
		left_over_look(g, &entry->session);
	else
		left_over_orphans(g);
	live_hop_clear(g, entry);
	guard_socket_session_over(entry);
	agent_socket_session_over(g, entry);
	audit_event(g->audit, "session-ended", &entry->session, NULL);
}

static void
session_dead(const struct session *session, void *arg)
{
	left_over_record(arg, session);
}

/* What this process was started with, and cannot be without. */
static bool
needs_restart(const struct config *a, const struct config *b)
{
	return strcmp(a->state_dir, b->state_dir) != 0 ||
	    strcmp(a->run_dir, b->run_dir) != 0 ||
	    strcmp(a->ca_key, b->ca_key) != 0 ||
	    strcmp(a->audit_log, b->audit_log) != 0 ||
	    strcmp(a->source_addresses, b->source_addresses) != 0 ||
	    strcmp(a->host_keys, b->host_keys) != 0 ||
	    a->uid_base != b->uid_base;
}

static void
renew_configuration(struct guard *g)
{
	static struct config next;
	char error[CONFIG_ERROR_MAX];
	int r;

	if (signer_maker_read_config(g->maker, &next, error) < 0) {
		log_error("keeping the configuration: %s", error);
		return;
	}
	if (needs_restart(&g->config, &next)) {
		log_error("keeping the configuration: uid_base, [paths], "
		          "host_keys and source_addresses change with a "
		          "restart only");
		return;
	}
	g->config = next;
	r = native_mark(&g->config);
	if (r < 0)
		log_error("cannot mark native mode in \"%s\": %s",
		    g->config.run_dir, error_text(r));
	log_info("read \"%s\"", g->config_file);
	judge_all(g);
}

static int
on_hangup(sd_event_source *source, const struct signalfd_siginfo *info,
    void *arg)
{
	struct guard *g = arg;
	int r;

	(void)source, (void)info;
	r = audit_reopen(g->audit);
	if (r < 0)
		log_error("cannot open audit log \"%s\" anew: %s",
		    g->config.audit_log, error_text(r));
	authority_renew(g);
	renew_configuration(g);
	return 0;
}

/* ---- beginning ------------------------------------------------------------ */

static int
read_configuration(struct guard *g)
{
	char error[CONFIG_ERROR_MAX];
	const struct config *config = &g->config;

	if (config_load(g->config_file, &g->config, error) < 0) {
		log_error("%s", error);
		return ENS_E_CONFIG;
	}
	if (config_path(config->state_dir, CONFIG_VIEW_DIR, g->view_dir) < 0 ||
	    config_path(config->run_dir, CONFIG_SESSIONS_DIR, g->sessions_dir) <
	        0 ||
	    config_path(config->run_dir, CONFIG_GUARD_SOCKET, g->guard_socket) <
	        0 ||
	    config_path(config->run_dir, CONFIG_AGENT_SOCKET, g->agent_socket) <
	        0 ||
	    config_path(config->run_dir, CONFIG_NOTIFY_SOCKET,
	        g->notify_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_KEYD_SOCKET, g->keyd_socket) <
	        0 ||
	    config_path(config->run_dir, HOPS_NAME, g->hops_dir) < 0 ||
	    config_path(config->state_dir, LAST_NAME, g->last_dir) < 0) {
		log_error("state_dir or run_dir is too long");
		return ENS_E_CONFIG;
	}
	return 0;
}

/* Nobody may look into it, and it may have as many descriptors as allowed. */
static uint32_t
prepare_process(void)
{
	struct rlimit limit = { 0, 0 };

	signal(SIGPIPE, SIG_IGN);
	umask(027);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warning("cannot forbid being traced");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur > UINT32_MAX)
		limit.rlim_cur = UINT32_MAX;
	/* A session's watch takes one, too: half is for connections. */
	return limit.rlim_cur > 2 * DESCRIPTORS_KEPT
	    ? (uint32_t)(limit.rlim_cur - DESCRIPTORS_KEPT) / 2
	    : DESCRIPTORS_KEPT;
}

/*
 * The signer, which has our uid and groups, reads the key's file: its mode
 * does not keep it from us. What is read from here on: view, sessions, /proc,
 * and what the libraries may yet load.
 */
static void
give_up_reading(const struct guard *g)
{
	const char *const folders[] = { g->config.state_dir, g->config.run_dir,
		"/proc", "/usr", NULL };
	int r = confinement_begin(folders);

	if (r < 0)
		log_warning("the kernel does not keep the CA key from this "
		            "process (Landlock): %s",
		    error_text(r));
}

/* One guard at a time: the second would take the first one's sockets. */
static int
take_lock(const struct guard *g)
{
	char path[CONFIG_PATH_MAX];
	int fd;

	if (config_path(g->config.run_dir, LOCK_NAME, path) < 0)
		return ENS_E_LIMIT;
	fd = lock_file(AT_FDCWD, path, 0);
	if (fd == -EWOULDBLOCK)
		log_error("another guard is running: \"%s\" is locked", path);
	else if (fd < 0)
		log_error("cannot lock \"%s\": %s", path, error_text(fd));
	return fd; /* kept until the process ends */
}

static int
open_event_loop(struct guard *g)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = sd_event_new(&g->event);
	if (r < 0)
		return r;
	/* No handler: the loop ends with code 0. */
	sd_event_add_signal(g->event, NULL, SIGTERM, NULL, NULL);
	sd_event_add_signal(g->event, NULL, SIGINT, NULL, NULL);
	sd_event_add_signal(g->event, NULL, SIGHUP, on_hangup, g);
	sd_event_set_watchdog(g->event, true);
	return authority_watch(g);
}

static int
open_units(struct guard *g)
{
	const struct session_table_events events = {
		.appeared = session_appeared,
		.over = session_over,
		.dead = session_dead,
		.arg = g,
	};
	int r;

	r = audit_open(g->config.audit_log, &g->audit);
	if (r < 0) {
		log_error("cannot open audit log \"%s\": %s",
		    g->config.audit_log, error_text(r));
		return r;
	}
	r = last_use_open(g->last_dir, &g->last_use);
	if (r < 0)
		log_warning("cannot keep last logins in \"%s\": %s",
		    g->last_dir, error_text(r));
	r = native_mark(&g->config);
	if (r < 0) {
		log_error("cannot mark native mode in \"%s\": %s",
		    g->config.run_dir, error_text(r));
		return r;
	}
	r = session_table_new(g->sessions_dir, g->event, &events, &g->sessions);
	if (r >= 0)
		r = live_hop_open(g);
	if (r >= 0)
		r = judge_open(g);
	if (r >= 0)
		r = published_open(g);
	if (r < 0) {
		log_error("cannot begin: %s", error_text(r));
		return r;
	}
	/* The sessions of before: they go on, or are judged. */
	r = session_table_rescan(g->sessions);
	if (r < 0)
		log_warning("cannot read sessions in \"%s\": %s",
		    g->sessions_dir, error_text(r));
	left_over_orphans(g);
	live_hop_tidy(g);
	r = guard_socket_open(g);
	if (r >= 0)
		r = agent_socket_open(g);
	if (r < 0)
		log_error("cannot listen in \"%s/%s\": %s", g->config.run_dir,
		    CONFIG_GUARD_DIR, error_text(r));
	return r;
}

static int
begin(struct guard *g)
{
	uint32_t connections;
	int r;

	if (geteuid() == 0) {
		log_error("not as root: it needs its own user, the group of "
		          "the view and CAP_KILL");
		return -EPERM;
	}
	r = read_configuration(g);
	if (r < 0)
		return r;
	connections = prepare_process();
	r = authority_start(g); /* before any socket, lock or log exists */
	if (r < 0)
		return r;
	g->host_keys = info_read_host_keys(g->config.host_keys);
	give_up_reading(g);
	admission_init(&g->admission, connections);
	ending_has_right();
	r = take_lock(g);
	if (r < 0)
		return r;
	r = open_event_loop(g);
	if (r < 0) {
		log_error("no event loop: %s", error_text(r));
		return r;
	}
	return open_units(g);
}

/* The hops' files stay: they are for the next guard. */
static void
forget_sessions(struct guard *g)
{
	struct session_entry *entry;
	struct live_hop *hop;

	if (g->sessions == NULL)
		return;
	for (entry = session_table_first(g->sessions); entry != NULL;
	     entry = session_table_next(entry))
		while ((hop = LIST_FIRST(&entry->hops)) != NULL) {
			LIST_REMOVE(hop, of_session);
			free(hop);
		}
	session_table_free(g->sessions);
}

/* Restarting ends no session: what runs goes on, and is judged anew. */
static void
end(struct guard *g)
{
	if (g->event != NULL)
		key_change_close(g);
	agent_socket_close(g);
	guard_socket_close(g);
	if (g->event != NULL) {
		ending_close(g);
		left_over_close(g);
		published_close(g);
		judge_close(g);
	}
	forget_sessions(g);
	live_hop_close(g);
	audit_close(g->audit);
	last_use_close(g->last_use);
	json_decref(g->host_keys);
	admission_clear(&g->admission);
	authority_stop(g);
	sd_event_unref(g->event);
}

int
main(int argc, char **argv)
{
	struct daemon_arguments arguments;
	int r = daemon_read_arguments("enscale-guard", argc, argv, &arguments);

	if (r != ARGUMENTS_GO_ON)
		return r;
	guard.config_file = arguments.config;
	if (arguments.only_check)
		return read_configuration(&guard) == 0 ? EXIT_SUCCESS
		                                       : EXIT_FAILURE;
	r = begin(&guard);
	if (r >= 0) {
		sd_notify(0, "READY=1");
		log_info("ready: %zu sessions",
		    session_table_count(guard.sessions));
		r = sd_event_loop(guard.event);
		sd_notify(0, "STOPPING=1");
	}
	end(&guard);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
