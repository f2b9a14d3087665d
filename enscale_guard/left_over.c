/* Finding processes that are no longer in any session's process tree. It ends
 * nobody else's: the uid is computed from the account, whatever the record
 * says, and if the registry cannot be read nothing is ended. */
#include <config.h>

#include "enscale_guard/left_over.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
#define WALK_STEP   32 /* processes of the host between two looks at the time */
#define BUCKETS     256U

/* An account's process, as the walk saw it. */
struct seen {
	struct process process;
	pid_t parent;
};

struct left_over {
	struct session session; /* without an id: of any session, orphans */
	bool is_told;           /* the audit log has its end */
	/* CLOCK_MONOTONIC: not looked at before; doubled with every look. */
	uint64_t due, wait;
	/* Of a look: the account's processes by pid, and the monitors of its
	 * sessions. Of several left-overs of one account the first has all. */
	struct seen *seen;
	size_t seen_count, seen_size;
	struct process_list monitors;
	bool is_blind; /* the monitors are not all: it cannot tell anything */
	int error; /* why these may not be all, or 0: then it is not over yet */
	LIST_ENTRY(left_over) all, same;
};

struct left_overs {
	struct guard *guard;
	LIST_HEAD(, left_over) all;
	LIST_HEAD(, left_over) buckets[BUCKETS];
	size_t count;
	sd_event_source *look_timer, *orphan_timer;

	/* One look at all processes of the host, in turns. */
	struct task task;
	struct process_walk *walk; /* NULL: its first part is over */
	struct left_over **due;    /* what it is for, by account */
	size_t due_count, due_at;
	bool is_looking, sees_orphans;
	/* What was asked for since it began. */
	bool again, orphans_wanted;
};

static void
forget_look(struct left_over *left)
{
	free(left->seen);
	left->seen = NULL;
	left->seen_count = left->seen_size = 0;
	process_list_clear(&left->monitors);
	left->is_blind = false;
	left->error = 0;
}

static void
forget(struct left_overs *all, struct left_over *left)
{
	LIST_REMOVE(left, all);
	LIST_REMOVE(left, same);
	all->count--;
	forget_look(left);
	free(left);
}

