/* The order in which things end. It signals only a session's own processes,
 * each by pid and start time. */
#include <config.h>

#include "enscale_guard/ending.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "enscale_guard/left_over.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"
#include "enscale_guard/reply.h"
#include "enscale_guard/shell.h"

#define STEP 32 /* processes in one task */

struct ending {
	struct guard *guard;
	struct session session;
	struct process_list all;
	bool withdrawn; /* it was allowed once, and is no longer */
	/* What the task does: it walks down the list, and adds to it who
	 * descends from those in it, or signals them. */
	struct task task;
	size_t at;
	bool is_looking, looked_up;
	int signal; /* that comes after the look, or now; 0: none */
	unsigned refused, alive;
	sd_event_source *term_timer, *kill_timer;
	LIST_ENTRY(ending) endings;
};

bool
ending_has_right(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) == 0 &&
	    (data[0].effective & (1U << CAP_KILL)) != 0)
		return true;
	log_warning("no CAP_KILL: sessions that must end are only asked to, "
	            "and what ignores that "
	            "stays (AmbientCapabilities=CAP_KILL)");
	return false;
}

static void
free_ending(struct ending *ending)
{
	LIST_REMOVE(ending, endings);
	turns_drop(ending->guard->turns, &ending->task);
	sd_event_source_disable_unref(ending->term_timer);
	sd_event_source_disable_unref(ending->kill_timer);
	process_list_clear(&ending->all);
	free(ending);
}

static void
do_more(struct ending *ending)
{
	turns_add(ending->guard->turns, &ending->task);
}

/* Begins with the first of the list again. */
static void
begin(struct ending *ending, bool is_looking, int signal)
{
	ending->at = 0;
	ending->is_looking = is_looking;
	ending->signal = signal;
	ending->refused = ending->alive = 0;
	do_more(ending);
}

/* The list grows while it is walked. */
static void
look_up_one(struct ending *ending)
{
	const struct process parent = ending->all.items[ending->at++];
	int r = process_list_add_children(&ending->all, &parent);

	if (r < 0 && r != -ESRCH)
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "cannot look up processes: %s", error_text(r));
}

static void
signal_one(struct ending *ending)
{
	const int r = process_signal(&ending->all.items[ending->at++],
	    ending->signal);

	ending->refused += r == -EPERM;
	ending->alive += r != -ESRCH;
}

static void
end_signalling(struct ending *ending)
{
	if (ending->refused > 0)
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "cannot end %u processes: no CAP_KILL", ending->refused);
	if (ending->signal != SIGKILL) {
		if (!ending->looked_up)
			begin(ending, true, 0);
		return;
	}
	if (ending->alive > 0)
		log_about(OF_SESSION(&ending->session), LOG_INFO,
		    "%u processes did not end: killed", ending->alive);
	/* What has left its parents is nobody's descendant. */
	if (ending->withdrawn || ending->alive > 0)
		left_over_look(ending->guard, &ending->session);
	free_ending(ending);
}

static void
go_on(void *arg)
{
	struct ending *ending = arg;

	for (int i = 0; i < STEP && ending->at < ending->all.count; i++)
		if (ending->is_looking)
			look_up_one(ending);
		else
			signal_one(ending);
	if (ending->at < ending->all.count) {
		do_more(ending);
	} else if (ending->is_looking) {
		ending->looked_up = true;
		if (ending->signal != 0)
			begin(ending, false, ending->signal);
	} else if (ending->signal != 0) {
		end_signalling(ending);
	}
}

static int
on_term(sd_event_source *source, uint64_t usec, void *arg)
{
	struct ending *ending = arg;

	(void)source, (void)usec;
	begin(ending, !ending->looked_up, SIGTERM);
	return 0;
}

/* And those that these have started since. */
static int
on_kill(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source, (void)usec;
	begin(arg, true, SIGKILL);
	return 0;
}

/*
 * Looking up is less urgent than judging, so that when many end at once all of
 * them are told and signalled first. Without timers nothing would end: then
 * all of it is killed in the next turn.
 */
