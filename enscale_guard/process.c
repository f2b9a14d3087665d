/*
 * Processes by pid and start time. It refuses to trust a pid alone: before a
 * signal the pid is pinned by a descriptor and its start time compared.
 */
#include <config.h>

#include "enscale_guard/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "common/cleanup.h"
#include "common/login_name.h"
#include "common/session_registry.h"

#define CHAIN_TRIES      4
#define DESCENT_MAX      64   /* generations below a process in the list */
#define CHILDREN_MAX     4096 /* bytes read of a children file */
#define PROCESS_LIST_MAX 65536

struct seen {
	struct process process;
	pid_t parent;
	bool taken;
};

static void
close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

bool
process_equal(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->start == b->start;
}

int
process_find(pid_t pid, struct process *ret_process)
{
	uint64_t start;
	int r;

	if (pid <= 0)
		return -ESRCH;
	r = process_stat(pid, &start, NULL);
	if (r < 0)
		return r;
	*ret_process = (struct process){ .pid = pid, .start = start };
	return 0;
}

bool
process_is_alive(const struct process *process)
{
	struct process now;

	return process_find(process->pid, &now) == 0 &&
	    process_equal(process, &now);
}

int
process_signal(const struct process *process, int signal)
{
	AUTO_FD int fd = -1;

	/* Never everybody, never ourselves' init, never a group. */
	if (process->pid <= 1)
		return -ESRCH;
	fd = pidfd_open(process->pid, 0);
	if (fd < 0)
		return -errno;
	/* The descriptor is this process', or that of one that has ended and
	 * gets no signal any more. */
	if (!process_is_alive(process))
		return -ESRCH;
	if (pidfd_send_signal(fd, signal, NULL, 0) < 0)
		return -errno;
	return 0;
}

static int
read_chain(pid_t pid, struct process *chain, size_t max, size_t *ret_count)
{
	size_t count = 0;

	while (pid > 1) {
		struct process *step = &chain[count];
		pid_t parent;
		int r;

		if (count == max)
			return -ELOOP;
		r = process_stat(pid, &step->start, &parent);
		if (r < 0)
			return r;
		step->pid = pid;
		count++;
		pid = parent;
	}
	*ret_count = count;
	return 0;
}

static bool
same_chain(const struct process *a, const struct process *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!process_equal(&a[i], &b[i]))
			return false;
	return true;
}

int
process_chain(pid_t pid, struct process *chain, size_t max, size_t *ret_count)
{
	AUTO_FREE struct process *again = calloc(max, sizeof(*again));
	size_t count, count_again;
	int r;

	if (again == NULL)
		return -ENOMEM;
	if (pid <= 1)
		return -ESRCH;
	for (int i = 0; i < CHAIN_TRIES; i++) {
		r = read_chain(pid, chain, max, &count);
		/* A parent that ended under way gives its child another. */
		if (r == -ESRCH && i + 1 < CHAIN_TRIES)
			continue;
		if (r < 0)
			return r;
		r = read_chain(pid, again, max, &count_again);
		if (r == 0 && count == count_again &&
		    same_chain(chain, again, count)) {
			*ret_count = count;
			return 0;
		}
	}
	return -EAGAIN;
}

bool
process_list_has(const struct process_list *list, const struct process *process)
{
	for (size_t i = 0; i < list->count; i++)
		if (process_equal(&list->items[i], process))
			return true;
	return false;
}

int
process_list_add(struct process_list *list, const struct process *process)
{
	if (process->pid <= 1 || process_list_has(list, process))
		return 0;
	if (list->count == list->size) {
		size_t size = list->size > 0 ? 2 * list->size : 8;
		struct process *items;

		if (size > PROCESS_LIST_MAX)
			return -ENOMEM;
		items = reallocarray(list->items, size, sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->size = size;
	}
	list->items[list->count++] = *process;
	return 0;
}

void
process_list_prune(struct process_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (process_is_alive(&list->items[i]))
			list->items[kept++] = list->items[i];
	list->count = kept;
}

void
process_list_clear(struct process_list *list)
{
	free(list->items);
	*list = (struct process_list){ 0 };
}

static int
see_all(struct seen **ret_seen, size_t *ret_count)
{
	AUTO(close_dir) DIR *dir = opendir("/proc");
	AUTO_FREE struct seen *seen = NULL;
	size_t count = 0, size = 0;
	const struct dirent *entry;

	if (dir == NULL)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		struct seen one = { 0 };
		uint32_t pid;

		if (parse_u32(entry->d_name, INT32_MAX, &pid) != 0)
			continue;
		one.process.pid = (pid_t)pid;
		if (process_stat((pid_t)pid, &one.process.start, &one.parent) !=
		    0)
			continue;
		if (count == size) {
			size_t larger = size > 0 ? 2 * size : 256;
			struct seen *grown = reallocarray(seen, larger,
			    sizeof(*seen));

			if (grown == NULL)
				return -ENOMEM;
			seen = grown;
			size = larger;
		}
		seen[count++] = one;
	}
	*ret_seen = seen;
	*ret_count = count;
	seen = NULL;
	return 0;
}

static int
compare_pid(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return (x->process.pid > y->process.pid) -
	    (x->process.pid < y->process.pid);
}

/* Is the parent of seen[i] one that was taken? */
static bool
parent_is_taken(const struct seen *seen, size_t count, size_t i)
{
	const struct seen wanted = { .process = { .pid = seen[i].parent } };
	const struct seen *parent;

	parent = bsearch(&wanted, seen, count, sizeof(*seen), compare_pid);
	/* A child is never older than its parent. */
	return parent != NULL && parent->taken &&
	    parent->process.start <= seen[i].process.start;
}

int
process_list_add_descendants(struct process_list *list)
{
	AUTO_FREE struct seen *seen = NULL;
	size_t count = 0;
	bool more = true;
	int r;

	r = see_all(&seen, &count);
	if (r < 0)
		return r;
	qsort(seen, count, sizeof(*seen), compare_pid);
	for (size_t i = 0; i < count; i++)
		seen[i].taken = process_list_has(list, &seen[i].process);
	for (int depth = 0; more && depth < DESCENT_MAX; depth++) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			if (seen[i].taken || !parent_is_taken(seen, count, i))
				continue;
			seen[i].taken = true;
			more = true;
			r = process_list_add(list, &seen[i].process);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int
process_list_add_children(struct process_list *list,
    const struct process *parent)
{
	char path[64], text[CHILDREN_MAX], *rest = text;
	AUTO_FD int fd = -1;
	const char *word;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)parent->pid, (int)parent->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	while ((word = strsep(&rest, " ")) != NULL) {
		struct process child;
		uint32_t pid;
		int r;

		if (parse_u32(word, INT32_MAX, &pid) != 0)
			continue;
		if (process_find((pid_t)pid, &child) != 0)
			continue;
		r = process_list_add(list, &child);
		if (r < 0)
			return r;
	}
	return process_is_alive(parent) ? 0 : -ESRCH;
}

unsigned
process_list_signal(const struct process_list *list, int signal)
{
	unsigned refused = 0;

	for (size_t i = 0; i < list->count; i++)
		if (process_signal(&list->items[i], signal) == -EPERM)
			refused++;
	return refused;
}
