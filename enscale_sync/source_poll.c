/*
 * A directory without RFC 4533 as a source: it is asked again and again. See
 * source.h.
 *
 * - What changed since the last time (modifyTimestamp), a little more than
 *   that, because a server may write its changes in another order than their
 *   stamps: every poll_interval. A change is known after that time.
 * - What there is (entryUUID, entryCSN or modifyTimestamp of all entries), so
 *   that what was deleted, or came with an old stamp, is found: every
 *   poll_listing. A deletion is known after that time.
 * - Everything, when nothing is known yet.
 *
 * Listing and everything are refreshes in full to the follower. A stamp is
 * made into a CSN, so that the follower's rule of never going backwards holds
 * between several servers, as far as stamps can tell.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_sync/log.h"
#include "enscale_sync/poll_queue.h"
#include "enscale_sync/source_type.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_paged.h"
#include "ldap/ldap_search.h"
#include "ldap/ldap_time.h"
#include "ldap/ldap_uuid.h"

#define SECOND ((uint64_t)1000000)

/* Stamps written this much later than they say are seen all the same. */
#define OVERLAP_SECONDS 60
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500
/* Between rounds through all servers. */
#define RETRY_TIME (5 * SECOND)

enum phase {
	IDLE,
	CHANGES,    /* what changed */
	LISTING,    /* what there is */
	READING,    /* of that, what we have otherwise, one by one */
	EVERYTHING, /* all attributes of all entries */
	NAMING,     /* the follower's question: who has that name? */
};

struct poll_source {
	sd_event *event;             /* borrowed */
	const struct config *config; /* borrowed */
	struct follow *follow;       /* borrowed */
	struct status *status;       /* borrowed */
	struct ldap_connection_options options;
	struct ldap_search search;
	const char *stamps[LDAP_SEARCH_STAMPS + 1];
	uint32_t next_uri;
	char uri[LDAP_URI_MAX];
	char known_uri[LDAP_URI_MAX]; /* the one that brought us here */
	char said[LDAP_REASON_MAX];
	enum phase phase;
	bool heard;      /* something, since the timer was set */
	bool behind;     /* this server is, by its stamps */
	bool passed_by;  /* all servers were behind, in this round */
	bool named;      /* the question was answered with uuid */
	uint64_t listed; /* when, by the clock of the loop; 0: never */
	uint64_t moved;  /* when the furthest CSN last was another */
	struct csn_set reached;
	struct csn_set kept; /* as the follower was told */
	uint8_t uuid[ENTRY_UUID_LEN];
	struct poll_queue queue;
	LDAP *ld;                    /* owned; NULL: no connection */
	struct ldap_paged *paged;    /* owned; the search under way */
	struct entry_parser *parser; /* owned */
	sd_event_source *input;      /* owned, like the next ones */
	sd_event_source *turn;
	sd_event_source *timer;
	struct ldap_paged_message message; /* large */
};

static uint64_t
monotonic(const struct poll_source *source)
{
	uint64_t time = 0;

	(void)sd_event_now(source->event, CLOCK_MONOTONIC, &time);
	return time;
}

