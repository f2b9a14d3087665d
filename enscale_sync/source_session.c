/* One connection to a directory server. See source_session.h. */
#include <config.h>

#include "enscale_sync/source_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "ldap/ldap_sync.h"

#define SECOND ((uint64_t)1000000)
/* From one proof to the next. */
#define PROBE_TIME (5 * SECOND)
/* Messages read in one turn of the loop. */
#define TURN_MESSAGES 500
/* Entries that a server may have told us of and did not: some are enough. */
#define UNTOLD_MAX 100

struct source_session {
	sd_event *event;                  /* borrowed */
	const struct ldap_search *search; /* borrowed */
	struct follow *follow;            /* borrowed */
	source_session_news *news;
	void *arg;
	LDAP *ld;               /* owned */
	struct ldap_sync *sync; /* owned */
	int fd;                 /* libldap's */
	uint64_t patience;      /* for an answer */
	uint64_t heard;         /* when anything came last */
	bool refreshed;         /* it has told all that there was */

	int question; /* message id, about a name; -1: none under way */
	bool named;   /* it was answered with name_uuid */
	uint8_t name_uuid[ENTRY_UUID_LEN];

	int probe; /* likewise, about the server's contextCSN */
	uint64_t probed;
	int64_t asked;          /* the same by the clock */
	struct csn_set context; /* its answer */
	struct csn_set ahead;   /* what we had not been told at the last one */
	struct csn_set proved;  /* what was none of ours */
	int untold; /* likewise, about what it has of ours and did not tell */
	bool missed;

	sd_event_source *input, *turn, *timer; /* owned */
	struct ldap_sync_message message;      /* large */
};

static uint64_t
monotonic(const struct source_session *session)
{
	uint64_t time = 0;

	(void)sd_event_now(session->event, CLOCK_MONOTONIC, &time);
	return time;
}

static int64_t
wall_clock(void)
{
	return (int64_t)time(NULL);
}

static int
lose(struct source_session *session, const char *reason)
{
	char copy[LDAP_REASON_MAX + sizeof(SESSION_NO_SYNC) + 2];

	/* What is told may be part of what is freed then. */
	(void)snprintf(copy, sizeof(copy), "%s", reason);
	return session->news(SESSION_LOST, copy, session->arg);
}

static int
lose_by(struct source_session *session, int error)
{
	const char *said = session->message.reason;

	return lose(session,
	    *said != '\0' ? said : follow_error_text(session->follow, error));
}

/* ---- questions --------------------------------------------------------- */

/* control: NULL, or that of RFC 4533. */
static int
ask(struct source_session *session, const char *base, int scope,
    const char *filter, const char *name, LDAPControl *control, int limit,
    int *ret_id)
{
	LDAPControl *controls[2] = { control, NULL };
	char *attributes[2] = { NULL };
	int r;

	memcpy(&attributes[0], &name,
	    sizeof(attributes[0])); /* libldap forgot a const */
	r = ldap_search_ext(session->ld, base, scope, filter, attributes, 0,
	    controls, NULL, NULL, limit, ret_id);
	if (r == LDAP_SUCCESS)
		return 0;
	ldap_connection_reason(session->ld, r, "search",
	    session->message.reason);
	return ENS_E_LDAP;
}

/* Which entries are these, and in which version? Their UUIDs have to be those
 * that the refresh had: of the same control. */
static int
ask_stamps(struct source_session *session, const char *base, int scope,
    const char *filter, int limit, int *ret_id)
{
	LDAPControl *control = NULL;
	int r = ldap_sync_control(LDAP_SYNC_REFRESH_ONLY,
	    (struct berval){ 0, NULL }, &control);

	if (r != 0)
		return r;
	r = ask(session, base, scope, filter,
	    session->search->schema->names[SCHEMA_CSN], control, limit, ret_id);
	ldap_control_free(control);
	return r;
}

/* Which entry has the name that the follower wonders about? One at a time. */
static int
ask_name(struct source_session *session)
{
	const char *name = follow_question(session->follow);

	if (name == NULL || session->question >= 0)
		return 0;
	session->named = false;
	return ask_stamps(session, name, LDAP_SCOPE_BASE, "(objectClass=*)",
	    LDAP_NO_LIMIT, &session->question);
}

static int
take_name(struct source_session *session, LDAPMessage *answer)
{
	char csn[ENTRY_CSN_MAX + 1];

	if (ldap_msgtype(answer) == LDAP_RES_SEARCH_ENTRY)
		session->named = ldap_sync_stamps(session->search->schema,
		                     session->ld, answer, session->name_uuid,
		                     csn) == 0;
	if (ldap_msgtype(answer) != LDAP_RES_SEARCH_RESULT)
		return 0;
	session->question = -1;
	return follow_answer(session->follow,
	    session->named ? session->name_uuid : NULL);
}

/* ---- proof ------------------------------------------------------------- */

