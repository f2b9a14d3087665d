/*
 * enscale-sync: follows the directory and publishes what it says. One thread,
 * one loop; it writes its state, the view and the account map, and nothing
 * else. It holds no key, needs no right of root, and never writes to the
 * directory.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "common/base/arguments.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/base/supervisor.h"
#include "common/config/config.h"
#include "common/keys/fingerprint.h"
#include "enscale_sync/control.h"
#include "enscale_sync/follow.h"
#include "enscale_sync/metrics.h"
#include "enscale_sync/publish.h"
#include "enscale_sync/source.h"
#include "enscale_sync/state.h"
#include "enscale_sync/status.h"
#include "ldap/ldap_opening.h"

#define SECOND ((uint64_t)1000000)
/* The status is written at least this often; a little later when something
 * has changed, not for each change. */
#define STATUS_PERIOD (5 * SECOND)
#define STATUS_DELAY  (SECOND / 5)
/* Publishing again what could not be published. */
#define RETRY_PERIOD (1 * SECOND)

struct service {
	const char *file; /* of the configuration */
	struct config config;
	struct config next; /* while it is read again */
	char error[CONFIG_ERROR_MAX];
	struct status status;
	struct state *state;
	struct publisher *publisher;
	struct follow *follow;
	struct source *source;
	struct control *control;
	sd_event *event;
	sd_event_source *tick;
	char status_file[CONFIG_PATH_MAX];
	char control_path[CONFIG_PATH_MAX];
	char metrics_file[CONFIG_PATH_MAX];
	bool tick_is_soon;
	uint64_t metrics_at; /* when they were written, CLOCK_MONOTONIC */
	bool metrics_failed; /* said once */
	bool status_failed;  /* said once */
	bool was_ready;
	bool told_ready;
};

static int
complain(const char *path, int error)
{
	switch (error) {
	case -EWOULDBLOCK:
		log_error("cannot open \"%s\": another enscale-sync is running",
		    path);
		break;
	case -EACCES:
	case -EPERM:
		log_error(
		    "cannot open \"%s\": %s; it must belong to uid %u, which enscale-sync runs as",
		    path, error_text(error), (unsigned int)geteuid());
		break;
	default:
		log_error("cannot open \"%s\": %s", path, error_text(error));
		break;
	}
	return error;
}

static int
complain_of_part(const struct service *service, const char *name, int error)
{
	char path[CONFIG_PATH_MAX];

	return config_path(service->config.state_dir, name, path) == 0
	    ? complain(path, error)
	    : complain(name, error);
}

/* ---- status ------------------------------------------------------------ */

static void
write_status(struct service *service)
{
	int r = status_write(&service->status, service->state,
	    service->status_file);

	if (r != 0 && !service->status_failed)
		log_warning("cannot write \"%s\": %s", service->status_file,
		    error_text(r));
	service->status_failed = r != 0;
}

/* Every five seconds at most: the collector asks no more often, and the
 * reasons of a million refused entries take a moment to count. */
static void
write_metrics(struct service *service, uint64_t time)
{
	int r;

	if (service->metrics_at != 0 &&
	    time < service->metrics_at + STATUS_PERIOD)
		return;
	service->metrics_at = time;
	r = metrics_write(&service->status, service->state, service->publisher,
	    service->metrics_file);
	if (r != 0 && !service->metrics_failed)
		log_warning("cannot write \"%s\": %s", service->metrics_file,
		    error_text(r));
	service->metrics_failed = r != 0;
}

/* READY is said once: readers are served (publish.h), by what may be older than
 * the server. */
static void
tell_supervisor(struct service *service)
{
	const struct status *status = &service->status;

	if (status->ready && !service->was_ready)
		log_info("ready");
	service->was_ready |= status->ready;
	if (status->ready && !service->told_ready)
		service->told_ready = supervisor_tell("READY=1");
	if (status->connection != STATUS_REFRESHING)
		supervisor_tell_status("%s \"%s\"%s",
		    status->connection == STATUS_FOLLOWING ? "Following"
		                                           : "Waiting for",
		    status->source, status->in_step ? ", in step." : ".");
}

/* The time of the next look at everything. */
static int
set_tick(struct service *service, uint64_t delay)
{
	uint64_t time;
	int r = sd_event_now(service->event, CLOCK_MONOTONIC, &time);

	if (r >= 0)
		r = sd_event_source_set_time(service->tick, time + delay);
	if (r >= 0)
		r = sd_event_source_set_enabled(service->tick,
		    SD_EVENT_ONESHOT);
	service->tick_is_soon = r >= 0 && delay <= STATUS_DELAY;
	return r;
}

