/*
 * The directory as a source: which of the configured servers is followed, and
 * when another one is tried. The conversation on a connection is in
 * source_session.c, the comparison over a second one in source_compare.c.
 * Nothing here waits.
 *
 * A server is followed until it is lost, or until an earlier one in the
 * configuration is back and has everything that we have. One that does not is
 * passed over while another answers; when none is found for a while, it is
 * asked for everything, and what is older there than here is held back
 * (follow.h).
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/source_compare.h"
#include "enscale_sync/source_session.h"
#include "enscale_sync/source_type.h"
#include "ldap/ldap_opening.h"

#define SECOND ((uint64_t)1000000)

/* Between rounds through all servers: doubled up to the longest, and shorter
 * by up to a half, so that gateways do not all come at once. */
#define BACKOFF_FIRST   (SECOND / 2)
#define BACKOFF_LONGEST (30 * SECOND)
/* A server that is behind us may catch up before a full refresh. */
#define BEHIND_TIME  (30 * SECOND)
#define BEHIND_RETRY (3 * SECOND)
/* Looking whether there is a better server than the one in use. */
#define BETTER_TIME (20 * SECOND)
/* What is held back may have been settled in the directory: a full refresh
 * shows it. The pause is doubled, as after a comparison that did not reach its
 * end. */
#define AGAIN_FIRST   (60 * SECOND)
#define AGAIN_LONGEST (3600 * SECOND)
/* How often periodic work is checked. */
#define CHORES_TIME (2 * SECOND)
/* Servers whose losses are told apart in the log. */
#define SAID_MAX 8

struct ldap_source {
	sd_event *event;             /* borrowed */
	const struct config *config; /* borrowed */
	struct follow *follow;       /* borrowed */
	struct status *status;       /* borrowed */
	struct ldap_connection_options options;
	char backlog_dir[CONFIG_PATH_MAX];
	struct ldap_search search;

	uint32_t at; /* which server */
	char uri[LDAP_URI_MAX];
	uint64_t backoff;
	uint64_t behind_since; /* 0: no server said so */
	bool accept_behind;    /* it was waited for long enough */
	/* Of the last loss of each server (or of those that share a place). */
	char said[SAID_MAX][LDAP_URI_MAX + LDAP_REASON_MAX];
	struct ldap_opening *opening;   /* owned; NULL: none under way */
	struct source_session *session; /* owned; NULL: none */
	sd_event_source *timer;         /* the next try, or the opening's end */
	sd_event_source *opened;        /* owned, like all of these */

	/* While a session lasts. */
	sd_event_source *chores;
	struct ldap_opening *better; /* of a server that is tried meanwhile */
	uint32_t better_at;
	uint64_t better_time;
	sd_event_source *better_opened;
	struct source_compare *compare; /* owned; NULL: none under way */
	struct ldap_connection_options compare_options; /* with the address */
	uint64_t compare_time, compare_pause;
	time_t night;
	uint64_t again_time, again_pause;
};

static int wait_for(sd_event_source *timer, uint64_t time);
static int on_opened(sd_event_source *input, int fd, uint32_t events,
    void *arg);

static uint64_t
monotonic(const struct ldap_source *source)
{
	uint64_t time = 0;

	(void)sd_event_now(source->event, CLOCK_MONOTONIC, &time);
	return time;
}

static uint64_t
with_jitter(uint64_t time)
{
	return time - time / 2 * source_random() / UINT32_MAX;
}

static uint64_t
doubled(uint64_t time, uint64_t longest)
{
	return 2 * time > longest ? longest : 2 * time;
}

/* ---- the end of a connection ------------------------------------------- */

static void
drop_better(struct ldap_source *source)
{
	source->better_opened = sd_event_source_disable_unref(
	    source->better_opened);
	ldap_opening_abandon(source->better);
	source->better = NULL;
}

static void
disconnect(struct ldap_source *source)
{
	source->opened = sd_event_source_disable_unref(source->opened);
	ldap_opening_abandon(source->opening);
	source->opening = NULL;
	drop_better(source);
	source_compare_stop(source->compare);
	source->compare = NULL;
	source_session_stop(source->session);
	source->session = NULL;
	(void)sd_event_source_set_enabled(source->chores, SD_EVENT_OFF);
}

