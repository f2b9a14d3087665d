/* See turns.h. It knows nothing of what the tasks do. */
#include <config.h>

#include "enscale_guard/turns.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/errors.h"
#include "enscale_guard/bucket.h"
#include "enscale_guard/log.h"

TAILQ_HEAD(task_list, task);

struct turns {
	/* A timer that is due at once: the loop looks at everything else before
	 * it comes back to it. What is deferred would come first again. */
	sd_event_source *next;
	bool is_running;
	bool has_failed; /* to ask for a turn */
	uint64_t longest;
	struct task_list lists[URGENCIES];
};

static struct task *
first(const struct turns *turns)
{
	struct task *task = NULL;

	for (int i = 0; task == NULL && i < URGENCIES; i++)
		task = TAILQ_FIRST(&turns->lists[i]);
	return task;
}

/* Once, until it works again. */
static void
complain(struct turns *turns, int error)
{
	if (error < 0 && !turns->has_failed)
		log_error("cannot set a timer for the next turn: %s",
		    error_text(error));
	turns->has_failed = error < 0;
}

static int
ask_for_turn(struct turns *turns)
{
	int r = sd_event_source_set_time(turns->next, bucket_now());

	if (r >= 0)
		r = sd_event_source_set_enabled(turns->next, SD_EVENT_ONESHOT);
	complain(turns, r);
	return r;
}

static void
run_task(struct turns *turns, struct task *task, bool had[URGENCIES])
{
	had[task->urgency] = true;
	turns_drop(turns, task);
	task->run(task->arg); /* may free it */
}

static void
run(struct turns *turns)
{
	const uint64_t begun = bucket_now();
	uint64_t now = begun;
	bool had[URGENCIES] = { false };
	struct task *task;

	turns->is_running = true;
	while (now - begun < TURN_USEC && (task = first(turns)) != NULL) {
		run_task(turns, task, had);
		now = bucket_now();
	}
	/* What is more urgent may come without end. */
	for (int i = 0; i < URGENCIES; i++)
		if (!had[i] && (task = TAILQ_FIRST(&turns->lists[i])) != NULL)
			run_task(turns, task, had);
	now = bucket_now();
	turns->is_running = false;
	if (now - begun > turns->longest)
		turns->longest = now - begun;
}

void
turns_take(struct turns *turns)
{
	int r;

	if (turns->is_running)
		return;
	run(turns);
	if (first(turns) == NULL)
		return;
	r = ask_for_turn(turns);
	if (r >= 0)
		return;
	while (first(turns) != NULL)
		run(turns);
}

static int
on_turn(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source, (void)usec;
	turns_take(arg);
	return 0;
}

void
turns_add(struct turns *turns, struct task *task)
{
	if (task->waits)
		return;
	task->waits = true;
	TAILQ_INSERT_TAIL(&turns->lists[task->urgency], task, tasks);
	/* Who adds may be walking along what the tasks free. */
	if (!turns->is_running)
		(void)ask_for_turn(turns);
}

void
turns_drop(struct turns *turns, struct task *task)
{
	if (!task->waits)
		return;
	task->waits = false;
	TAILQ_REMOVE(&turns->lists[task->urgency], task, tasks);
}

uint64_t
turns_longest(const struct turns *turns)
{
	return turns->longest;
}

int
turns_new(sd_event *event, struct turns **ret_turns)
{
	struct turns *turns = calloc(1, sizeof(*turns));
	int r;

	if (turns == NULL)
		return -ENOMEM;
	for (int i = 0; i < URGENCIES; i++)
		TAILQ_INIT(&turns->lists[i]);
	r = sd_event_add_time(event, &turns->next, CLOCK_MONOTONIC, 0, 1,
	    on_turn, turns);
	if (r >= 0)
		r = sd_event_source_set_enabled(turns->next, SD_EVENT_OFF);
	if (r < 0) {
		turns_free(turns);
		return r;
	}
	*ret_turns = turns;
	return 0;
}

void
turns_free(struct turns *turns)
{
	if (turns == NULL)
		return;
	sd_event_source_disable_unref(turns->next);
	free(turns);
}