static void
complain_of_sync(struct service *service, const char *what, int error)
{
	const char *text = follow_error_text(service->follow, error);

	log_error("cannot sync the %s: %s", what, text);
	status_set_error(&service->status, text);
}

/* What is visible becomes durable, a moment after it was. */
static void
settle(struct service *service)
{
	int r = publisher_settle(service->publisher);

	if (r != 0)
		complain_of_sync(service, "view", r);
	r = state_settle(service->state);
	if (r != 0)
		complain_of_sync(service, "state", r);
}

static int
on_tick(sd_event_source *tick, uint64_t time, void *arg)
{
	struct service *service = arg;

	(void)tick;
	if (publisher_is_behind(service->publisher))
		follow_publish(service->follow);
	settle(service);
	write_status(service);
	write_metrics(service, time);
	tell_supervisor(service);
	return set_tick(service,
	    publisher_is_behind(service->publisher) ||
	            publisher_is_merging(service->publisher) ||
	            !state_is_settled(service->state)
	        ? RETRY_PERIOD
	        : STATUS_PERIOD);
}

/* After everything that happened: the status follows, soon. */
static int
on_anything(sd_event_source *post, void *arg)
{
	struct service *service = arg;

	(void)post;
	/* Whoever started us starts us again. */
	if (state_is_damaged(service->state))
		return sd_event_exit(service->event, ENS_E_CORRUPT);
	if (state_is_stuck(service->state))
		return sd_event_exit(service->event, -EIO);
	if (service->status.ready && !service->was_ready) {
		/* Who was told of READY may ask for the status at once. */
		write_status(service);
		tell_supervisor(service);
	}
	if (!service->status.changed || service->tick_is_soon)
		return 0;
	return set_tick(service, STATUS_DELAY);
}

/* ---- configuration ----------------------------------------------------- */

static int
start_following(struct service *service)
{
	int r = follow_new(&service->config, service->state, service->publisher,
	    &service->status, &service->follow);

	if (r == 0)
		r = source_start(service->event, &service->config,
		    service->follow, &service->status, &service->source);
	return r;
}

static void
stop_following(struct service *service)
{
	source_stop(service->source);
	service->source = NULL;
	follow_free(service->follow);
	service->follow = NULL;
}

static bool
is_other_directory(const struct config *a, const struct config *b)
{
	return strcmp(a->uri, b->uri) != 0 || strcmp(a->base, b->base) != 0 ||
	    strcmp(a->bind_dn, b->bind_dn) != 0 ||
	    strcmp(a->password_file, b->password_file) != 0 ||
	    a->start_tls != b->start_tls || strcmp(a->tls_ca, b->tls_ca) != 0 ||
	    strcmp(a->filter, b->filter) != 0 || a->scope != b->scope ||
	    a->method != b->method || a->timeout != b->timeout ||
	    a->poll_interval != b->poll_interval ||
	    a->poll_listing != b->poll_listing ||
	    memcmp(&a->schema, &b->schema, sizeof(a->schema)) != 0;
}

/* What view and map are made with cannot change under their readers. */
static bool
needs_restart(const struct config *a, const struct config *b)
{
	return strcmp(a->state_dir, b->state_dir) != 0 ||
	    strcmp(a->run_dir, b->run_dir) != 0 || a->uid_base != b->uid_base ||
	    a->enumerate != b->enumerate;
}

static int
on_reload(sd_event_source *signal_source, const struct signalfd_siginfo *info,
    void *arg)
{
	struct service *service = arg;
	struct config *next = &service->next;
	int r;

	(void)signal_source;
	(void)info;
	config_init(next);
	if (config_load(service->file, next, service->error) != 0) {
		log_error("keeping the configuration: %s", service->error);
		return 0;
	}
	if (needs_restart(next, &service->config)) {
		log_error(
		    "keeping the configuration: [names] and [paths] only change with a restart");
		return 0;
	}
	if (!is_other_directory(next, &service->config)) {
		log_info("read \"%s\": nothing has changed", service->file);
		return 0;
	}
	log_info("read \"%s\"", service->file);
	stop_following(service);
	service->config = *next;
	r = start_following(service);
	/* Whoever started us starts us again. */
	return r == 0 ? 0 : sd_event_exit(service->event, r);
}

/* An administrator has found the view to be broken. */
static int
on_distrust(sd_event_source *signal_source, const struct signalfd_siginfo *info,
    void *arg)
{
	struct service *service = arg;

	(void)signal_source;
	(void)info;
	log_notice("publishing everything again, as asked%s",
	    publisher_waits(service->publisher)
	        ? ", as soon as a refresh is complete"
	        : "");
	publisher_distrust(service->publisher);
	follow_publish(service->follow);
	return 0;
}

/* ---- an administrator's words ------------------------------------------ */

