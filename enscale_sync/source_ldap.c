/*
 * The directory as a source: RFC 4533 over one connection at a time, to the
 * first of the configured servers that will do. See source.h.
 *
 * Opening a connection waits (for the configured timeout at most); nothing
 * else does. While it is open, a small question every few seconds proves that
 * the server answers.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_sync/log.h"
#include "enscale_sync/source_type.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_sync.h"

#define SECOND ((uint64_t)1000000)

/* From an answer to the next question; the answer may take the timeout. */
#define PROBE_TIME (10 * SECOND)
/* Between rounds through all servers: doubled up to the longest, and shorter
 * by up to a half, so that gateways do not all come at once. */
#define BACKOFF_FIRST   (SECOND / 2)
#define BACKOFF_LONGEST (30 * SECOND)
/* A server that is behind us may catch up before all is asked anew. */
#define BEHIND_TIME  (30 * SECOND)
#define BEHIND_RETRY (3 * SECOND)
/* Servers whose losses are told apart in the log. */
#define SAID_MAX 8
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500

struct ldap_source {
	sd_event *event;             /* borrowed */
	const struct config *config; /* borrowed */
	struct follow *follow;       /* borrowed */
	struct status *status;       /* borrowed */
	struct ldap_connection_options options;
	struct ldap_search search;
	uint32_t next_uri;
	uint64_t backoff;
	uint64_t behind_since; /* 0: no server said so */
	bool accept_behind;    /* it was waited for long enough */
	char uri[LDAP_URI_MAX];
	/* Of the last loss of each server (or of those that share a place). */
	char said[SAID_MAX][LDAP_URI_MAX + LDAP_REASON_MAX];
	LDAP *ld;               /* owned; NULL while there is no connection */
	struct ldap_sync *sync; /* owned */
	int probe;    /* message id of the question; -1: none under way */
	bool asked;   /* and has had the time for its answer */
	int question; /* likewise, of the one about a name */
	bool named;   /* it was answered with name_uuid */
	uint8_t name_uuid[ENTRY_UUID_LEN];
	sd_event_source *input; /* owned, like the next ones */
	sd_event_source *turn;  /* more to read at once */
	sd_event_source *timer; /* the next try, or the next question */
	struct ldap_sync_message message; /* large */
};

static int wait_for(struct ldap_source *source, uint64_t time);

static uint64_t
monotonic(const struct ldap_source *source)
{
	uint64_t time = 0;

	(void)sd_event_now(source->event, CLOCK_MONOTONIC, &time);
	return time;
}

/* ---- the end of a connection ------------------------------------------- */

static void
disconnect(struct ldap_source *source)
{
	source->input = sd_event_source_disable_unref(source->input);
	source->turn = sd_event_source_disable_unref(source->turn);
	ldap_sync_free(source->sync);
	source->sync = NULL;
	if (source->ld != NULL)
		ldap_connection_close(source->ld);
	source->ld = NULL;
	source->probe = -1;
	source->question = -1;
	source->asked = false;
}

static uint64_t
with_jitter(uint64_t time)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = 0;
	return time - time / 2 * random / UINT32_MAX;
}

/* The next server of this round, or the first one after a pause. */
static int
try_next(struct ldap_source *source)
{
	char uri[LDAP_URI_MAX];
	uint64_t pause;

	source->next_uri++;
	if (ldap_connection_uri(source->config->uri, source->next_uri, uri) ==
	    0)
		return wait_for(source, 0);
	source->next_uri = 0;
	if (source->behind_since != 0)
		return wait_for(source, BEHIND_RETRY);
	pause = source->backoff;
	source->backoff = pause * 2 > BACKOFF_LONGEST ? BACKOFF_LONGEST
	                                              : pause * 2;
	return wait_for(source, with_jitter(pause));
}

/* Said once for as long as nothing changes. */
static void
say_lost(struct ldap_source *source, const char *reason)
{
	char *said = source->said[source->next_uri % SAID_MAX];
	char line[sizeof(source->said[0])];

	(void)snprintf(line, sizeof(line), "lost \"%s\": %s", source->uri,
	    reason);
	if (strcmp(line, said) == 0)
		return;
	memcpy(said, line, sizeof(line));
	log_line(LOG_WARNING, "%s", line);
}