static int
wait_for(struct poll_source *source, uint64_t time)
{
	int r = sd_event_source_set_time(source->timer,
	    monotonic(source) + time);

	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer,
		    SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

/* ---- the end of a connection ------------------------------------------- */

static void
end_search(struct poll_source *source)
{
	ldap_attributes_clear(&source->message.attributes);
	ldap_paged_free(source->paged);
	source->paged = NULL;
}

static void
disconnect(struct poll_source *source)
{
	end_search(source);
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
		log_line(LOG_WARNING, "lost \"%s\": %s", source->uri, line);
	memcpy(source->said, line, sizeof(line));
	follow_lost(source->follow, line);
	source->listed = 0;
	source->next_uri++;
	if (ldap_connection_uri(source->config->uri, source->next_uri, uri) ==
	    0)
		return wait_for(source, 0);
	source->next_uri = 0;
	return wait_for(source, RETRY_TIME);
}

static int
lose_by(struct poll_source *source, int error)
{
	const char *said = source->message.reason;

	return lose(source, *said != '\0' ? said : error_text(error));
}

/* ---- asking ------------------------------------------------------------ */

static int
ask(struct poll_source *source, enum phase phase, const char *base, int scope,
    const char *filter, const char *const *attributes)
{
	int r;

	end_search(source);
	r = ldap_paged_start(source->ld, base, scope, filter, attributes,
	    &source->paged, source->message.reason);
	if (r != 0)
		return r;
	source->phase = phase;
	source->heard = true;
	r = sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
	return r < 0 ? r : wait_for(source, source->config->timeout * SECOND);
}

static int
ask_changes(struct poll_source *source)
{
	char filter[LDAP_SEARCH_FILTER_MAX + SCHEMA_NAME_MAX + 64];
	char time[CSN_LEN + 1];
	bool settled = monotonic(source) >
	    source->moved + 2 * OVERLAP_SECONDS * SECOND;

	ldap_time_of_csns(&source->kept, settled ? 0 : OVERLAP_SECONDS, time);
	source->reached = source->kept;
	(void)snprintf(filter, sizeof(filter), "(&%s(%s>=%s))",
	    source->search.filter,
	    source->config->schema.names[SCHEMA_MODIFIED], time);
	return ask(source, CHANGES, source->search.base, source->search.scope,
	    filter, source->search.attributes);
}

static int
ask_all(struct poll_source *source, enum phase phase)
{
	int r = follow_begin(source->follow, true, source->behind);

	poll_queue_clear(&source->queue);
	source->reached.count = 0;
	if (r != 0)
		return r;
	return ask(source, phase, source->search.base, source->search.scope,
	    source->search.filter,
	    phase == LISTING ? source->stamps : source->search.attributes);
}

/*
 * Has another server than the one that brought us here not seen what we have?
 * It has, when something on it is as late as that.
 */
static int
ask_behind(struct poll_source *source, bool *ret_behind)
{
	char filter[LDAP_SEARCH_FILTER_MAX + SCHEMA_NAME_MAX + 64];
	char time[CSN_LEN + 1], none[] = LDAP_NO_ATTRS;
	char *attributes[] = { none, NULL };
	struct timeval timeout = { .tv_sec = source->config->timeout };
	LDAPMessage *result = NULL;
	int r;

	*ret_behind = false;
	ldap_time_of_csns(follow_seen(source->follow), 0, time);
	if (*time == '\0' || strchr(source->config->uri, ' ') == NULL ||
	    strcmp(source->uri, source->known_uri) == 0)
		return 0;
	(void)snprintf(filter, sizeof(filter), "(&%s(%s>=%s))",
	    source->search.filter,
	    source->config->schema.names[SCHEMA_MODIFIED], time);
	r = ldap_search_ext_s(source->ld, source->search.base,
	    source->search.scope, filter, attributes, 0, NULL, NULL, &timeout,
	    1, &result);
	*ret_behind = ldap_count_entries(source->ld, result) <= 0;
	(void)ldap_msgfree(result);
	if (r == LDAP_SUCCESS || r == LDAP_SIZELIMIT_EXCEEDED)
		return 0;
	ldap_connection_reason(source->ld, r, "search", source->message.reason);
	return ENS_E_LDAP;
}

static int
begin_round(struct poll_source *source)
{
	bool all = follow_cookie(source->follow).bv_len == 0;
	int r;

	if (!all && source->listed != 0 && source->kept.count > 0 &&
	    monotonic(source) < source->listed +
	            (uint64_t)source->config->poll_listing * SECOND) {
		r = ask_changes(source);
	} else {
		r = ask_behind(source, &source->behind);
		if (r == 0 && source->behind && !source->passed_by) {
			/* Another one may have seen it. */
			source->passed_by = source->next_uri > 0;
			return lose(source,
			    "it is behind what we have already");
		}
		if (r == 0)
			r = ask_all(source, all ? EVERYTHING : LISTING);
	}
	return r == 0 ? 0 : lose_by(source, r);
}

/* ---- the end of a search ----------------------------------------------- */

/* How far it has brought us, where that is news. */
static int
tell_reached(struct poll_source *source)
{
	char cookie[COOKIE_LEN_MAX];
	struct berval value = { 0, cookie };
	bool news = source->reached.count != source->kept.count ||
	    !csn_set_covers(&source->kept, &source->reached);

	value.bv_len = csn_set_format(&source->reached, cookie, sizeof(cookie));
	if (source->reached.count == 0 || value.bv_len == 0)
		return 0;
	if (news)
		source->moved = monotonic(source);
	source->kept = source->reached;
	return news || source->phase != CHANGES
	    ? follow_reached(source->follow, value)
	    : 0;
}

static int
end_round(struct poll_source *source)
{
	end_search(source);
	source->phase = IDLE;
	source->said[0] = '\0';
	source->passed_by = false;
	memcpy(source->known_uri, source->uri, sizeof(source->uri));
	follow_alive(source->follow);
	return wait_for(source,
	    follow_wants_refresh(source->follow)
	        ? 0
	        : (uint64_t)source->config->poll_interval * SECOND);
}

/* Names are asked about before anything is published. */
static int
ask_name(struct poll_source *source)
{
	const char *name = follow_question(source->follow);
	int r = follow_settle(source->follow);

	if (r != 0)
		return r;
	source->named = false;
	return name == NULL ? end_round(source)
	                    : ask(source, NAMING, name, LDAP_SCOPE_BASE,
	                          "(objectClass=*)", source->stamps);
}

static int
end_refresh(struct poll_source *source)
{
	int r = tell_reached(source);

	if (r == 0)
		r = follow_done(source->follow, true);
	if (r != 0)
		return r;
	source->listed = source->moved = monotonic(source);
	return ask_name(source);
}

static int
read_next(struct poll_source *source)
{
	const char *dn = poll_queue_first(&source->queue);

	if (dn == NULL)
		return end_refresh(source);
	return ask(source, READING, dn, LDAP_SCOPE_BASE, source->search.filter,
	    source->search.attributes);
}

static int
take_end(struct poll_source *source)
{
	int code = source->message.code, r;

	/* Who was listed may be gone by now. */
	if (code == LDAP_NO_SUCH_OBJECT &&
	    (source->phase == READING || source->phase == NAMING))
		code = LDAP_SUCCESS;
	if (code != LDAP_SUCCESS)
		return ENS_E_INCOMPLETE;
	switch (source->phase) {
	case CHANGES:
		r = tell_reached(source);
		return r == 0 ? ask_name(source) : r;
	case LISTING:
		if (poll_queue_is_over(&source->queue))
			return ask_all(source, EVERYTHING);
		return read_next(source);
	case READING:
		poll_queue_next(&source->queue);
		return read_next(source);
	case EVERYTHING:
		return end_refresh(source);
	case NAMING:
		r = follow_answer(source->follow,
		    source->named ? source->uuid : NULL);
		return r == 0 ? ask_name(source) : r;
	case IDLE:
	default:
		return 0;
	}
}

/* ---- entries ----------------------------------------------------------- */

static int
take_entry(struct poll_source *source)
{
	const struct ldap_attributes *got = &source->message.attributes;
	char dn[ENTRY_DN_MAX + 1];
	struct entry entry;
	int r;

	if (got->dn.bv_len > ENTRY_DN_MAX)
		return ENS_E_PROTOCOL;
	memcpy(dn, got->dn.bv_val, got->dn.bv_len);
	dn[got->dn.bv_len] = '\0';
	r = ldap_uuid_of(&source->config->schema, dn, got->rows, got->count,
	    source->uuid);
	source->named = r == 0;
	if (r != 0 || source->phase == NAMING)
		return r == ENS_E_SYNTAX ? ENS_E_PROTOCOL : r;
	r = entry_parse(source->parser, source->uuid, got->dn, got->rows,
	    got->count, &entry);
	if (r != 0)
		return r;
	if (*entry.csn != '\0')
		(void)csn_set_add(&source->reached, entry.csn,
		    strlen(entry.csn));
	if (source->phase != LISTING)
		return follow_entry(source->follow, &entry);
	r = follow_compare(source->follow, source->uuid, got->dn, entry.csn);
	if (r == ENS_E_NOTFOUND)
		return poll_queue_add(&source->queue, dn);
	return r == 0 ? follow_present(source->follow,
	                    (const uint8_t(*)[ENTRY_UUID_LEN])source->uuid, 1)
	              : r;
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
			r = take_entry(source);
		else if (r == 0 && source->message.kind == LDAP_PAGED_END)
			r = take_end(source);
		if (r != 0)
			return lose_by(source, r);
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
		return lose(source, "it has closed the connection");
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
connect_now(struct poll_source *source)
{
	int r;

	source->message.reason[0] = '\0';
	r = ldap_connection_uri(source->config->uri, source->next_uri,
	    source->uri);
	if (r != 0)
		return r;
	(void)snprintf(source->status->source, sizeof(source->status->source),
	    "%s", source->uri);
	r = ldap_connection_open(&source->options, source->uri, &source->ld,
	    source->message.reason);
	if (r == 0)
		r = listen_to(source);
	if (r != 0)
		return lose_by(source, r);
	source->status->connections++;
	log_line(LOG_INFO, "connected to \"%s\", to poll it", source->uri);
	return begin_round(source);
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct poll_source *source = arg;

	(void)timer;
	(void)time;
	if (source->ld == NULL)
		return connect_now(source);
	source->message.reason[0] = '\0';
	if (source->paged == NULL)
		return begin_round(source);
	if (!source->heard)
		return lose(source, "it does not answer");
	source->heard = false;
	return wait_for(source, source->config->timeout * SECOND);
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
	struct poll_source *source AUTO(
	    cleanup_source) = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->follow = follow;
	source->status = status;
	source->kept = *follow_seen(follow);
	ldap_search_init(&source->search, config->base,
	    config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                      : LDAP_SCOPE_SUBTREE,
	    config->filter, &config->schema, true);
	memcpy(source->stamps, source->search.attributes,
	    LDAP_SEARCH_STAMPS * sizeof(source->stamps[0]));
	source->options = (struct ldap_connection_options){
		.bind_dn = config->bind_dn,
		.password_file = config->password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
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

	return source->ld == NULL || source->paged == NULL ? wait_for(source, 0)
	                                                   : 0;
}

const struct source_type source_poll = {
	.method = "poll",
	.start = start,
	.stop = stop,
	.poke = poke,
};
