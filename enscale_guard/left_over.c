/* Finding processes that are no longer in any session's process tree. It ends
 * nobody else's: the uid is computed from the account, whatever the record
 * says, and if the registry cannot be read nothing is ended. */
#include <config.h>

#include "enscale_guard/left_over.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/protocol/session_registry.h"
#include "enscale_guard/ending.h"
#include "enscale_guard/live_hop.h"
#include "enscale_guard/log.h"

#define LOOK_USEC   200000
#define AGAIN_USEC  (ENDING_KILL_USEC + 2 * LOOK_USEC)
#define AGAIN_MAX   (8 * AGAIN_USEC) /* if a SIGKILL does not help */
#define ORPHAN_USEC 5000000          /* it may end by itself until then */
#define CHAIN_MAX   64 /* processes from one of an account's up to its monitor */

struct left_over {
	struct session session; /* without an id: of any session, orphans */
	bool is_told;           /* the audit log has its end */
	/* CLOCK_MONOTONIC: not looked at before; doubled with every look. */
	uint64_t due, wait;
	struct process_list of_uid; /* processes with the account's uid */
	int error; /* why they may not be all, or 0: then it is not over yet */
	LIST_ENTRY(left_over) left_overs;
};

static uid_t
uid_of(const struct guard *guard, const struct session *session)
{
	return guard->config.uid_base + session->account;
}

static void
forget(struct left_over *left)
{
	LIST_REMOVE(left, left_overs);
	process_list_clear(&left->of_uid);
	free(left);
}

