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

struct ending {
	struct guard *guard;
	struct session session;
	struct process_list all;
	bool withdrawn; /* it was allowed once, and is no longer */
	bool looked_up; /* who descends from them */
	sd_event_source *look_up, *term_timer, *kill_timer;
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
	sd_event_source_disable_unref(ending->look_up);
	sd_event_source_disable_unref(ending->term_timer);
	sd_event_source_disable_unref(ending->kill_timer);
	process_list_clear(&ending->all);
	free(ending);
}

static void
signal_all(const struct ending *ending, int signal)
{
	unsigned refused = process_list_signal(&ending->all, signal);

	if (refused > 0)
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "cannot end %u processes: no CAP_KILL", refused);
}

static void
add_descendants(struct ending *ending)
{
	int r = process_list_add_descendants(&ending->all);

	ending->looked_up = true;
	if (r < 0)
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "cannot look up processes: %s", error_text(r));
}

static int
on_look_up(sd_event_source *source, void *arg)
{
	(void)source;
	add_descendants(arg);
	return 0;
}

static int
on_term(sd_event_source *source, uint64_t usec, void *arg)
{
	struct ending *ending = arg;

	(void)source, (void)usec;
	if (!ending->looked_up)
		add_descendants(ending);
	signal_all(ending, SIGTERM);
	return 0;
}

static int
on_kill(sd_event_source *source, uint64_t usec, void *arg)
{
	struct ending *ending = arg;

	(void)source, (void)usec;
	/* And those that these have started since. */
	add_descendants(ending);
	process_list_prune(&ending->all);
	if (ending->all.count > 0)
		log_about(OF_SESSION(&ending->session), LOG_INFO,
		    "%zu processes did not end: killing them",
		    ending->all.count);
	signal_all(ending, SIGKILL);
	/* What has left its parents is nobody's descendant. */
	if (ending->withdrawn || ending->all.count > 0)
		left_over_look(ending->guard, &ending->session);
	free_ending(ending);
	return 0;
}

/*
 * Looking up waits until nothing else is pending, so that when many end at once
 * all of them are told and signalled first, and requests meanwhile are
 * answered. Without timers nothing would end: then everything is done at once.
 */
static void
start(struct ending *ending)
{
	sd_event *event = ending->guard->event;
	int r;

	r = sd_event_add_defer(event, &ending->look_up, on_look_up, ending);
	if (r >= 0)
		r = sd_event_source_set_priority(ending->look_up,
		    SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &ending->term_timer,
		    CLOCK_MONOTONIC, ENDING_TERM_USEC, 1000, on_term, ending);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &ending->kill_timer,
		    CLOCK_MONOTONIC, ENDING_KILL_USEC, 1000, on_kill, ending);
	if (r < 0) {
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "cannot set a timer to kill: %s", error_text(r));
		on_kill(NULL, 0, ending);
	}
}

static struct ending *
new_ending(struct guard *guard, const struct session *session)
{
	struct ending *ending = calloc(1, sizeof(*ending));

	if (ending == NULL) {
		log_about(OF_SESSION(session), LOG_ERR, "no memory to end it");
		return NULL;
	}
	ending->guard = guard;
	ending->session = *session;
	LIST_INSERT_HEAD(&guard->endings, ending, endings);
	return ending;
}

static void
add(struct ending *ending, const struct process *process)
{
	if (process_list_add(&ending->all, process) < 0)
		log_about(OF_SESSION(&ending->session), LOG_ERR,
		    "no memory to end a process");
}

static void
add_all(struct ending *ending, const struct process_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		add(ending, &list->items[i]);
}

static void
audit_end(struct guard *guard, const char *event, const struct session *session,
    uint32_t node, const struct policy_answer *answer)
{
	char sentence[POLICY_SENTENCE_MAX];

	policy_sentence(answer, sentence, sizeof(sentence));
	audit_event(guard->audit, event, session,
	    json_pack("{s:I, s:s, s:s}", "node", (json_int_t)node, "verdict",
	        policy_verdict_text(answer->verdict), "sentence", sentence));
	log_about(
	    OF_VERDICT(session, node, policy_verdict_text(answer->verdict)),
	    LOG_INFO, "%s: %s", event, sentence);
}

/* ---- a session ----------------------------------------------------------- */

void
ending_session(struct guard *guard, struct session_entry *entry,
    const struct policy_answer *answer)
{
	const struct process monitor = { .pid = entry->session.monitor,
		.start = entry->session.monitor_start };
	struct live_hop *hop;
	struct ending *ending;
	struct shell *shell;

	entry->ending = true;
	audit_end(guard, "session-withdrawn", &entry->session,
	    entry->session.node, answer);
	ending = new_ending(guard, &entry->session);
	if (ending == NULL) {
		entry->ending = false; /* the next round tries again */
		return;
	}
	ending->withdrawn = true;
	add(ending, &monitor);
	add_all(ending, &entry->members);
	LIST_FOREACH(shell, &entry->shells, of_session)
		shell_tell(shell, reply_event("end", answer, &entry->session));
	LIST_FOREACH(hop, &entry->hops, of_session)
		process_signal(&hop->ssh, SIGTERM);
	start(ending);
}

/* ---- a hop ----------------------------------------------------------------- */

void
ending_hop(struct guard *guard, struct session_entry *entry,
    struct live_hop *hop, const struct policy_answer *answer)
{
	const struct session *session = &entry->session;
	struct ending *ending;

	ending = new_ending(guard, session);
	if (ending == NULL)
		return; /* the next round tries again */
	hop->ending = true;
	ending->withdrawn = true;
	audit_end(guard, "hop-withdrawn", session, hop->node, answer);
	add(ending, &hop->ssh);
	if (hop->shell != NULL)
		shell_tell(hop->shell, reply_event("end-hop", answer, session));
	signal_all(ending, SIGTERM);
	start(ending);
}

/* ---- what is left ---------------------------------------------------------- */

void
ending_processes(struct guard *guard, const struct session *session,
    const struct process_list *list)
{
	struct ending *ending = new_ending(guard, session);

	if (ending == NULL)
		return;
	add_all(ending, list);
	signal_all(ending, SIGTERM);
	start(ending);
}

void
ending_close(struct guard *guard)
{
	struct ending *ending;

	while ((ending = LIST_FIRST(&guard->endings)) != NULL) {
		/* Better too early than never. */
		signal_all(ending, SIGKILL);
		free_ending(ending);
	}
}