static int
lose(struct ldap_source *source, const char *reason)
{
	say_lost(source, reason);
	disconnect(source);
	follow_lost(source->follow, reason);
	return try_next(source);
}

/* What we did ourselves, and go on with at once, by the same server. */
static int
start_again(struct ldap_source *source, const char *reason)
{
	log_line(LOG_NOTICE, "connecting anew to \"%s\": %s", source->uri,
	    reason);
	disconnect(source);
	follow_lost(source->follow, reason);
	follow_want_all(source->follow);
	return wait_for(source, with_jitter(BACKOFF_FIRST));
}

static int
lose_by(struct ldap_source *source, int error)
{
	const char *said = source->message.reason;

	return lose(source, *said != '\0' ? said : error_text(error));
}

/* ---- a server that is behind ------------------------------------------- */

static int
turned_away(struct ldap_source *source)
{
	uint64_t time = monotonic(source);

	if (source->behind_since == 0)
		source->behind_since = time;
	if (time >= source->behind_since + BEHIND_TIME) {
		/* None has caught up: all is asked anew, never backwards. */
		source->accept_behind = true;
		follow_want_all(source->follow);
	}
	return lose(source, "it is behind what we have already");
}

/* The server's own contextCSN; empty when it has none to show. */
static int
ask_context(struct ldap_source *source, struct csn_set *ret_set)
{
	char attribute[] = "contextCSN";
	char *attributes[] = { attribute, NULL };
	struct timeval timeout = { .tv_sec = source->config->timeout };
	struct berval **values;
	LDAPMessage *result = NULL;
	int r;

	ret_set->count = 0;
	r = ldap_search_ext_s(source->ld, source->config->base, LDAP_SCOPE_BASE,
	    "(objectClass=*)", attributes, 0, NULL, NULL, &timeout,
	    LDAP_NO_LIMIT, &result);
	if (r == LDAP_SUCCESS && ldap_first_entry(source->ld, result) != NULL) {
		values = ldap_get_values_len(source->ld,
		    ldap_first_entry(source->ld, result), attribute);
		for (int i = 0; values != NULL && values[i] != NULL; i++)
			(void)csn_set_add(ret_set, values[i]->bv_val,
			    values[i]->bv_len);
		ldap_value_free_len(values);
	}
	(void)ldap_msgfree(result);
	if (r == LDAP_SUCCESS || r == LDAP_NO_SUCH_OBJECT ||
	    r == LDAP_INSUFFICIENT_ACCESS)
		return 0;
	ldap_connection_reason(source->ld, r, "base", source->message.reason);
	return ENS_E_LDAP;
}

/* Has the server not seen all that we have? Only asked where a cookie would
 * not make it say so itself. */