static uint64_t
now_usec(const struct guard *guard)
{
	uint64_t now = 0;

	sd_event_now(guard->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* ---- one look: the processes --------------------------------------------- */

static int
by_account(const void *a, const void *b)
{
	const struct left_over *x = *(struct left_over *const *)a;
	const struct left_over *y = *(struct left_over *const *)b;

	return (x->session.account > y->session.account) -
	    (x->session.account < y->session.account);
}

/* The first of what is due of that account. */
static struct left_over *
find_due(const struct left_overs *all, uint32_t account)
{
	size_t low = 0, high = all->due_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (all->due[middle]->session.account < account)
			low = middle + 1;
		else
			high = middle;
	}
	return low < all->due_count && all->due[low]->session.account == account
	    ? all->due[low]
	    : NULL;
}

static int
add_seen(struct left_over *left, const struct seen *seen)
{
	if (left->seen_count == left->seen_size) {
		const size_t size = left->seen_size > 0 ? 2 * left->seen_size
		                                        : 16;
		struct seen *grown = reallocarray(left->seen, size,
		    sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		left->seen = grown;
		left->seen_size = size;
	}
	left->seen[left->seen_count++] = *seen;
	return 0;
}

static void look(struct guard *guard, const struct session *session,
    bool is_told, uint64_t delay);

/* An orphan's parent is the first process. Whatever has left a session descends
 * from one, or is it. */
static void
see(struct left_overs *all, pid_t pid, uid_t uid)
{
	const uid_t base = all->guard->config.uid_base;
	const struct session anybody = { .account = uid - base };
	struct left_over *left;
	struct seen seen = { .process = { .pid = pid } };
	int r;

	/* Not an account's, whatever the configuration says. */
	if (uid < UID_BASE_MIN || uid <= base || uid - base > ACCOUNT_ID_MAX)
		return;
	left = find_due(all, anybody.account);
	if (left == NULL && !all->sees_orphans)
		return;
	r = process_stat(pid, &seen.process.start, &seen.parent);
	if (r == 0 && left != NULL)
		r = add_seen(left, &seen);
	if (r < 0 && r != -ESRCH && left != NULL)
		left->error = r;
	if (r == 0 && all->sees_orphans && seen.parent == 1)
		look(all->guard, &anybody, true, ORPHAN_USEC);
}

/* ---- one look: what of them is in a session --------------------------------- */

static int
by_pid(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return (x->process.pid > y->process.pid) -
	    (x->process.pid < y->process.pid);
}

static int
add_monitor(const char *name, void *arg)
{
	struct left_overs *all = arg;
	struct left_over *left = find_due(all, session_name_account(name));
	struct process monitor;
	struct session session;
	int r;

	if (left == NULL || left->seen_count == 0)
		return 0;
	r = session_read(session_table_folder(all->guard->sessions), name,
	    &session);
	if (r == 0 && session_is_alive(&session)) {
		monitor.pid = session.monitor;
		monitor.start = session.monitor_start;
		r = process_list_add(&left->monitors, &monitor);
	}
	if (r < 0 && r != ENS_E_NOTFOUND) {
		left->is_blind = true;
		left->error = r;
	}
	return 0;
}

/* After the processes were seen: a session's record is older than all of its
 * processes. If it cannot be told which sessions there are, nothing is left
 * over. */
static void
read_monitors(struct left_overs *all)
{
	const int r = session_each_name(
	    session_table_folder(all->guard->sessions), 0, add_monitor, all);

	for (size_t i = 0; r < 0 && i < all->due_count; i++) {
		all->due[i]->is_blind = true;
		all->due[i]->error = r;
	}
}

/* As the walk saw them: cheap, and for a process of a session that goes on
 * good enough. */
static bool
was_in_session(const struct left_over *left, const struct seen *seen)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct seen key = { .process.pid = seen->parent };
		const struct process *monitor = process_list_find(
		    &left->monitors, seen->parent);
		const struct seen *parent;

		if (monitor != NULL)
			return monitor->start <= seen->process.start;
		parent = bsearch(&key, left->seen, left->seen_count,
		    sizeof(key), by_pid);
		if (parent == NULL ||
		    parent->process.start > seen->process.start)
			return false;
		seen = parent;
	}
	return false;
}

/* 1: this process is in a session now; 0: in none, or it has ended;
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

/* What is in no session and alive. A process about which it cannot tell is not
 * ended, and the error is recorded; others are not spared because of it. */
static void
find_strays(struct left_over *left, struct process_list *strays)
{
	for (size_t i = 0; !left->is_blind && i < left->seen_count; i++) {
		const struct seen *seen = &left->seen[i];
		int r;

		if (was_in_session(left, seen))
			continue;
		r = is_in_session(&seen->process, &left->monitors);
		if (r == 0 && process_is_alive(&seen->process))
			r = process_list_add(strays, &seen->process);
		if (r < 0)
			left->error = r;
	}
}

/* ---- what becomes of it ---------------------------------------------------- */

/* Nothing is left: the record, unless PAM has removed it, may go. */
static void
settle(struct left_overs *all, struct left_over *left)
{
	const struct session *session = &left->session;
	struct guard *guard = all->guard;
	int r = 0;

	if (session->id[0] != '\0' && !session_is_alive(session))
		r = session_remove(session_table_folder(guard->sessions),
		    session->account, session->id);
	if (r < 0)
		log_about(OF_SESSION(session), LOG_WARNING,
		    "cannot remove the session's record: %s", error_text(r));
	else if (!left->is_told)
		audit_event(guard->audit, AUDIT_EVENT_SESSION_ENDED, session,
		    &(struct audit_fields){
		        .seconds = time(NULL) - session->opened });
	forget(all, left);
}