/* The next server of this round, or the first one after a pause. */
static int
try_next(struct ldap_source *source)
{
	char uri[LDAP_URI_MAX];
	uint64_t pause;

	source->at++;
	if (ldap_connection_uri(source->config->uri, source->at, uri) == 0)
		return wait_for(source->timer, 0);
	source->at = 0;
	if (source->behind_since != 0)
		return wait_for(source->timer, BEHIND_RETRY);
	pause = source->backoff;
	source->backoff = doubled(pause, BACKOFF_LONGEST);
	return wait_for(source->timer, with_jitter(pause));
}

/* Said once for as long as nothing changes. */
static void
say_lost(struct ldap_source *source, const char *reason)
{
	char *said = source->said[source->at % SAID_MAX];
	char line[sizeof(source->said[0])];

	(void)snprintf(line, sizeof(line), "lost \"%s\": %s", source->uri,
	    reason);
	if (strcmp(line, said) == 0)
		return;
	memcpy(said, line, sizeof(line));
	log_warning("%s", line);
}

static int
lose(struct ldap_source *source, const char *reason)
{
	say_lost(source, reason);
	disconnect(source);
	follow_lost(source->follow, reason);
	return try_next(source);
}

/* Our own doing, after which we go on at once with the same server. */
static int
start_again(struct ldap_source *source, const char *reason)
{
	log_notice("reconnecting to \"%s\": %s", source->uri, reason);
	disconnect(source);
	follow_lost(source->follow, reason);
	follow_want_all(source->follow);
	return wait_for(source->timer, 0);
}

static int
turned_away(struct ldap_source *source)
{
	uint64_t time = monotonic(source);

	if (source->behind_since == 0)
		source->behind_since = time;
	if (time >= source->behind_since + BEHIND_TIME) {
		/* None has caught up: a full refresh, but never backwards. */
		source->accept_behind = true;
		follow_want_all(source->follow);
	}
	return lose(source, "it is behind what is known here");
}

/* ---- comparing --------------------------------------------------------- */

static int
on_compared(const char *reason, void *arg)
{
	struct ldap_source *source = arg;
	int r;

	if (reason != NULL)
		log_warning("cannot compare with \"%s\": %s", source->uri,
		    reason);
	source_compare_stop(source->compare);
	source->compare = NULL;
	source->compare_time = monotonic(source) + source->compare_pause;
	source->compare_pause = reason == NULL
	    ? SECOND
	    : doubled(source->compare_pause, AGAIN_LONGEST);
	r = follow_compare_end(source->follow, reason);
	if (r != 0)
		return lose(source, follow_error_text(source->follow, r));
	return follow_wants_refresh(source->follow)
	    ? source_session_poke(source->session)
	    : 0;
}

static int
compare(struct ldap_source *source)
{
	source->compare_options = source->options;
	source_session_peer(source->session, &source->compare_options.peer,
	    &source->compare_options.peer_len);
	if (source->compare_options.peer.ss_family == AF_UNIX)
		source->compare_options.peer_len = 0;
	return source_compare_start(source->event, &source->compare_options,
	    source->uri, &source->search, source->follow, on_compared, source,
	    &source->compare);
}

static bool
is_time_to_compare(const struct ldap_source *source)
{
	if (source->compare != NULL || !follow_is_following(source->follow))
		return false;
	if (follow_wants_comparison(source->follow))
		return monotonic(source) >= source->compare_time;
	return time(NULL) >= source->night && !follow_holds(source->follow);
}

/* ---- a better server --------------------------------------------------- */

/* Before the one in use; any other, while that is behind. */
static bool
find_better(struct ldap_source *source, char uri[LDAP_URI_MAX])
{
	uint32_t next = source->better_at;

	if (ldap_connection_uri(source->config->uri, next, uri) != 0 ||
	    (next >= source->at && !follow_is_behind(source->follow)))
		next = 0;
	if (next == source->at && follow_is_behind(source->follow))
		next++;
	source->better_at = next;
	return next != source->at &&
	    (next < source->at || follow_is_behind(source->follow)) &&
	    ldap_connection_uri(source->config->uri, next, uri) == 0;
}

