/*
 * Processes, identified by pid and start time so that a later one with the same
 * pid is never mistaken for them. Everything here only needs access to /proc;
 * signalling others' processes needs CAP_KILL.
 */
#ifndef ENSCALE_GUARD_PROCESS_H
#define ENSCALE_GUARD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;      /* 0: none */
	uint64_t start; /* clock ticks since boot */
};

/* A growing list, each process once. Only the functions here change it. */
struct process_list {
	struct process *items; /* owned */
	size_t count;
	size_t size;
	uint32_t *places; /* owned: by pid, where in items it is, plus one */
};

bool process_equal(const struct process *a, const struct process *b);
/* The process that has this pid now. 0, -ESRCH, ENS_E_CORRUPT. */
int process_find(pid_t pid, struct process *ret_process);
bool process_is_alive(const struct process *process);
/* Signals this process and no later one. 0, -ESRCH, -EPERM, ... */
int process_signal(const struct process *process, int signal);

/*
 * The way up from pid, itself first, to the child of pid 1, at most max steps.
 * Read until two readings are the same, so that all links existed at one
 * moment. 0; -ESRCH; -ELOOP when it is longer than max; -EAGAIN when it kept
 * changing.
 */
int process_chain(pid_t pid, struct process *chain, size_t max,
    size_t *ret_count);

/* 0 or -ENOMEM. Adding a process that is already there is a success. */
int process_list_add(struct process_list *list, const struct process *process);
bool process_list_has(const struct process_list *list,
    const struct process *process);
/* The one with this pid, borrowed, or NULL. */
const struct process *process_list_find(const struct process_list *list,
    pid_t pid);
/* Forgets those that have ended. */
void process_list_prune(struct process_list *list);
/* Adds the running children of one process, which reads a file in /proc for
 * each of its threads. 0; -ESRCH: it has ended; -errno. */
int process_list_add_children(struct process_list *list,
    const struct process *parent);
/* Adds all running descendants of those in the list, from them downwards, so
 * other processes cost nothing. 0 or -errno; what was found until then is in
 * the list. */
int process_list_add_descendants(struct process_list *list);
/* Signals each that it can. */
void process_list_signal(const struct process_list *list, int signal);
void process_list_clear(struct process_list *list);

/* One look at all processes of the host, which may be interrupted. */
struct process_walk;

/* 0 or -errno. */
int process_walk_begin(struct process_walk **ret_walk);
/* The next process that exists, with its effective uid. 1; 0: that was all;
 * -errno. */
int process_walk_next(struct process_walk *walk, pid_t *ret_pid,
    uid_t *ret_uid);
void process_walk_end(struct process_walk *walk);

#endif