/* False: it must be looked at again. */
static bool
take_care(struct left_overs *all, struct left_over *left)
{
	struct process_list strays = { 0 };
	bool is_over;

	find_strays(left, &strays);
	if (left->error != 0 && left->error != -EAGAIN)
		log_about(OF_SESSION(&left->session), LOG_WARNING,
		    "cannot tell all that is left: %s",
		    error_text(left->error));
	if (strays.count > 0) {
		log_about(OF_SESSION(&left->session), LOG_INFO,
		    "ending %zu processes that are in no session any more",
		    strays.count);
		ending_processes(all->guard, &left->session, &strays);
	}
	is_over = strays.count == 0 && left->error == 0;
	process_list_clear(&strays);
	if (is_over)
		settle(all, left);
	return is_over;
}

static void expect(struct left_overs *all, uint64_t at);

static void
look_later(struct left_overs *all, struct left_over *left)
{
	forget_look(left);
	left->due = now_usec(all->guard) + left->wait;
	if (left->wait < AGAIN_MAX)
		left->wait *= 2;
	expect(all, left->due);
}

/* ---- a look, part by part -------------------------------------------------- */

static void
end_look(struct left_overs *all)
{
	process_walk_end(all->walk);
	all->walk = NULL;
	free(all->due);
	all->due = NULL;
	all->due_count = all->due_at = 0;
	all->is_looking = false;
}

/* What it is for, sorted: 0 or -ENOMEM. */
static int
collect_due(struct left_overs *all)
{
	const uint64_t now = now_usec(all->guard);
	struct left_over *left;

	all->due = calloc(all->count + 1, sizeof(struct left_over *));
	if (all->due == NULL)
		return -ENOMEM;
	LIST_FOREACH(left, &all->all, all)
		if (left->due <= now)
			all->due[all->due_count++] = left;
		else
			expect(all, left->due);
	qsort(all->due, all->due_count, sizeof(struct left_over *), by_account);
	return 0;
}

static void
begin_look(struct left_overs *all)
{
	int r;

	if (all->is_looking) {
		all->again = true;
		return;
	}
	all->is_looking = true;
	all->sees_orphans = all->orphans_wanted;
	all->orphans_wanted = false;
	r = collect_due(all);
	if (r == 0 && all->due_count == 0 && !all->sees_orphans) {
		end_look(all);
		return;
	}
	if (r == 0)
		r = process_walk_begin(&all->walk);
	if (r == 0) {
		turns_add(all->guard->turns, &all->task);
		return;
	}
	log_error("cannot look up processes: %s", error_text(r));
	for (size_t i = 0; i < all->due_count; i++)
		look_later(all, all->due[i]);
	end_look(all);
	if (r == -ENOMEM)
		expect(all, now_usec(all->guard) + AGAIN_USEC);
}

/* Some more processes. 1; 0: those were all; -errno. */
static int
walk_on(struct left_overs *all)
{
	pid_t pid;
	uid_t uid;
	int r = 1;

	for (int i = 0; r > 0 && i < WALK_STEP; i++) {
		r = process_walk_next(all->walk, &pid, &uid);
		if (r > 0)
			see(all, pid, uid);
	}
	return r;
}

static void
end_walk(struct left_overs *all, int r)
{
	process_walk_end(all->walk);
	all->walk = NULL;
	if (r < 0) {
		log_error("cannot look up processes: %s", error_text(r));
		for (size_t i = 0; i < all->due_count; i++)
			look_later(all, all->due[i]);
		all->due_at = all->due_count;
		return;
	}
	/* The kernel lists them so, but need not. */
	for (size_t i = 0; i < all->due_count; i++)
		if (all->due[i]->seen_count > 0)
			qsort(all->due[i]->seen, all->due[i]->seen_count,
			    sizeof(struct seen), by_pid);
	read_monitors(all);
}

static void
go_on(void *arg)
{
	struct left_overs *all = arg;
	struct left_over *left;
	int r;

	if (all->walk != NULL) {
		r = walk_on(all);
		if (r <= 0)
			end_walk(all, r);
	} else if (all->due_at < all->due_count) {
		left = all->due[all->due_at++];
		if (!take_care(all, left))
			look_later(all, left);
	} else {
		end_look(all);
		live_hop_tidy(all->guard);
		if (all->again) {
			all->again = false;
			begin_look(all);
		}
		return;
	}
	turns_add(all->guard->turns, &all->task);
}