static int
try_better(struct ldap_source *source)
{
	char uri[LDAP_URI_MAX];
	int r;

	drop_better(source);
	source->better_time = monotonic(source) + with_jitter(BETTER_TIME);
	if (!find_better(source, uri))
		return 0;
	r = ldap_opening_start(&source->options, uri, source->config->base,
	    &source->better);
	if (r == 0)
		r = sd_event_add_io(source->event, &source->better_opened,
		    ldap_opening_fd(source->better), EPOLLIN, on_opened,
		    source);
	return r < 0 ? r : 0;
}

/* ---- following --------------------------------------------------------- */

static int
on_chores(sd_event_source *timer, uint64_t time, void *arg)
{
	struct ldap_source *source = arg;
	int r = 0;

	if (follow_holds(source->follow) &&
	    follow_is_following(source->follow) && time >= source->again_time) {
		source->again_time = time + source->again_pause;
		source->again_pause = doubled(source->again_pause,
		    AGAIN_LONGEST);
		return start_again(source,
		    "to see whether anything must still be held back");
	}
	if (time >= source->better_time)
		r = try_better(source);
	if (r == 0 && is_time_to_compare(source)) {
		source->night = source_next_night();
		r = compare(source);
	}
	return r == 0 ? wait_for(timer, CHORES_TIME) : r;
}

static int
refreshed(struct ldap_source *source)
{
	source->backoff = BACKOFF_FIRST;
	source->behind_since = 0;
	source->accept_behind = false;
	memset(source->said, 0, sizeof(source->said));
	if (!follow_holds(source->follow)) {
		source->again_time = 0;
		source->again_pause = AGAIN_FIRST;
	} else if (source->again_time == 0) {
		source->again_time = monotonic(source) + source->again_pause;
	}
	source->compare_time = 0;
	source->compare_pause = SECOND;
	source->better_at = 0;
	source->better_time = monotonic(source) + with_jitter(BETTER_TIME);
	/* The comparison begins now, if there is to be one. */
	return wait_for(source->chores, 0);
}

static int
on_news(enum session_news news, const char *reason, void *arg)
{
	struct ldap_source *source = arg;

	switch (news) {
	case SESSION_REFRESHED:
		return refreshed(source);
	case SESSION_BEHIND:
		return turned_away(source);
	case SESSION_REFRESH:
		return start_again(source, reason);
	case SESSION_LOST:
	default:
		return lose(source, reason);
	}
}

/* Has the server not seen all that we have? One that does not show how far it
 * is has said so by its result, when it was waited for. */
static bool
is_behind(const struct ldap_source *source, const struct csn_set *context)
{
	if (follow_is_lenient(source->follow))
		return false;
	if (context->count == 0)
		return source->accept_behind;
	return !csn_set_covers(context, follow_seen(source->follow));
}

/* Takes the connection. */
static int
follow_server(struct ldap_source *source, const struct ldap_opened *opened)
{
	char reason[LDAP_REASON_MAX] = "";
	bool behind = is_behind(source, &opened->context);
	int r;

	if (!opened->can_sync || (behind && !source->accept_behind)) {
		ldap_connection_close(opened->ld);
		return opened->can_sync ? turned_away(source)
		                        : lose(source, SESSION_NO_SYNC);
	}
	source->status->connections++;
	log_info("connected to \"%s\"", source->uri);
	r = source_session_start(source->event, opened->ld, &source->search,
	    source->config->timeout, behind, source->follow, on_news, source,
	    &source->session, reason);
	if (r == 0)
		return 0;
	return lose(source,
	    *reason != '\0' ? reason : follow_error_text(source->follow, r));
}

