/*
 * enscale-guard: tells the shell of a session which nodes its account may
 * enter, signs for one hop at a time, and ends what must end. It opens no
 * network socket, reads no directory, and never sees the CA key: that is its
 * signer's, which is forked before anything else is opened.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/arguments.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "common/base/supervisor.h"
#include "common/protocol/operator_protocol.h"
#include "enscale_guard/agent_socket.h"
#include "enscale_guard/audit_socket.h"
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
#include "enscale_guard/metrics.h"
#include "enscale_guard/native.h"
#include "enscale_guard/notices.h"
#include "enscale_guard/operator.h"
#include "enscale_guard/operator_socket.h"
#include "enscale_guard/published.h"

#define LOCK_NAME        CONFIG_GUARD_DIR "/lock"
#define HOPS_NAME        CONFIG_GUARD_DIR "/hops"
#define LAST_NAME        CONFIG_GUARD_DIR "/last"
#define VISITS_NAME      CONFIG_GUARD_DIR "/visits"
#define DESCRIPTORS_KEPT 64 /* not for connections */
/* When visits that nobody can ask for are removed: by a view that was in step
 * with the directory a moment ago. */
#define TIDY_USEC         (86400 * BUCKET_SECOND)
#define TIDY_STEP_USEC    (10 * BUCKET_SECOND)
#define TIDY_VIEW_SECONDS 600

/* ---- what the units report ---------------------------------------------- */

static void
session_appeared(struct session_entry *entry, void *arg)
{
	struct guard *guard = arg;

	judge_remember(entry, true);
	live_hop_take_in(guard, entry);
	if (guard->last_use != NULL)
		last_use_login(guard->last_use, entry->session.account,
		    entry->session.opened, entry->session.address);
	audit_event(guard->audit,
	    guard->is_begun ? AUDIT_EVENT_LOGIN : AUDIT_EVENT_SESSION_SEEN,
	    &entry->session,
	    &(struct audit_fields){ .opened = entry->session.opened });
	judge_session(guard, entry);
}

