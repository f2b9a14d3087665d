/* See operator_sessions.h. It ends nothing by itself: ending.c does. */
#include <config.h>

#include "enscale_guard/operator_sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "enscale_guard/ending.h"
#include "enscale_guard/idle.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"
#include "enscale_guard/operator_request.h"
#include "enscale_guard/operator_socket.h"
#include "enscale_guard/reply.h"

/* Sessions in one answer: the guard has others to answer, too. */
#define PAGE_SESSIONS 128

/* ---- listing ------------------------------------------------------------- */

static bool
is_in_node(const struct session_entry *entry, uint32_t node)
{
	const struct live_hop *hop;

	if (entry->session.node == node)
		return true;
	LIST_FOREACH(hop, &entry->hops, of_session)
		if (hop->node == node)
			return true;
	return false;
}

static bool
is_meant(const struct session_entry *entry, const struct request_fields *fields)
{
	return entry->published &&
	    (fields->account == 0 ||
	        entry->session.account == fields->account) &&
	    (fields->node == 0 || is_in_node(entry, fields->node));
}

/* The list is of one moment; what ends until its page is asked for is not in
 * it. */
static int
find(struct operator_client *asker, const struct request_fields *fields)
{
	struct session_table *table = asker->guard->sessions;
	const struct session_entry *entry;

	free(asker->rest);
	asker->rest_count = asker->rest_next = 0;
	asker->rest = calloc(session_table_count(table) + 1,
	    sizeof(*asker->rest));
	if (asker->rest == NULL)
		return -ENOMEM;
	for (entry = session_table_first(table); entry != NULL;
	     entry = session_table_next(entry))
		if (is_meant(entry, fields))
			memcpy(asker->rest[asker->rest_count++],
			    entry->session.id, sizeof(entry->session.id));
	return 0;
}

static const char *
state_of(const struct session_entry *entry)
{
	if (entry->ending)
		return "ending";
	if (!LIST_EMPTY(&entry->hops))
		return "inside";
	return entry->session.node == 0 ? "menu" : "open";
}

/* Of the terminal of the shell; each of the connections of one has the same. */
static json_t *
idle_of(const struct session_entry *entry)
{
	const struct shell *shell = LIST_FIRST(&entry->shells);
	int64_t idle = shell != NULL ? idle_seconds(&shell->peer.chain[0])
	                             : ENS_E_NOTFOUND;

	return idle < 0 ? json_null() : json_integer((json_int_t)idle);
}

static json_t *
key_of(const struct guard *guard, const struct session *session)
{
	struct key_record key;

	if (guard->view == NULL ||
	    view_find_key(guard->view, session->account, session->fingerprint,
	        &key) != 0)
		return json_string("");
	return reply_text(key.title);
}

static json_t *
describe(const struct guard *guard, const struct session_entry *entry)
{
	const struct session *session = &entry->session;
	json_t *inside = json_array();
	const struct live_hop *hop;

	LIST_FOREACH(hop, &entry->hops, of_session)
		json_array_append_new(inside,
		    json_integer((json_int_t)hop->node));
	return json_pack("{s:s, s:I, s:I, s:s, s:I, s:o, s:o, s:s, s:o}",
	    "session", session->id, "account", (json_int_t)session->account,
	    "node", (json_int_t)session->node, "from", session->address,
	    "since", (json_int_t)session->opened, "idle", idle_of(entry), "key",
	    key_of(guard, session), "state", state_of(entry), "inside", inside);
}

