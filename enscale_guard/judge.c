/* Judging what runs. It knows no rule of its own: it asks policy, and hands
 * what must end to ending.c. */
#include <config.h>

#include "enscale_guard/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "enscale_guard/ending.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"

/* For the shell of a session that was refused its node from the beginning, to
 * say why. */
#define GRACE_SECONDS 5

bool
judge_is_final(enum policy_verdict verdict)
{
	enum policy_class class = policy_class(verdict);

	return class == POLICY_CLASS_ACCOUNT || class == POLICY_CLASS_KEY ||
	    class == POLICY_CLASS_NODE;
}

static void
ask(const struct guard *guard, const struct session *session, uint32_t node,
    struct policy_answer *ret_answer)
{
	const struct policy_question question = {
		.account = session->account,
		.fingerprint = session->fingerprint,
		.address = session->address,
		.node = node,
		.now = time(NULL),
	};

	policy_judge(guard->view, guard->view_error, &question, ret_answer);
}

/* ---- expiry ------------------------------------------------------------ */

static int
on_expiry(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source, (void)usec;
	judge_all(arg);
	return 0;
}

static void
expect(struct guard *guard, int64_t expires)
{
	if (expires == 0 ||
	    (guard->next_expiry != 0 && guard->next_expiry <= expires))
		return;
	guard->next_expiry = expires;
	sd_event_source_set_time(guard->expiry,
	    (uint64_t)expires * BUCKET_SECOND);
	sd_event_source_set_enabled(guard->expiry, SD_EVENT_ONESHOT);
}

/* ---- judging: what cannot be ended, the next round tries again ----------- */

static void
judge_hop(struct guard *guard, struct session_entry *entry,
    struct live_hop *hop)
{
	struct policy_answer answer;

	ask(guard, &entry->session, hop->node, &answer);
	if (!judge_is_final(answer.verdict))
		return;
	/* A session that was opened for this node has nothing else. */
	if (entry->session.node != 0)
		(void)ending_session(guard, entry, &answer);
	else
		(void)ending_hop(guard, entry, hop, &answer);
}

/* A hop that has no signature yet: the agent will refuse it, and the shell will
 * say why. */
static void
judge_declared(struct guard *guard, struct shell *shell)
{
	struct policy_answer answer;

	ask(guard, &shell->entry->session, shell->hop.node, &answer);
	if (judge_is_final(answer.verdict))
		hop_refuse(&shell->hop, &answer);
}

/* sshd goes on opening the address that the key's line had, whoever has it
 * now. One that changes while no guard runs is not noticed. */
static bool
has_moved(struct session_entry *entry, const struct node_record *node)
{
	if (entry->node_port == 0) {
		entry->node_port = node->port;
		snprintf(entry->node_address, sizeof(entry->node_address), "%s",
		    node->address);
	}
	return entry->node_port != node->port ||
	    strcmp(entry->node_address, node->address) != 0;
}

/*
 * A session that was opened for a node may be a tunnel there, in native mode
 * or from a time when it was on, whatever its shells say.
 */
static void
judge_node(struct guard *guard, struct session_entry *entry)
{
	const int64_t opened = entry->session.opened, now = time(NULL);
	struct policy_answer answer;

	ask(guard, &entry->session, entry->session.node, &answer);
	if (answer.verdict == POLICY_ALLOWED && guard->config.native &&
	    has_moved(entry, &answer.node))
		answer.verdict = POLICY_NODE_MOVED;
	if (answer.verdict == POLICY_ALLOWED)
		entry->was_allowed = true;
	if (!judge_is_final(answer.verdict))
		return;
	if (!entry->was_allowed && opened <= now &&
	    now < opened + GRACE_SECONDS)
		expect(guard, opened + GRACE_SECONDS);
	else
		(void)ending_session(guard, entry, &answer);
}

void
judge_session(struct guard *guard, struct session_entry *entry)
{
	struct policy_answer answer;
	struct live_hop *hop;
	struct shell *shell;

	if (entry->ending)
		return;
	ask(guard, &entry->session, 0, &answer);
	if (judge_is_final(answer.verdict)) {
		(void)ending_session(guard, entry, &answer);
		return;
	}
	if (answer.verdict != POLICY_ALLOWED)
		return;
	expect(guard, answer.account.expires);
	expect(guard, answer.key.expires);
	LIST_FOREACH(shell, &entry->shells, of_session)
		if (shell->hop.state == HOP_DECLARED)
			judge_declared(guard, shell);
	LIST_FOREACH(hop, &entry->hops, of_session)
		if (!hop->ending && !entry->ending)
			judge_hop(guard, entry, hop);
	if (!entry->ending && entry->session.node != 0)
		judge_node(guard, entry);
}

/* ---- all of them --------------------------------------------------------- */

void
judge_remember(struct session_entry *entry, bool all)
{
	const struct process monitor = { .pid = entry->session.monitor,
		.start = entry->session.monitor_start };
	struct process_list *members = &entry->members;

	process_list_prune(members);
	process_list_add_children(members, &monitor);
	if (all)
		process_list_add_descendants(members);
}

static void
judge_waiting(void *arg)
{
	struct session_entry *entry = arg;
	struct guard *guard = entry->guard;

	if (entry->is_round) {
		entry->is_round = false;
		judge_remember(entry, false);
		live_hop_prune(guard, entry);
	}
	judge_session(guard, entry);
}

static void
judge_in_turns(struct guard *guard, bool is_round)
{
	struct session_entry *entry;

	guard->next_expiry = 0;
	sd_event_source_set_enabled(guard->expiry, SD_EVENT_OFF);
	for (entry = session_table_first(guard->sessions); entry != NULL;
	     entry = session_table_next(entry)) {
		entry->guard = guard;
		entry->is_round |= is_round;
		entry->judging.run = judge_waiting;
		entry->judging.arg = entry;
		entry->judging.urgency = URGENT_JUDGING;
		turns_add(guard->turns, &entry->judging);
	}
	turns_take(guard->turns);
}

void
judge_all(struct guard *guard)
{
	judge_in_turns(guard, false);
}

static int
on_round(sd_event_source *source, uint64_t usec, void *arg)
{
	struct guard *guard = arg;
	int r;

	(void)usec;
	r = session_table_rescan(guard->sessions);
	if (r < 0)
		log_warning("cannot read sessions in \"%s\": %s",
		    guard->sessions_dir, error_text(r));
	judge_in_turns(guard, true);
	admission_prune(&guard->admission);
	admission_prune(&guard->operator_admission);
	sd_event_source_set_time_relative(source,
	    JUDGE_SECONDS * BUCKET_SECOND);
	return 0;
}

int
judge_open(struct guard *guard)
{
	int r;

	r = sd_event_add_time(guard->event, &guard->expiry, CLOCK_REALTIME, 0,
	    BUCKET_SECOND / 10, on_expiry, guard);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(guard->expiry, SD_EVENT_OFF);
	r = sd_event_add_time_relative(guard->event, &guard->judge,
	    CLOCK_MONOTONIC, JUDGE_SECONDS * BUCKET_SECOND, BUCKET_SECOND / 10,
	    on_round, guard);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(guard->judge, SD_EVENT_ON);
}

void
judge_close(struct guard *guard)
{
	sd_event_source_disable_unref(guard->judge);
	sd_event_source_disable_unref(guard->expiry);
}