static uint64_t
now_usec(const struct guard *guard)
{
	uint64_t now = 0;

	sd_event_now(guard->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* ---- one look ------------------------------------------------------------ */

/* Of several left-overs of one account the first handles all. */
static void
see(pid_t pid, uid_t uid, void *arg)
{
	struct guard *guard = arg;
	struct left_over *left;
	struct process process;
	int r;

	if (uid < UID_BASE_MIN)
		return; /* not an account's, whatever the configuration says */
	LIST_FOREACH(left, &guard->left_overs, left_overs)
		if (left->due == 0 && uid_of(guard, &left->session) == uid)
			break;
	if (left == NULL)
		return;
	r = process_find(pid, &process);
	if (r == 0)
		r = process_list_add(&left->of_uid, &process);
	if (r < 0 && r != -ESRCH)
		left->error = r;
}

static int
add_living(const struct session *session, void *arg)
{
	const struct process monitor = { .pid = session->monitor,
		.start = session->monitor_start };

	return session_is_alive(session) ? process_list_add(arg, &monitor) : 0;
}

/* 1: this process is in a session; 0: in none, or it has ended;
 * -EAGAIN, -ENOMEM: cannot tell. */
static int
is_in_session(const struct process *process,
    const struct process_list *monitors)
{
	struct process chain[CHAIN_MAX];
	size_t count;
	int r = process_chain(process->pid, chain, CHAIN_MAX, &count);

	if (r == -ESRCH || r == -ELOOP)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (process_list_has(monitors, &chain[i]))
			return 1;
	return 0;
}

/* Leaves in of_uid what is in no session. A process about which it cannot tell
 * is not ended, and the error is recorded; others are not spared because of it.
 */
static void
keep_strays(struct guard *guard, struct left_over *left)
{
	struct process_list monitors = { 0 }, *all = &left->of_uid;
	size_t kept = 0;
	uint32_t broken = 0;
	int r;

	if (all->count == 0)
		return;
	/* After the processes were seen: a session's record is older than all
	 * of its processes. */
	r = session_each(session_table_folder(guard->sessions),
	    left->session.account, add_living, &monitors, &broken);
	if (r == 0 && broken > 0)
		r = ENS_E_CORRUPT;
	if (r < 0) {
		left->error = r;
		all->count = 0;
	}
	for (size_t i = 0; i < all->count; i++) {
		r = is_in_session(&all->items[i], &monitors);
		if (r == 0)
			all->items[kept++] = all->items[i];
		else if (r < 0)
			left->error = r;
	}
	all->count = kept;
	process_list_clear(&monitors);
	process_list_prune(all);
}

/* ---- what becomes of it ---------------------------------------------------- */

/* Nothing is left: the record, unless PAM has removed it, may go. */
static void
settle(struct guard *guard, struct left_over *left)
{
	const struct session *session = &left->session;
	int r = 0;

	if (session->id[0] != '\0' && !session_is_alive(session))
		r = session_remove(session_table_folder(guard->sessions),
		    session->account, session->id);
	if (r < 0)
		log_about(OF_SESSION(session), LOG_WARNING,
		    "cannot remove the session's record: %s", error_text(r));
	else if (!left->is_told)
		audit_event(guard->audit, "session-ended", session, NULL);
	forget(left);
}

/* False: it must be looked at again. */
static bool
take_care(struct guard *guard, struct left_over *left)
{
	keep_strays(guard, left);
	if (left->error != 0 && left->error != -EAGAIN)
		log_about(OF_SESSION(&left->session), LOG_WARNING,
		    "cannot tell all that is left: %s",
		    error_text(left->error));
	if (left->of_uid.count == 0 && left->error == 0) {
		settle(guard, left);
		return true;
	}
	if (left->of_uid.count > 0) {
		log_about(OF_SESSION(&left->session), LOG_INFO,
		    "ending %zu processes that are in no session any more",
		    left->of_uid.count);
		ending_processes(guard, &left->session, &left->of_uid);
	}
	return false;
}

static void expect(struct guard *guard, uint64_t at);

/* Those that are due have the time 0 while they are handled. */
static int
on_look(sd_event_source *source, uint64_t usec, void *arg)
{
	struct guard *guard = arg;
	const uint64_t now = now_usec(guard);
	struct left_over *left, *next;
	int r;

	(void)source, (void)usec;
	LIST_FOREACH(left, &guard->left_overs, left_overs) {
		process_list_clear(&left->of_uid);
		left->error = 0;
		if (left->due <= now)
			left->due = 0;
	}
	r = process_each(see, guard);
	if (r < 0)
		log_error("cannot look up processes: %s", error_text(r));
	for (left = LIST_FIRST(&guard->left_overs); left != NULL; left = next) {
		next = LIST_NEXT(left, left_overs);
		if (left->due == 0) {
			if (r == 0 && take_care(guard, left))
				continue;
			left->due = now + left->wait;
			if (left->wait < AGAIN_MAX)
				left->wait *= 2;
		}
		expect(guard, left->due);
	}
	live_hop_tidy(guard);
	return 0;
}

/* Looks at that time or before. */
static void
expect(struct guard *guard, uint64_t at)
{
	sd_event_source **timer = &guard->left_over_timer;
	uint64_t before = UINT64_MAX;
	int enabled = SD_EVENT_OFF, r = 0;

	if (*timer == NULL)
		r = sd_event_add_time(guard->event, timer, CLOCK_MONOTONIC, at,
		    1000, on_look, guard);
	if (r >= 0)
		r = sd_event_source_get_enabled(*timer, &enabled);
	if (r >= 0)
		r = sd_event_source_get_time(*timer, &before);
	if (r >= 0 && enabled != SD_EVENT_OFF && before <= at)
		return;
	if (r >= 0)
		r = sd_event_source_set_time(*timer, at);
	if (r >= 0)
		r = sd_event_source_set_enabled(*timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("cannot look for processes that are left: %s",
		    error_text(r));
}

static struct left_over *
find(const struct guard *guard, const struct session *session)
{
	struct left_over *left;

	LIST_FOREACH(left, &guard->left_overs, left_overs)
		if (left->session.account == session->account &&
		    strcmp(left->session.id, session->id) == 0)
			return left;
	return NULL;
}

static void
look(struct guard *guard, const struct session *session, bool is_told,
    uint64_t delay)
{
	struct left_over *left;

	if (find(guard, session) != NULL)
		return;
	left = calloc(1, sizeof(*left));
	if (left == NULL) {
		log_about(OF_SESSION(session), LOG_ERR,
		    "no memory to look for what is left");
		return;
	}
	left->session = *session;
	left->is_told = is_told;
	left->due = now_usec(guard) + delay;
	left->wait = AGAIN_USEC;
	LIST_INSERT_HEAD(&guard->left_overs, left, left_overs);
	expect(guard, left->due);
}

void
left_over_look(struct guard *guard, const struct session *session)
{
	look(guard, session, true, LOOK_USEC);
}

void
left_over_record(struct guard *guard, const struct session *session)
{
	look(guard, session, false, LOOK_USEC);
}

/* ---- orphans --------------------------------------------------------------- */

/* One whose parent is the first process. Whatever has left a session descends
 * from one, or is it. */
static void
see_orphan(pid_t pid, uid_t uid, void *arg)
{
	struct guard *guard = arg;
	const uid_t base = guard->config.uid_base;
	const struct session session = { .account = uid - base };
	uint64_t start;
	pid_t parent;

	if (uid > base && uid - base <= ACCOUNT_ID_MAX &&
	    process_stat(pid, &start, &parent) == 0 && parent == 1)
		look(guard, &session, true, ORPHAN_USEC);
}

static int
on_orphans(sd_event_source *source, uint64_t usec, void *arg)
{
	int r = process_each(see_orphan, arg);

	(void)source, (void)usec;
	if (r < 0)
		log_error("cannot look up processes: %s", error_text(r));
	return 0;
}

void
left_over_orphans(struct guard *guard)
{
	sd_event_source **timer = &guard->orphan_timer;
	int enabled = SD_EVENT_OFF, r = 0;

	if (*timer == NULL)
		r = sd_event_add_time_relative(guard->event, timer,
		    CLOCK_MONOTONIC, ORPHAN_USEC, 1000, on_orphans, guard);
	else if (sd_event_source_get_enabled(*timer, &enabled) >= 0 &&
	    enabled == SD_EVENT_OFF) {
		r = sd_event_source_set_time_relative(*timer, ORPHAN_USEC);
		if (r >= 0)
			r = sd_event_source_set_enabled(*timer,
			    SD_EVENT_ONESHOT);
	}
	if (r < 0)
		log_error("cannot look for processes that are left: %s",
		    error_text(r));
}

void
left_over_close(struct guard *guard)
{
	while (!LIST_EMPTY(&guard->left_overs))
		forget(LIST_FIRST(&guard->left_overs));
	sd_event_source_disable_unref(guard->left_over_timer);
	guard->left_over_timer = NULL;
	sd_event_source_disable_unref(guard->orphan_timer);
	guard->orphan_timer = NULL;
}