static json_t *
page(struct operator_client *asker)
{
	const struct session_entry *entry;
	json_t *list = json_array();

	for (int i = 0;
	     i < PAGE_SESSIONS && asker->rest_next < asker->rest_count; i++) {
		entry = session_table_find_id(asker->guard->sessions,
		    asker->rest[asker->rest_next++]);
		if (entry != NULL &&
		    json_array_append_new(list,
		        describe(asker->guard, entry)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:b, s:o, s:b}", "ok", 1, "sessions", list, "more",
	    asker->rest_next < asker->rest_count);
}

json_t *
operator_sessions_list(struct operator_client *asker,
    const struct request_fields *fields)
{
	if (!fields->more && find(asker, fields) < 0)
		return NULL;
	return page(asker);
}

/* ---- ending -------------------------------------------------------------- */

struct killing {
	struct guard *guard;
	const struct request_fields *fields;
	struct policy_answer answer;
	json_int_t sessions, hops;
	/* Sessions that may go on although they are meant: the view cannot tell
	 * whose node it is, or there is no memory to end them. */
	json_int_t failed;
	bool has_failed; /* the one that is looked at */
	int error;       /* the last one's cause */
	bool more;       /* the rest was not looked at */
};

static void
fail(struct killing *killing, int error)
{
	killing->has_failed = true;
	killing->error = error;
}

/* Is the node that node, or in that environment? */
static bool
is_meant_node(struct killing *killing, uint32_t node)
{
	const struct request_fields *fields = killing->fields;
	struct node_record record;
	int r;

	if (node == 0 || fields->environment == NULL)
		return node != 0 && node == fields->node;
	r = view_find_node(killing->guard->view, node, &record);
	if (r < 0 && r != ENS_E_NOTFOUND)
		fail(killing, r);
	return r == 0 && strcmp(record.environment, fields->environment) == 0;
}

static bool
is_meant_session(struct killing *killing, const struct session_entry *entry)
{
	const struct request_fields *fields = killing->fields;

	if (fields->session != NULL)
		return strcmp(entry->session.id, fields->session) == 0;
	if (fields->account != 0)
		return entry->session.account == fields->account;
	return is_meant_node(killing, entry->session.node);
}

static void
answer_about(struct killing *killing, const struct session_entry *entry,
    uint32_t node)
{
	killing->answer.account_id = entry->session.account;
	killing->answer.node_id = node;
}

/* As when a right is withdrawn: the menu stays, what it has entered ends. */
static void
kill_hops(struct killing *killing, struct session_entry *entry)
{
	struct live_hop *hop, *next;
	struct shell *shell;
	int r;

	for (hop = LIST_FIRST(&entry->hops); hop != NULL; hop = next) {
		next = LIST_NEXT(hop, of_session);
		if (hop->ending || !is_meant_node(killing, hop->node))
			continue;
		answer_about(killing, entry, hop->node);
		r = ending_hop(killing->guard, entry, hop, &killing->answer);
		if (r < 0)
			fail(killing, r);
		else
			killing->hops++;
	}
	LIST_FOREACH(shell, &entry->shells, of_session)
		if (hop_is_open(&shell->hop, bucket_now()) &&
		    is_meant_node(killing, shell->hop.node)) {
			answer_about(killing, entry, shell->hop.node);
			hop_refuse(&shell->hop, &killing->answer);
			killing->hops++;
		}
}

static void
kill_session(struct killing *killing, struct session_entry *entry)
{
	int r;

	answer_about(killing, entry, entry->session.node);
	r = ending_session(killing->guard, entry, &killing->answer);
	if (r < 0)
		fail(killing, r);
	else
		killing->sessions++;
}

static void
kill_in(struct killing *killing, struct session_entry *entry)
{
	if (!entry->published || entry->ending)
		return;
	killing->has_failed = false;
	if (is_meant_session(killing, entry))
		kill_session(killing, entry);
	else if (killing->fields->session == NULL &&
	    killing->fields->account == 0)
		kill_hops(killing, entry);
	killing->failed += killing->has_failed;
}

static void
kill_some(struct killing *killing)
{
	struct session_table *table = killing->guard->sessions;
	struct session_entry *entry, *next;

	for (entry = session_table_first(table);
	     entry != NULL && !killing->more; entry = next) {
		next = session_table_next(entry);
		kill_in(killing, entry);
		killing->more = killing->sessions + killing->hops >=
		    OPERATOR_SESSIONS_KILL_MAX;
	}
}

/* What has ended has ended, whatever could not be told of others. */
static json_t *
answer_kill(const struct killing *killing)
{
	const bool is_incomplete = killing->failed > 0 && !killing->more;
	json_t *answer;

	if (killing->failed > 0)
		log_error("cannot tell whether %lld sessions must end, or end "
		          "them: %s",
		    (long long)killing->failed, error_text(killing->error));
	if (killing->sessions + killing->hops == 0 && !killing->fields->more)
		return killing->failed > 0 ? operator_refusal("cannot-tell",
		                                 error_text(killing->error))
		                           : operator_refusal("no-session",
		                                 "No such session is open.");
	answer = json_pack("{s:b, s:I, s:I, s:b}", "ok", 1, "sessions",
	    killing->sessions, "hops", killing->hops, "more", killing->more);
	if (!is_incomplete)
		return answer;
	answer = json_with(answer, "verdict", json_string("incomplete"));
	return json_with(answer, "failed", json_integer(killing->failed));
}

static bool
names_one(const struct request_fields *fields)
{
	return (fields->session != NULL) + (fields->account != 0) +
	    (fields->node != 0) + (fields->environment != NULL) ==
	    1;
}

json_t *
operator_sessions_kill(struct operator_client *asker,
    const struct request_fields *fields)
{
	struct guard *guard = asker->guard;
	struct killing killing = { .guard = guard,
		.fields = fields,
		.answer = { .verdict = POLICY_ENDED,
		    .text = fields->text,
		    .by = asker->who.by } };

	if (!names_one(fields))
		return operator_refusal("bad-request",
		    "Say one session, account, node or environment.");
	if (fields->environment != NULL && guard->view == NULL)
		return operator_refusal("cannot-tell",
		    error_text(guard->view_error));
	session_table_refresh(guard->sessions);
	kill_some(&killing);
	return answer_kill(&killing);
}