static void
session_over(struct session_entry *entry, void *arg)
{
	struct guard *guard = arg;

	process_list_prune(&entry->members);
	if (!entry->ending && entry->members.count > 0)
		ending_processes(guard, &entry->session, &entry->members);
	if (entry->published)
		left_over_look(guard, &entry->session);
	else
		left_over_orphans(guard);
	live_hop_clear(guard, entry);
	guard_socket_session_over(entry);
	agent_socket_session_over(guard, entry);
	audit_event(guard->audit, AUDIT_EVENT_SESSION_ENDED, &entry->session,
	    &(struct audit_fields){
	        .seconds = time(NULL) - entry->session.opened });
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
use_syslog(struct guard *guard)
{
	audit_use_syslog(guard->audit,
	    guard->config.audit_syslog ? "/dev/log" : NULL);
}

static void
renew_configuration(struct guard *guard)
{
	static struct config next;
	char error[CONFIG_ERROR_MAX];
	int r;

	if (signer_maker_read_config(guard->maker, &next, error) < 0) {
		log_error("keeping the configuration: %s", error);
		return;
	}
	if (needs_restart(&guard->config, &next)) {
		log_error("keeping the configuration: uid_base, [paths], "
		          "host_keys and source_addresses only change with a "
		          "restart");
		return;
	}
	guard->config = next;
	use_syslog(guard);
	r = native_mark(&guard->config);
	if (r < 0)
		log_error("cannot mark native mode in \"%s\": %s",
		    guard->config.run_dir, error_text(r));
	log_info("read \"%s\"", guard->config_file);
	judge_all(guard);
}

/* It may have been made, or made anew, since this process began. */
static void
renew_group(struct guard *guard)
{
	int r = signer_maker_find_group(guard->maker, &guard->operator_group);

	if (r < 0)
		log_error("keeping the group \"" OPERATOR_GROUP "\" of before: "
		          "cannot look it up: %s",
		    error_text(r));
}

static int
on_hangup(sd_event_source *source, const struct signalfd_siginfo *info,
    void *arg)
{
	struct guard *guard = arg;
	int r;

	(void)source, (void)info;
	r = audit_reopen(guard->audit);
	if (r < 0)
		log_error("cannot reopen audit log \"%s\": %s",
		    guard->config.audit_log, error_text(r));
	authority_renew(guard);
	renew_configuration(guard);
	renew_group(guard); /* last: it may wait for a name service */
	return 0;
}

static bool
view_is_in_step(const struct view *view)
{
	const int64_t age = view != NULL ? time(NULL) - view_as_of(view) : 0;

	return view != NULL && age >= 0 && age <= TIDY_VIEW_SECONDS;
}

static int
on_tidy(sd_event_source *source, uint64_t usec, void *arg)
{
	struct guard *guard = arg;
	bool is_over = false;

	(void)usec;
	if (guard->visits != NULL && view_is_in_step(guard->view))
		is_over = !visits_tidy(guard->visits, guard->view);
	sd_event_source_set_time_relative(source,
	    is_over ? TIDY_USEC : TIDY_STEP_USEC);
	return 0;
}

static int
tidy_in_time(struct guard *guard)
{
	int r = sd_event_add_time_relative(guard->event, &guard->visits_timer,
	    CLOCK_MONOTONIC, TIDY_STEP_USEC, TIDY_STEP_USEC / 10, on_tidy,
	    guard);

	return r < 0
	    ? r
	    : sd_event_source_set_enabled(guard->visits_timer, SD_EVENT_ON);
}

/* ---- beginning ------------------------------------------------------------ */

static int
read_configuration(struct guard *guard)
{
	char error[CONFIG_ERROR_MAX];
	const struct config *config = &guard->config;

	if (config_load(guard->config_file, &guard->config, error) < 0) {
		log_error("%s", error);
		return ENS_E_CONFIG;
	}
	if (config_path(config->state_dir, CONFIG_VIEW_DIR, guard->view_dir) <
	        0 ||
	    config_path(config->run_dir, CONFIG_SESSIONS_DIR,
	        guard->sessions_dir) < 0 ||
	    config_path(config->run_dir, CONFIG_GUARD_SOCKET,
	        guard->guard_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_AGENT_SOCKET,
	        guard->agent_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_OPERATOR_SOCKET,
	        guard->operator_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_AUDIT_SOCKET,
	        guard->audit_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_NOTIFY_SOCKET,
	        guard->notify_socket) < 0 ||
	    config_path(config->run_dir, CONFIG_KEYD_SOCKET,
	        guard->keyd_socket) < 0 ||
	    config_path(config->run_dir, HOPS_NAME, guard->hops_dir) < 0 ||
	    config_path(config->state_dir, LAST_NAME, guard->last_dir) < 0 ||
	    config_path(config->state_dir, VISITS_NAME, guard->visits_dir) <
	        0) {
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

	daemon_prepare(027);
	daemon_close_to_others();
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
 * how the audit log ends, and what the libraries may yet load.
 */
static void
give_up_reading(const struct guard *guard)
{
	const char *const folders[] = { guard->config.state_dir,
		guard->config.run_dir, guard->config.audit_log, "/proc", "/usr",
		NULL };
	int r = confinement_begin(folders);

	if (r < 0)
		log_warning("the kernel does not keep the CA key from this "
		            "process (Landlock): %s",
		    error_text(r));
}

static int
open_units(struct guard *guard)
{
	const struct session_table_events events = {
		.appeared = session_appeared,
		.over = session_over,
		.dead = session_dead,
		.arg = guard,
	};
	int r;

	r = audit_open(guard->config.audit_log, &guard->audit);
	if (r < 0) {
		log_error("cannot open audit log \"%s\": %s",
		    guard->config.audit_log, error_text(r));
		return r;
	}
	audit_look_up_in(guard->audit, &guard->view);
	use_syslog(guard);
	r = last_use_open(guard->last_dir, &guard->last_use);
	if (r < 0)
		log_warning("cannot keep last logins in \"%s\": %s",
		    guard->last_dir, error_text(r));
	r = visits_open(guard->visits_dir, &guard->visits);
	if (r < 0)
		log_warning("cannot keep who enters environments in \"%s\": %s",
		    guard->visits_dir, error_text(r));
	r = native_mark(&guard->config);
	if (r < 0) {
		log_error("cannot mark native mode in \"%s\": %s",
		    guard->config.run_dir, error_text(r));
		return r;
	}
	r = turns_new(guard->event, &guard->turns);
	if (r >= 0)
		r = session_table_new(guard->sessions_dir, guard->event,
		    guard->turns, &events, &guard->sessions);
	if (r >= 0)
		r = live_hop_open(guard);
	if (r >= 0)
		r = left_over_open(guard);
	if (r >= 0)
		r = notices_open(guard);
	if (r >= 0)
		r = judge_open(guard);
	if (r >= 0)
		r = published_open(guard);
	if (r >= 0)
		r = tidy_in_time(guard);
	if (r < 0) {
		log_error("cannot start: %s", error_text(r));
		return r;
	}
	/* The sessions of before: they go on, or are judged. */
	r = session_table_rescan(guard->sessions);
	if (r < 0)
		log_warning("cannot read sessions in \"%s\": %s",
		    guard->sessions_dir, error_text(r));
	guard->is_begun = true;
	left_over_orphans(guard);
	live_hop_tidy(guard);
	r = audit_socket_open(guard);
	if (r >= 0)
		r = guard_socket_open(guard);
	if (r >= 0)
		r = agent_socket_open(guard);
	if (r >= 0)
		r = operator_socket_open(guard);
	if (r >= 0)
		r = metrics_open(guard);
	if (r < 0)
		log_error("cannot begin in \"%s/%s\": %s",
		    guard->config.run_dir, CONFIG_GUARD_DIR, error_text(r));
	return r;
}

static int
begin(struct guard *guard)
{
	char lock[CONFIG_PATH_MAX];
	uint32_t connections;
	int r;

	if (geteuid() == 0) {
		log_error("must not run as root: it needs its own user, the "
		          "group of the view and CAP_KILL");
		return -EPERM;
	}
	r = read_configuration(guard);
	if (r < 0)
		return r;
	connections = prepare_process();
	r = authority_start(guard); /* before any socket, lock or log exists */
	if (r < 0)
		return r;
	guard->operator_group = operator_group();
	guard->host_keys = info_read_host_keys(guard->config.host_keys);
	give_up_reading(guard);
	admission_init(&guard->admission, connections);
	ending_has_right();
	if (config_path(guard->config.run_dir, LOCK_NAME, lock) < 0)
		return ENS_E_LIMIT;
	r = daemon_lock(lock);
	if (r < 0)
		return r;
	r = daemon_open_loop(on_hangup, guard, &guard->event);
	if (r >= 0)
		r = authority_watch(guard);
	if (r < 0) {
		log_error("no event loop: %s", error_text(r));
		return r;
	}
	return open_units(guard);
}

/* The hops' files stay: they are for the next guard. */
static void
forget_sessions(struct guard *guard)
{
	struct session_entry *entry;
	struct live_hop *hop;

	if (guard->sessions == NULL)
		return;
	for (entry = session_table_first(guard->sessions); entry != NULL;
	     entry = session_table_next(entry))
		while ((hop = LIST_FIRST(&entry->hops)) != NULL) {
			LIST_REMOVE(hop, of_session);
			free(hop);
		}
	session_table_free(guard->sessions);
}

/* Restarting ends no session: what runs goes on, and is judged anew. */
static void
end(struct guard *guard)
{
	if (guard->event != NULL)
		key_change_close(guard);
	operator_socket_close(guard);
	audit_socket_close(guard);
	agent_socket_close(guard);
	guard_socket_close(guard);
	if (guard->event != NULL) {
		ending_close(guard);
		left_over_close(guard);
		published_close(guard);
		judge_close(guard);
		notices_close(guard);
		metrics_close(guard);
	}
	forget_sessions(guard);
	live_hop_close(guard);
	turns_free(guard->turns);
	audit_close(guard->audit);
	last_use_close(guard->last_use);
	sd_event_source_disable_unref(guard->visits_timer);
	visits_close(guard->visits);
	json_decref(guard->host_keys);
	admission_clear(&guard->admission);
	authority_stop(guard);
	sd_event_unref(guard->event);
}

int
main(int argc, char **argv)
{
	static struct guard guard = { .hops_fd = -1 };
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
		supervisor_tell_ready();
		log_info("ready: %zu sessions",
		    session_table_count(guard.sessions));
		r = sd_event_loop(guard.event);
		(void)supervisor_tell("STOPPING=1");
	}
	end(&guard);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
