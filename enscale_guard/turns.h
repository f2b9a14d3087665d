/*
 * Much work at once, done in turns of some milliseconds: between two of them
 * the event loop serves whoever has asked meanwhile, and what asks without end
 * does not keep the work from going on either.
 */
#ifndef ENSCALE_GUARD_TURNS_H
#define ENSCALE_GUARD_TURNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <systemd/sd-event.h>

/* A turn begins no task after that time, but one of each urgency that had none
 * in it. */
#define TURN_USEC 5000

/* What comes before what; within each, first come, first served. Of each there
 * is one at least in each turn: without end nothing is left undone. */
enum urgency {
	URGENT_JUDGING, /* who must go is told, and the hops are signalled */
	URGENT_ENDING,
	URGENT_LOOKING, /* for what is left */
	URGENCIES,
};

/* A part of the owner's struct, which sets run, arg and urgency. One task
 * should take less than a turn. */
struct task {
	void (*run)(void *arg);
	void *arg;
	enum urgency urgency;
	bool waits;
	TAILQ_ENTRY(task) tasks;
};

struct turns;

/* 0 or -errno. */
int turns_new(sd_event *event, struct turns **ret_turns);
/* No task may be waiting. NULL is allowed. */
void turns_free(struct turns *turns);

/* Runs it once, in one of the next turns, never within this call; one that is
 * waiting keeps its place. A task may add itself again. When no turn can be
 * asked for it waits until one is taken: judge.c does that every ten seconds. */
void turns_add(struct turns *turns, struct task *task);
/* No longer runs it, if it is waiting. */
void turns_drop(struct turns *turns, struct task *task);
/* Takes a turn now, and not only when the event loop is back. Within a task
 * that does nothing. */
void turns_take(struct turns *turns);
/* The longest turn until now, in microseconds. */
uint64_t turns_longest(const struct turns *turns);

#endif