static int
ask_behind(struct ldap_source *source, bool all, bool *ret_behind)
{
	const struct csn_set *seen = follow_seen(source->follow);
	struct berval cookie = follow_cookie(source->follow);
	struct csn_set server;
	int r;

	if (all) {
		*ret_behind = false;
		if (seen->count == 0)
			return 0;
		r = ask_context(source, &server);
		if (r == 0)
			*ret_behind = source->accept_behind ||
			    (server.count > 0 &&
			        !csn_set_covers(&server, seen));
		return r;
	}
	csn_set_from_cookie(&server, cookie.bv_val, cookie.bv_len);
	*ret_behind = !csn_set_covers(&server, seen);
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

static int
take_end(struct ldap_source *source)
{
	switch (ldap_sync_end_error(source->message.code)) {
	case ENS_E_BEHIND:
		return turned_away(source);
	case ENS_E_REFRESH:
		return start_again(source, source->message.reason);
	default:
		return lose_by(source, ENS_E_INCOMPLETE);
	}
}

/* "6ba7b810-9dad-11d1-80b4-00c04fd430c8" */
static bool
parse_uuid(struct berval text, uint8_t ret_uuid[ENTRY_UUID_LEN])
{
	char digits[2 * ENTRY_UUID_LEN + 1];
	size_t count = 0;

	for (size_t i = 0; i < text.bv_len && count < sizeof(digits) - 1; i++) {
		if (text.bv_val[i] != '-')
			digits[count++] = text.bv_val[i];
	}
	digits[count] = '\0';
	return text.bv_len == 2 * ENTRY_UUID_LEN + 4 &&
	    count == sizeof(digits) - 1 &&
	    hex_decode(digits, ret_uuid, ENTRY_UUID_LEN) == 0;
}

/* Which entry has the name that was asked about? */
static int
take_name(struct ldap_source *source, LDAPMessage *answer)
{
	struct berval **values;

	if (ldap_msgtype(answer) == LDAP_RES_SEARCH_ENTRY) {
		values = ldap_get_values_len(source->ld, answer, "entryUUID");
		source->named = values != NULL && values[0] != NULL &&
		    parse_uuid(*values[0], source->name_uuid);
		ldap_value_free_len(values);
		return 0;
	}
	if (ldap_msgtype(answer) != LDAP_RES_SEARCH_RESULT)
		return 0;
	source->question = -1;
	return follow_answer(source->follow,
	    source->named ? source->name_uuid : NULL);
}

static int
take_answer(struct ldap_source *source)
{
	LDAPMessage *answer = source->message.other;
	int r = 0;

	if (ldap_msgid(answer) == source->question) {
		r = take_name(source, answer);
	} else if (ldap_msgid(answer) == source->probe &&
	    ldap_msgtype(answer) == LDAP_RES_SEARCH_RESULT) {
		source->probe = -1;
		follow_alive(source->follow);
	}
	(void)ldap_msgfree(answer);
	return r;
}

/* Asks about one name at a time. */
static int
ask_name(struct ldap_source *source)
{
	char attribute[] = "entryUUID";
	char *attributes[] = { attribute, NULL };
	const char *name = follow_question(source->follow);
	int r;

	if (name == NULL || source->question >= 0)
		return 0;
	source->named = false;
	r = ldap_search_ext(source->ld, name, LDAP_SCOPE_BASE,
	    "(objectClass=*)", attributes, 0, NULL, NULL, NULL, LDAP_NO_LIMIT,
	    &source->question);
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(source->ld, r, "search", source->message.reason);
	return ENS_E_LDAP;
}

static int
take_done(struct ldap_source *source)
{
	int r = follow_done(source->follow, source->message.swept);

	if (r != 0)
		return r;
	source->backoff = BACKOFF_FIRST;
	source->behind_since = 0;
	source->accept_behind = false;
	memset(source->said, 0, sizeof(source->said));
	return 0;
}

/* One message that is not the end. */
static int
take(struct ldap_source *source)
{
	struct ldap_sync_message *message = &source->message;
	struct follow *follow = source->follow;
	int r = 0;

	switch (message->kind) {
	case LDAP_SYNC_MESSAGE_ENTRY:
		r = follow_entry(follow, &message->entry);
		break;
	case LDAP_SYNC_MESSAGE_PRESENT:
		r = follow_present(follow, message->uuids, message->uuid_count);
		break;
	case LDAP_SYNC_MESSAGE_DELETE:
		r = follow_gone(follow, message->uuids, message->uuid_count);
		break;
	case LDAP_SYNC_MESSAGE_OTHER:
		return take_answer(source);
	case LDAP_SYNC_MESSAGE_NONE:
	case LDAP_SYNC_MESSAGE_COOKIE:
	case LDAP_SYNC_MESSAGE_DONE:
	case LDAP_SYNC_MESSAGE_END:
	default:
		break;
	}
	if (r == 0)
		r = follow_reached(follow, message->cookie);
	if (r == 0 && message->kind == LDAP_SYNC_MESSAGE_DONE)
		r = take_done(source);
	return r;
}

/* Reads on until there is nothing more, or others have waited long enough. */
static int
read_on(struct ldap_source *source)
{
	int r;

	for (int i = 0; i < TURN_MESSAGES; i++) {
		r = ldap_sync_next(source->sync, &source->message);
		if (r == 0 && source->message.kind == LDAP_SYNC_MESSAGE_END)
			return take_end(source);
		if (r == 0 && source->message.kind == LDAP_SYNC_MESSAGE_NONE) {
			r = follow_settle(source->follow);
			if (r == 0)
				r = ask_name(source);
			if (r == 0 && follow_wants_refresh(source->follow))
				return start_again(source,
				    "to ask for everything");
			return r == 0 ? 0 : lose_by(source, r);
		}
		if (r == 0)
			r = take(source);
		if (r != 0)
			return lose_by(source, r);
	}
	return sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
}

static int
on_input(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	(void)input;
	(void)fd;
	(void)events;
	return read_on(arg);
}

static int
on_turn(sd_event_source *turn, void *arg)
{
	(void)turn;
	return read_on(arg);
}

/* ---- connecting -------------------------------------------------------- */

static int
listen_to(struct ldap_source *source)
{
	int fd = -1, r;

	if (ldap_get_option(source->ld, LDAP_OPT_DESC, &fd) != 0 || fd < 0)
		return ENS_E_LDAP;
	r = sd_event_add_io(source->event, &source->input, fd, EPOLLIN,
	    on_input, source);
	if (r >= 0)
		r = sd_event_add_defer(source->event, &source->turn, on_turn,
		    source);
	/* Below signals and timers, which must not wait for a long refresh. */
	if (r >= 0)
		r = sd_event_source_set_priority(source->input,
		    SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_priority(source->turn,
		    SD_EVENT_PRIORITY_IDLE);
	return r < 0 ? r : 0;
}

static int
begin(struct ldap_source *source)
{
	struct berval cookie = follow_cookie(source->follow);
	bool all = cookie.bv_len == 0, behind = false;
	int r = ask_behind(source, all, &behind);

	if (r == 0 && all && behind && !source->accept_behind)
		return ENS_E_BEHIND;
	if (r == 0)
		r = ldap_sync_start(source->ld, &source->search, cookie,
		    &source->sync, source->message.reason);
	if (r == 0)
		r = follow_begin(source->follow, all, behind);
	return r == 0 ? listen_to(source) : r;
}

static int
connect_now(struct ldap_source *source)
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
	if (r == 0) {
		source->status->connections++;
		if (source->behind_since == 0)
			log_line(LOG_INFO, "connected to \"%s\"", source->uri);
		r = begin(source);
	}
	if (r == ENS_E_BEHIND)
		return turned_away(source);
	if (r != 0)
		return lose_by(source, r);
	r = wait_for(source, PROBE_TIME);
	return r != 0 ? r : read_on(source);
}

/* A question that costs the server next to nothing. */
static int
probe(struct ldap_source *source)
{
	char none[] = LDAP_NO_ATTRS;
	char *attributes[] = { none, NULL };

	if (source->probe >= 0)
		return lose(source, "it does not answer");
	source->asked = !source->asked;
	if (!source->asked)
		return wait_for(source, PROBE_TIME);
	if (ldap_search_ext(source->ld, source->config->base, LDAP_SCOPE_BASE,
	        "(objectClass=*)", attributes, 0, NULL, NULL, NULL,
	        LDAP_NO_LIMIT, &source->probe) != LDAP_SUCCESS)
		return lose(source, "it takes no question");
	return wait_for(source,
	    source->config->timeout * SECOND > PROBE_TIME
	        ? source->config->timeout * SECOND
	        : PROBE_TIME);
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct ldap_source *source = arg;

	(void)timer;
	(void)time;
	return source->ld == NULL ? connect_now(source) : probe(source);
}

static int
wait_for(struct ldap_source *source, uint64_t time)
{
	int r = sd_event_source_set_time(source->timer,
	    monotonic(source) + time);

	if (r >= 0)
		r = sd_event_source_set_enabled(source->timer,
		    SD_EVENT_ONESHOT);
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
	free(source);
}

/* By the connection there is, or the next try is made now. */
static int
poke(void *self)
{
	struct ldap_source *source = self;
	int r;

	if (source->ld == NULL) {
		source->backoff = BACKOFF_FIRST;
		return wait_for(source, 0);
	}
	r = sd_event_source_set_enabled(source->turn, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
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
	struct ldap_source *source AUTO(
	    cleanup_source) = calloc(1, sizeof(*source));
	int r;

	if (source == NULL)
		return -ENOMEM;
	source->event = event;
	source->config = config;
	source->follow = follow;
	source->status = status;
	source->probe = -1;
	source->question = -1;
	source->backoff = BACKOFF_FIRST;
	ldap_search_init(&source->search, config->base,
	    config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                      : LDAP_SCOPE_SUBTREE,
	    config->filter, &config->schema, false);
	source->options = (struct ldap_connection_options){
		.bind_dn = config->bind_dn,
		.password_file = config->password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
	r = sd_event_add_time_relative(event, &source->timer, CLOCK_MONOTONIC,
	    0, 0, on_timer, source);
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