static const char *
accept_held(void *arg)
{
	struct service *service = arg;
	int r = follow_accept(service->follow);

	if (r == ENS_E_NOTFOUND)
		return "no nothing is held back";
	if (r == 0)
		r = source_poke(service->source);
	if (r != 0)
		return "no enscale-sync cannot do it now: see its log";
	log_notice("an administrator accepts what the directory says now");
	return "yes what the directory says now will be accepted: see enscalectl status";
}

static const char *
refresh(void *arg)
{
	struct service *service = arg;

	log_notice("an administrator wants a full refresh");
	follow_want_all(service->follow);
	if (source_poke(service->source) != 0)
		return "no enscale-sync cannot do it now: see its log";
	return "yes a full refresh follows: see enscalectl status";
}

static const char *
say_words(void *arg)
{
	(void)arg;
	return "no the only requests are accept and refresh";
}

static const struct control_word words[] = {
	{ "accept", accept_held },
	{ "refresh", refresh },
	{ NULL, say_words },
};

/* ---- life -------------------------------------------------------------- */

static int
open_parts(struct service *service)
{
	char folder[CONFIG_PATH_MAX];
	const char *what = CONFIG_STATE_DIR "/" STATE_FILE;
	bool replaced;
	int r = config_path(service->config.state_dir, CONFIG_STATE_DIR,
	    folder);

	if (r == 0)
		r = config_path(service->config.run_dir, STATUS_FILE,
		    service->status_file);
	if (r == 0)
		r = config_path(service->config.run_dir, CONFIG_SYNC_SOCKET,
		    service->control_path);
	if (r == 0)
		r = config_path(service->config.run_dir, METRICS_FILE,
		    service->metrics_file);
	fingerprint_prepare();
	if (r == 0)
		r = state_discard_on_fault(folder);
	if (r == 0)
		r = state_open(folder, &service->state, &replaced);
	if (r != 0)
		return complain_of_part(service, what, r);
	if (replaced)
		log_warning("the state was not readable: refreshing in full");
	r = publisher_open(&service->config, service->state,
	    &service->publisher, &what);
	if (r != 0)
		return complain_of_part(service, what, r);
	if (publisher_waits(service->publisher))
		log_warning(
		    "the state is older than the view, which stays in use until a full refresh is complete");
	return 0;
}

static int
set_up_loop(struct service *service)
{
	int r = daemon_open_loop(on_reload, service, &service->event);

	if (r >= 0)
		r = sd_event_add_signal(service->event, NULL,
		    SIGUSR1 | SD_EVENT_SIGNAL_PROCMASK, on_distrust, service);
	if (r >= 0)
		r = sd_event_add_time_relative(service->event, &service->tick,
		    CLOCK_MONOTONIC, 0, 0, on_tick, service);
	if (r >= 0)
		r = sd_event_add_post(service->event, NULL, on_anything,
		    service);
	return r < 0 ? r : 0;
}

static int
run(struct service *service)
{
	int r = open_parts(service);

	if (r == 0)
		r = set_up_loop(service);
	if (r == 0)
		r = start_following(service);
	if (r != 0)
		return r;
	r = control_open(service->event, service->control_path, words, service,
	    &service->control);
	if (r != 0)
		return complain(service->control_path, r);
	follow_publish(service->follow);
	return sd_event_loop(service->event);
}

static void
discard_state(struct service *service)
{
	int r = state_discard(service->state);

	if (r != 0)
		log_error("the state is damaged, and cannot be removed: %s",
		    error_text(r));
	else
		log_error(
		    "the state is damaged: removed it, so that everything is fetched again");
}

static void
end(struct service *service)
{
	(void)supervisor_tell("STOPPING=1");
	control_close(service->control);
	stop_following(service);
	if (service->state != NULL)
		(void)status_write(&service->status, service->state,
		    service->status_file);
	if (service->state != NULL && state_is_damaged(service->state))
		discard_state(service);
	sd_event_source_disable_unref(service->tick);
	sd_event_unref(service->event);
	publisher_close(service->publisher);
	state_close(service->state);
}

int
main(int argc, char **argv)
{
	static struct service service;
	struct daemon_arguments arguments;
	int r = daemon_read_arguments("enscale-sync", argc, argv, &arguments);

	if (r != ARGUMENTS_GO_ON)
		return r;
	service.file = arguments.config;
	daemon_prepare(027);
	config_init(&service.config);
	if (config_load(service.file, &service.config, service.error) != 0) {
		log_error("%s", service.error);
		return EXIT_FAILURE;
	}
	if (arguments.only_check)
		return EXIT_SUCCESS;
	r = run(&service);
	end(&service);
	if (r != 0)
		log_error("ended: %s", error_text(r));
	if (ldap_opening_is_any_left())
		_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