static int
on_better(struct ldap_source *source)
{
	char reason[LDAP_REASON_MAX];
	struct ldap_opened opened;
	int r = ldap_opening_finish(source->better, &opened, reason);

	source->better = NULL;
	drop_better(source);
	if (r == 0 && (!opened.can_sync || is_behind(source, &opened.context)))
		r = ENS_E_BEHIND;
	if (r == ENS_E_BEHIND)
		ldap_connection_close(opened.ld);
	if (r != 0) {
		source->better_at++;
		return 0;
	}
	disconnect(source);
	follow_lost(source->follow, "a preferred server is back");
	source->at = source->better_at;
	(void)ldap_connection_uri(source->config->uri, source->at, source->uri);
	(void)snprintf(source->status->source, sizeof(source->status->source),
	    "%s", source->uri);
	log_notice("switching to \"%s\"", source->uri);
	return follow_server(source, &opened);
}

static int
on_opened(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	struct ldap_source *source = arg;
	char reason[LDAP_REASON_MAX];
	struct ldap_opened opened;
	int r;

	(void)fd;
	(void)events;
	if (input == source->better_opened)
		return on_better(source);
	r = ldap_opening_finish(source->opening, &opened, reason);
	source->opening = NULL;
	source->opened = sd_event_source_disable_unref(source->opened);
	(void)sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	return r == 0 ? follow_server(source, &opened) : lose(source, reason);
}

/* ---- connecting -------------------------------------------------------- */

static int
open_next(struct ldap_source *source)
{
	int r = ldap_connection_uri(source->config->uri, source->at,
	    source->uri);

	if (r != 0)
		return r;
	(void)snprintf(source->status->source, sizeof(source->status->source),
	    "%s", source->uri);
	r = ldap_opening_start(&source->options, source->uri,
	    source->config->base, &source->opening);
	if (r == 0)
		r = sd_event_add_io(source->event, &source->opened,
		    ldap_opening_fd(source->opening), EPOLLIN, on_opened,
		    source);
	if (r < 0)
		return lose(source, error_text(r));
	/* For all of it together. */
	return wait_for(source->timer, source->config->timeout * SECOND);
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct ldap_source *source = arg;

	(void)timer;
	(void)time;
	return source->opening == NULL ? open_next(source)
	                               : lose(source, "it does not answer");
}

static int
wait_for(sd_event_source *timer, uint64_t time)
{
	int r = sd_event_source_set_time_relative(timer, time);

	if (r >= 0)
		r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

/* ---- life -------------------------------------------------------------- */

static void
stop(void *self)
{
	struct ldap_source *source = self;

	if (source == NULL)
		return;
	disconnect(source);
	sd_event_source_disable_unref(source->timer);
	sd_event_source_disable_unref(source->chores);
	free(source);
}

/* By the connection there is, or the next try is made now. */
static int
poke(void *self)
{
	struct ldap_source *source = self;

	if (source->session != NULL)
		return source_session_poke(source->session);
	if (source->opening != NULL)
		return 0;
	source->backoff = BACKOFF_FIRST;
	return wait_for(source->timer, 0);
}

static void
cleanup_source(struct ldap_source **source)
{
	stop(*source);
}

static int
start(sd_event *event, const struct config *config, struct follow *follow,
    struct status *status, void **ret_self)
{
	AUTO(cleanup_source)
	struct ldap_source *source = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->follow = follow;
	source->status = status;
	source->backoff = BACKOFF_FIRST;
	source->again_pause = AGAIN_FIRST;
	source->night = source_next_night();
	source_configure(config, false, &source->search, &source->options);
	r = config_path(config->state_dir, CONFIG_STATE_DIR,
	    source->backlog_dir);
	if (r != 0)
		return r;
	source->options.backlog_dir = source->backlog_dir;
	r = sd_event_add_time_relative(event, &source->timer, CLOCK_MONOTONIC,
	    0, 0, on_timer, source);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &source->chores,
		    CLOCK_MONOTONIC, 0, 0, on_chores, source);
	if (r >= 0)
		r = sd_event_source_set_enabled(source->chores, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_self = source;
	source = NULL;
	return 0;
}

const struct source_type source_ldap = {
	.method = "sync",
	.start = start,
	.stop = stop,
	.poke = poke,
};
