/*
 * A directory without RFC 4533 as a source: it is polled. See source.h.
 *
 * - What changed since the last time (modifyTimestamp), a little more than
 *   that, because a server may write its changes in another order than their
 *   stamps: every poll_interval. A change is known after that time.
 * - What there is (entryUUID, entryCSN or modifyTimestamp of all entries), so
 *   that what was deleted, or came with an old stamp, is found: every
 *   poll_listing. A deletion is known after that time.
 * - Everything, when nothing is known yet, after each connection, once a night
 *   and while something is held back: a stamp that is the same does not prove
 *   that all is shown that was.
 *
 * For the follower, a listing and everything are full refreshes. Timestamps are
 * converted to CSNs, so that the follower's rule of never going backwards also
 * holds between servers, as far as timestamps can tell.
 *
 * This file decides which server is asked, and reaches it without waiting; what
 * is asked is in poll_round.c.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/source_poll_private.h"

/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500
/* Between rounds through all servers. */
#define RETRY_TIME (5 * SECOND)

uint64_t
poll_monotonic(const struct poll_source *source)
{
	uint64_t time = 0;

	(void)sd_event_now(source->event, CLOCK_MONOTONIC, &time);
	return time;
}

int
poll_wait_for(struct poll_source *source, uint64_t time)
{
	int r = sd_event_source_set_time(source->timer,
	    poll_monotonic(source) + time);

	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer,
		    SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

/* ---- the end of a connection ------------------------------------------- */

void
poll_end_search(struct poll_source *source)
{
	ldap_attributes_clear(&source->message.attributes);
	ldap_paged_free(source->paged);
	source->paged = NULL;
}

static void
disconnect(struct poll_source *source)
{
	poll_end_search(source);
	source->opened = sd_event_source_disable_unref(source->opened);
	ldap_opening_abandon(source->opening);
	source->opening = NULL;
	source->input = sd_event_source_disable_unref(source->input);
	source->turn = sd_event_source_disable_unref(source->turn);
	if (source->ld != NULL)
		ldap_connection_close(source->ld);
	source->ld = NULL;
	source->phase = IDLE;
	poll_queue_clear(&source->queue);
}

static int
lose(struct poll_source *source, const char *reason)
{
	char line[LDAP_REASON_MAX], uri[LDAP_URI_MAX];

	(void)snprintf(line, sizeof(line), "%s", reason);
	disconnect(source);
	if (strcmp(line, source->said) != 0)
		log_warning("lost \"%s\": %s", source->uri, line);
	memcpy(source->said, line, sizeof(line));
	follow_lost(source->follow, line);
	source->listed = 0;
	source->next_uri++;
	if (ldap_connection_uri(source->config->uri, source->next_uri, uri) ==
	    0)
		return poll_wait_for(source, 0);
	source->next_uri = 0;
	return poll_wait_for(source, RETRY_TIME);
}

int
poll_lose_by(struct poll_source *source, int error)
{
	const char *said = source->message.reason;

	return lose(source,
	    *said != '\0' ? said : follow_error_text(source->follow, error));
}

/* ---- reading ----------------------------------------------------------- */

static int
read_on(struct poll_source *source)
{
	int r = 0;

	for (int i = 0; i < TURN_MESSAGES && source->paged != NULL; i++) {
		r = ldap_paged_next(source->paged, &source->message);
		if (r == 0 && source->message.kind == LDAP_PAGED_NONE)
			return 0;
		source->heard = true;
		if (r == 0 && source->message.kind == LDAP_PAGED_ENTRY)
			r = poll_take_entry(source);
		else if (r == 0 && source->message.kind == LDAP_PAGED_END)
			r = poll_take_end(source);
		if (r != 0)
			return poll_lose_by(source, r);
	}
	return source->turn == NULL
	    ? 0
	    : sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
}

/* Between two searches there is nothing to hear but the end. */
static int
hear_nothing(struct poll_source *source)
{
	struct timeval now = { 0, 0 };
	LDAPMessage *message = NULL;

	if (ldap_result(source->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &now,
	        &message) < 0)
		return lose(source, "it closed the connection");
	if (message != NULL)
		(void)ldap_msgfree(message);
	return 0;
}

static int
on_input(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	struct poll_source *source = arg;

	(void)input;
	(void)fd;
	(void)events;
	return source->paged == NULL ? hear_nothing(source) : read_on(source);
}

static int
on_turn(sd_event_source *turn, void *arg)
{
	(void)turn;
	return read_on(arg);
}

/* ---- connecting -------------------------------------------------------- */

static int
listen_to(struct poll_source *source)
{
	int fd = -1, r;

	if (ldap_get_option(source->ld, LDAP_OPT_DESC, &fd) != 0 || fd < 0)
		return ENS_E_LDAP;
	r = sd_event_add_io(source->event, &source->input, fd, EPOLLIN,
	    on_input, source);
	if (r >= 0)
		r = sd_event_add_defer(source->event, &source->turn, on_turn,
		    source);
	/* Below signals and timers, which must not wait for a long listing. */
	if (r >= 0)
		r = sd_event_source_set_priority(source->input,
		    SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_priority(source->turn,
		    SD_EVENT_PRIORITY_IDLE);
	return r < 0 ? r : 0;
}

static int
on_opened(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	struct poll_source *source = arg;
	struct ldap_opened opened;
	int r = ldap_opening_finish(source->opening, &opened,
	    source->message.reason);

	(void)input;
	(void)fd;
	(void)events;
	source->opening = NULL;
	source->opened = sd_event_source_disable_unref(source->opened);
	if (r != 0)
		return poll_lose_by(source, r);
	source->ld = opened.ld;
	r = listen_to(source);
	if (r != 0)
		return poll_lose_by(source, r);
	source->status->connections++;
	log_info("connected to \"%s\", to poll it", source->uri);
	return poll_begin_round(source);
}

static int
open_next(struct poll_source *source)
{
	int r = ldap_connection_uri(source->config->uri, source->next_uri,
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
		return poll_lose_by(source, r);
	/* For all of it together. */
	return poll_wait_for(source, source->config->timeout * SECOND);
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct poll_source *source = arg;

	(void)timer;
	(void)time;
	if (source->opening != NULL)
		return lose(source, "it does not answer");
	source->message.reason[0] = '\0';
	if (source->ld == NULL)
		return open_next(source);
	if (source->paged == NULL)
		return poll_begin_round(source);
	if (!source->heard)
		return lose(source, "it does not answer");
	source->heard = false;
	return poll_wait_for(source, source->config->timeout * SECOND);
}

/* ---- life -------------------------------------------------------------- */

static void
stop(void *self)
{
	struct poll_source *source = self;

	if (source == NULL)
		return;
	disconnect(source);
	sd_event_source_disable_unref(source->timer);
	entry_parser_free(source->parser);
	free(source);
}

static void
cleanup_source(struct poll_source **source)
{
	stop(*source);
}

static int
start(sd_event *event, const struct config *config, struct follow *follow,
    struct status *status, void **ret_self)
{
	AUTO(cleanup_source)
	struct poll_source *source = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->follow = follow;
	source->status = status;
	source->kept = *follow_seen(follow);
	source->night = source_next_night();
	source_configure(config, true, &source->search, &source->options);
	memcpy(source->stamps, source->search.attributes,
	    LDAP_SEARCH_STAMPS * sizeof(source->stamps[0]));
	r = entry_parser_new(&config->schema, &source->parser);
	if (r == 0)
		r = sd_event_add_time_relative(event, &source->timer,
		    CLOCK_MONOTONIC, 0, 0, on_timer, source);
	if (r < 0)
		return r;
	*ret_self = source;
	source = NULL;
	return 0;
}

static int
poke(void *self)
{
	struct poll_source *source = self;

	return source->opening == NULL && source->paged == NULL
	    ? poll_wait_for(source, 0)
	    : 0;
}

const struct source_type source_poll = {
	.method = "poll",
	.start = start,
	.stop = stop,
	.poke = poke,
};