static void
start(struct ending *ending, bool is_looking, int signal)
{
	sd_event *event = ending->guard->event;
	int r;

	r = sd_event_add_time_relative(event, &ending->term_timer,
	    CLOCK_MONOTONIC, ENDING_TERM_USEC, 1000, on_term, ending);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &ending->kill_timer,
		    CLOCK_MONOTONIC, ENDING_KILL_USEC, 1000, on_kill, ending);
	if (r >= 0) {
		begin(ending, is_looking, signal);
		return;
	}
	log_about(OF_SESSION(&ending->session), LOG_ERR,
	    "cannot set a timer to kill: %s", error_text(r));
	begin(ending, true, SIGKILL);
}

/* root is whose descendants end with it; NULL: there is none. */
static struct ending *
new_ending(struct guard *guard, const struct session *session,
    const struct process *root)
{
	struct ending *ending = calloc(1, sizeof(*ending));
	int r = ending != NULL ? 0 : -ENOMEM;

	if (r == 0 && root != NULL)
		r = process_list_add(&ending->all, root);
	if (r < 0) {
		log_about(OF_SESSION(session), LOG_ERR, "no memory to end it");
		if (ending != NULL)
			process_list_clear(&ending->all);
		free(ending);
		return NULL;
	}
	ending->guard = guard;
	ending->session = *session;
	ending->task = (struct task){ .run = go_on,
		.arg = ending,
		.urgency = URGENT_ENDING };
	LIST_INSERT_HEAD(&guard->endings, ending, endings);
	return ending;
}

static void
add_all(struct ending *ending, const struct process_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (process_list_add(&ending->all, &list->items[i]) < 0)
			log_about(OF_SESSION(&ending->session), LOG_ERR,
			    "no memory to end a process");
}

static void
audit_end(struct guard *guard, enum audit_event event,
    const struct session *session, uint32_t node,
    const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	audit_event(guard->audit, event, session,
	    &(struct audit_fields){ .node = node,
	        .verdict = policy_verdict_text(answer->verdict),
	        .sentence = sentence,
	        .by = answer->by != NULL ? answer->by : "policy" });
	log_about(
	    OF_VERDICT(session, node, policy_verdict_text(answer->verdict)),
	    LOG_INFO, "%s: %s", audit_event_rows[event].name, sentence);
}

/* ---- a session ----------------------------------------------------------- */

int
ending_session(struct guard *guard, struct session_entry *entry,
    const struct policy_answer *answer)
{
	const struct process monitor = { .pid = entry->session.monitor,
		.start = entry->session.monitor_start };
	struct live_hop *hop;
	struct ending *ending;
	struct shell *shell;

	ending = new_ending(guard, &entry->session, &monitor);
	if (ending == NULL)
		return -ENOMEM;
	entry->ending = true;
	ending->withdrawn = true;
	audit_end(guard, AUDIT_EVENT_SESSION_WITHDRAWN, &entry->session,
	    entry->session.node, answer);
	add_all(ending, &entry->members);
	LIST_FOREACH(shell, &entry->shells, of_session)
		shell_tell(shell, reply_event("end", answer, &entry->session));
	LIST_FOREACH(hop, &entry->hops, of_session)
		process_signal(&hop->ssh, SIGTERM);
	start(ending, true, 0);
	return 0;
}

/* ---- a hop ----------------------------------------------------------------- */

int
ending_hop(struct guard *guard, struct session_entry *entry,
    struct live_hop *hop, const struct policy_answer *answer)
{
	const struct session *session = &entry->session;
	struct ending *ending;

	ending = new_ending(guard, session, &hop->ssh);
	if (ending == NULL)
		return -ENOMEM;
	hop->ending = true;
	ending->withdrawn = true;
	audit_end(guard, AUDIT_EVENT_HOP_WITHDRAWN, session, hop->node, answer);
	if (hop->shell != NULL)
		shell_tell(hop->shell, reply_event("end-hop", answer, session));
	process_signal(&hop->ssh, SIGTERM);
	start(ending, true, 0);
	return 0;
}

/* ---- what is left ---------------------------------------------------------- */

void
ending_processes(struct guard *guard, const struct session *session,
    const struct process_list *list)
{
	struct ending *ending = new_ending(guard, session, NULL);

	if (ending == NULL)
		return;
	add_all(ending, list);
	start(ending, false, SIGTERM);
}

void
ending_close(struct guard *guard)
{
	struct ending *ending;

	while ((ending = LIST_FIRST(&guard->endings)) != NULL) {
		/* Better too early than never. */
		process_list_signal(&ending->all, SIGKILL);
		free_ending(ending);
	}
}