static int
on_look(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source, (void)usec;
	begin_look(arg);
	return 0;
}

/* Looks at that time or before. */
static void
expect(struct left_overs *all, uint64_t at)
{
	sd_event_source *timer = all->look_timer;
	uint64_t before = UINT64_MAX;
	int enabled = SD_EVENT_OFF;
	int r = sd_event_source_get_enabled(timer, &enabled);

	if (r >= 0)
		r = sd_event_source_get_time(timer, &before);
	if (r >= 0 && enabled != SD_EVENT_OFF && before <= at)
		return;
	if (r >= 0)
		r = sd_event_source_set_time(timer, at);
	if (r >= 0)
		r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("cannot look for processes that are left: %s",
		    error_text(r));
}

/* ---- what is reported ------------------------------------------------------ */

static size_t
place_of(const struct session *session)
{
	uint32_t sum = session->account;

	for (const char *id = session->id; *id != '\0'; id++)
		sum = sum * 31 + (uint8_t)*id;
	return sum % BUCKETS;
}

static struct left_over *
find(const struct left_overs *all, const struct session *session)
{
	struct left_over *left;

	LIST_FOREACH(left, &all->buckets[place_of(session)], same)
		if (left->session.account == session->account &&
		    strcmp(left->session.id, session->id) == 0)
			return left;
	return NULL;
}

static void
look(struct guard *guard, const struct session *session, bool is_told,
    uint64_t delay)
{
	struct left_overs *all = guard->left_overs;
	struct left_over *left;

	if (find(all, session) != NULL)
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
	LIST_INSERT_HEAD(&all->all, left, all);
	LIST_INSERT_HEAD(&all->buckets[place_of(session)], left, same);
	all->count++;
	expect(all, left->due);
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

static int
on_orphans(sd_event_source *source, uint64_t usec, void *arg)
{
	struct left_overs *all = arg;

	(void)source, (void)usec;
	all->orphans_wanted = true;
	begin_look(all);
	return 0;
}

void
left_over_orphans(struct guard *guard)
{
	sd_event_source *timer = guard->left_overs->orphan_timer;
	int enabled = SD_EVENT_OFF;
	int r = sd_event_source_get_enabled(timer, &enabled);

	if (r >= 0 && enabled != SD_EVENT_OFF)
		return;
	if (r >= 0)
		r = sd_event_source_set_time_relative(timer, ORPHAN_USEC);
	if (r >= 0)
		r = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("cannot look for processes that are left: %s",
		    error_text(r));
}

/* ---- beginning and end ----------------------------------------------------- */

static int
add_timer(struct left_overs *all, sd_event_time_handler_t handler,
    sd_event_source **ret_timer)
{
	int r = sd_event_add_time(all->guard->event, ret_timer, CLOCK_MONOTONIC,
	    0, 1000, handler, all);

	return r < 0 ? r
	             : sd_event_source_set_enabled(*ret_timer, SD_EVENT_OFF);
}

int
left_over_open(struct guard *guard)
{
	struct left_overs *all = calloc(1, sizeof(*all));
	int r;

	if (all == NULL)
		return -ENOMEM;
	all->guard = guard;
	all->task = (struct task){ .run = go_on,
		.arg = all,
		.urgency = URGENT_LOOKING };
	LIST_INIT(&all->all);
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_INIT(&all->buckets[i]);
	guard->left_overs = all;
	r = add_timer(all, on_look, &all->look_timer);
	if (r >= 0)
		r = add_timer(all, on_orphans, &all->orphan_timer);
	return r;
}

void
left_over_close(struct guard *guard)
{
	struct left_overs *all = guard->left_overs;

	if (all == NULL)
		return;
	turns_drop(guard->turns, &all->task);
	end_look(all);
	while (!LIST_EMPTY(&all->all))
		forget(all, LIST_FIRST(&all->all));
	sd_event_source_disable_unref(all->look_timer);
	sd_event_source_disable_unref(all->orphan_timer);
	free(all);
	guard->left_overs = NULL;
}