/* How far we were where the server is further; "" when it cannot be said. */
static const char *
oldest_gap(const struct csn_set *reached, const struct csn_set *ahead)
{
	const char *oldest = "";

	for (uint32_t i = 0; i < ahead->count; i++) {
		if (csn_set_has_seen(reached, ahead->rows[i].csn))
			continue;
		for (uint32_t j = 0; j < reached->count; j++) {
			if (reached->rows[j].server == ahead->rows[i].server &&
			    (*oldest == '\0' ||
			        csn_is_older(reached->rows[j].csn, oldest)))
				oldest = reached->rows[j].csn;
		}
	}
	return oldest;
}

/*
 * The server has gone on, and has had the time to tell of it. Changes of
 * entries that are none of ours are not told; so it is asked whether there
 * are others.
 */
static int
ask_untold(struct source_session *session, const struct csn_set *reached)
{
	const struct schema *schema = session->search->schema;
	const char *since = oldest_gap(reached, &session->ahead);
	char filter[LDAP_SEARCH_FILTER_MAX + 256];

	session->missed = false;
	(void)snprintf(filter, sizeof(filter), "(&(%s>=%s)%s)",
	    schema->names[SCHEMA_CSN],
	    *since != '\0' ? since : session->ahead.rows[0].csn,
	    session->search->filter);
	return ask_stamps(session, session->search->base,
	    session->search->scope, filter, UNTOLD_MAX, &session->untold);
}

static int
take_untold(struct source_session *session, LDAPMessage *answer)
{
	uint8_t uuid[ENTRY_UUID_LEN];
	char csn[ENTRY_CSN_MAX + 1];

	if (ldap_msgtype(answer) == LDAP_RES_SEARCH_ENTRY &&
	    ldap_sync_stamps(session->search->schema, session->ld, answer, uuid,
	        csn) == 0 &&
	    csn_set_has_seen(&session->ahead, csn))
		session->missed |= !follow_has(session->follow, uuid, csn);
	if (ldap_msgtype(answer) != LDAP_RES_SEARCH_RESULT)
		return 0;
	session->untold = -1;
	if (session->missed) {
		(void)snprintf(session->message.reason, LDAP_REASON_MAX,
		    "it has changes that it did not report");
		return ENS_E_INCOMPLETE;
	}
	csn_set_merge(&session->proved, &session->ahead);
	session->ahead.count = 0;
	return 0;
}

static int
judge_context(struct source_session *session)
{
	struct csn_set reached = *follow_seen(session->follow);

	csn_set_merge(&reached, &session->proved);
	follow_alive(session->follow, session->asked);
	/* Until then it is ahead, however long it takes. */
	if (!session->refreshed)
		return 0;
	if (csn_set_covers(&reached, &session->context))
		session->ahead.count = 0;
	else if (session->ahead.count > 0 &&
	    !csn_set_covers(&reached, &session->ahead))
		return session->untold < 0 ? ask_untold(session, &reached) : 0;
	else
		session->ahead = session->context;
	return 0;
}

static int
take_probe(struct source_session *session, LDAPMessage *answer)
{
	struct berval **values;

	if (ldap_msgtype(answer) == LDAP_RES_SEARCH_ENTRY) {
		values = ldap_get_values_len(session->ld, answer, "contextCSN");
		for (int i = 0; values != NULL && values[i] != NULL; i++)
			(void)csn_set_add(&session->context, values[i]->bv_val,
			    values[i]->bv_len);
		ldap_value_free_len(values);
	}
	if (ldap_msgtype(answer) != LDAP_RES_SEARCH_RESULT)
		return 0;
	session->probe = -1;
	return judge_context(session);
}

static int
set_timer(struct source_session *session)
{
	int r = sd_event_source_set_time_relative(session->timer,
	    session->patience < PROBE_TIME ? session->patience : PROBE_TIME);

	if (r >= 0)
		r = sd_event_source_set_enabled(session->timer,
		    SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

static int
on_timer(sd_event_source *timer, uint64_t time, void *arg)
{
	struct source_session *session = arg;
	uint64_t since = session->probed > session->heard ? session->probed
	                                                  : session->heard;
	int r;

	(void)timer;
	if (session->probe >= 0)
		return time > since + session->patience
		    ? lose(session, "it does not answer")
		    : set_timer(session);
	session->context.count = 0;
	session->probed = monotonic(session);
	session->asked = wall_clock();
	r = ask(session, session->search->base, LDAP_SCOPE_BASE,
	    "(objectClass=*)", "contextCSN", NULL, LDAP_NO_LIMIT,
	    &session->probe);
	return r == 0 ? set_timer(session) : lose_by(session, r);
}

/* ---- reading ----------------------------------------------------------- */

static int
take_answer(struct source_session *session)
{
	LDAPMessage *answer = session->message.other;
	int id = ldap_msgid(answer), r = 0;

	if (id == session->question)
		r = take_name(session, answer);
	else if (id == session->probe)
		r = take_probe(session, answer);
	else if (id == session->untold)
		r = take_untold(session, answer);
	(void)ldap_msgfree(answer);
	return r;
}

static int
take_end(struct source_session *session)
{
	char reason[LDAP_REASON_MAX + sizeof(SESSION_NO_SYNC) + 2];

	(void)snprintf(reason, sizeof(reason), "%s%s", session->message.reason,
	    session->message.code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION
	        ? ": " SESSION_NO_SYNC
	        : "");
	switch (ldap_sync_end_error(session->message.code)) {
	case ENS_E_BEHIND:
		return session->news(SESSION_BEHIND, reason, session->arg);
	case ENS_E_REFRESH:
		return session->news(SESSION_REFRESH, reason, session->arg);
	default:
		return lose(session, reason);
	}
}

/* One message that is not the end. */
static int
take(struct source_session *session)
{
	struct ldap_sync_message *message = &session->message;
	struct follow *follow = session->follow;
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
		return take_answer(session);
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
		r = follow_done(follow, message->swept);
	session->refreshed |= message->kind == LDAP_SYNC_MESSAGE_DONE;
	if (r == 0 && message->kind == LDAP_SYNC_MESSAGE_DONE)
		r = session->news(SESSION_REFRESHED, "", session->arg);
	return r;
}

/* All is read that there was. */
static int
rest(struct source_session *session)
{
	int r = follow_settle(session->follow);

	if (r == 0)
		r = ask_name(session);
	if (r == 0 && follow_wants_refresh(session->follow))
		return session->news(SESSION_REFRESH, "to ask for everything",
		    session->arg);
	return r == 0 ? 0 : lose_by(session, r);
}

/* Reads on until there is nothing more, or others have waited long enough. */
static int
read_on(struct source_session *session)
{
	int r;

	for (int i = 0; i < TURN_MESSAGES; i++) {
		r = ldap_sync_next(session->sync, &session->message);
		if (r != 0)
			return lose_by(session, r);
		if (session->message.kind == LDAP_SYNC_MESSAGE_END)
			return take_end(session);
		if (session->message.kind == LDAP_SYNC_MESSAGE_NONE)
			return rest(session);
		session->heard = monotonic(session);
		r = take(session);
		if (r != 0)
			return lose_by(session, r);
	}
	r = sd_event_source_set_enabled(session->turn, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
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

int
source_session_poke(struct source_session *session)
{
	int r = sd_event_source_set_enabled(session->turn, SD_EVENT_ONESHOT);

	return r < 0 ? r : 0;
}

/* ---- life -------------------------------------------------------------- */

/* Below signals and timers, which must not wait for a long refresh. */
static int
listen_to(struct source_session *session)
{
	int r = sd_event_add_io(session->event, &session->input, session->fd,
	    EPOLLIN, on_input, session);

	if (r >= 0)
		r = sd_event_add_defer(session->event, &session->turn, on_turn,
		    session);
	if (r >= 0)
		r = sd_event_add_time_relative(session->event, &session->timer,
		    CLOCK_MONOTONIC, 0, 0, on_timer, session);
	if (r >= 0)
		r = sd_event_source_set_priority(session->input,
		    SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_priority(session->turn,
		    SD_EVENT_PRIORITY_IDLE);
	return r < 0 ? r : 0;
}

static int
set_up(struct source_session *session, bool behind)
{
	struct berval cookie = follow_cookie(session->follow);
	int r;

	if (ldap_get_option(session->ld, LDAP_OPT_DESC, &session->fd) !=
	        LDAP_SUCCESS ||
	    session->fd < 0)
		return ENS_E_LDAP;
	r = ldap_sync_start(session->ld, session->search,
	    LDAP_SYNC_REFRESH_AND_PERSIST, cookie, &session->sync,
	    session->message.reason);
	if (r == 0)
		r = follow_begin(session->follow, cookie.bv_len == 0, behind);
	return r == 0 ? listen_to(session) : r;
}

int
source_session_start(sd_event *event, LDAP *ld,
    const struct ldap_search *search, uint32_t timeout, bool behind,
    struct follow *follow, source_session_news *news, void *arg,
    struct source_session **ret_session, char ret_reason[LDAP_REASON_MAX])
{
	struct source_session *session = calloc(1, sizeof(*session));
	int r;

	if (session == NULL) {
		ldap_connection_close(ld);
		return -ENOMEM;
	}
	session->event = event;
	session->ld = ld;
	session->search = search;
	session->patience = timeout * SECOND;
	session->follow = follow;
	session->news = news;
	session->arg = arg;
	session->question = session->probe = session->untold = -1;
	session->heard = monotonic(session);
	r = set_up(session, behind);
	if (r != 0) {
		memcpy(ret_reason, session->message.reason, LDAP_REASON_MAX);
		source_session_stop(session);
		return r;
	}
	*ret_session = session;
	return 0;
}

void
source_session_stop(struct source_session *session)
{
	if (session == NULL)
		return;
	sd_event_source_disable_unref(session->input);
	sd_event_source_disable_unref(session->turn);
	sd_event_source_disable_unref(session->timer);
	ldap_sync_free(session->sync);
	ldap_connection_close(session->ld);
	free(session);
}

void
source_session_peer(const struct source_session *session,
    struct sockaddr_storage *ret_peer, socklen_t *ret_len)
{
	socklen_t len = sizeof(*ret_peer);

	*ret_len = getpeername(session->fd, (struct sockaddr *)ret_peer,
	               &len) == 0
	    ? len
	    : 0;
}
