/*
 * Processes by pid and start time. It refuses to trust a pid alone: before a
 * signal the pid is pinned by a descriptor and its start time is compared.
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
#include <sys/stat.h>

#include "common/base/cleanup.h"
#include "common/names/login_name.h"
#include "common/protocol/session_registry.h"

#define CHAIN_TRIES      4
#define PROCESS_LIST_MAX 65536

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
	 * gets no signals. */
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
		/* When a parent ends meanwhile, its child gets another one. */
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

/* Twice as many places as items, so that some are free: 0. */
static size_t
place_of(const struct process_list *list, pid_t pid)
{
	return (uint32_t)pid * 2654435761U & (uint32_t)(2 * list->size - 1);
}

static size_t
next_place(const struct process_list *list, size_t place)
{
	return (place + 1) & (2 * list->size - 1);
}

static void
note_places(struct process_list *list, size_t from)
{
	size_t place;

	for (size_t i = from; i < list->count; i++) {
		place = place_of(list, list->items[i].pid);
		while (list->places[place] != 0)
			place = next_place(list, place);
		list->places[place] = (uint32_t)i + 1;
	}
}

static void
note_all_places(struct process_list *list)
{
	memset(list->places, 0, 2 * list->size * sizeof(list->places[0]));
	note_places(list, 0);
}

bool
process_list_has(const struct process_list *list, const struct process *process)
{
	size_t place;

	if (list->count == 0)
		return false;
	for (place = place_of(list, process->pid); list->places[place] != 0;
	     place = next_place(list, place))
		if (process_equal(&list->items[list->places[place] - 1],
		        process))
			return true;
	return false;
}

const struct process *
process_list_find(const struct process_list *list, pid_t pid)
{
	size_t place;

	if (list->count == 0)
		return NULL;
	for (place = place_of(list, pid); list->places[place] != 0;
	     place = next_place(list, place))
		if (list->items[list->places[place] - 1].pid == pid)
			return &list->items[list->places[place] - 1];
	return NULL;
}

static int
grow(struct process_list *list)
{
	const size_t size = list->size > 0 ? 2 * list->size : 8;
	struct process *items;
	uint32_t *places;

	if (size > PROCESS_LIST_MAX)
		return -ENOMEM;
	items = reallocarray(list->items, size, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	places = reallocarray(list->places, 2 * size, sizeof(*places));
	if (places == NULL)
		return -ENOMEM;
	list->places = places;
	list->size = size;
	note_all_places(list);
	return 0;
}

int
process_list_add(struct process_list *list, const struct process *process)
{
	int r = 0;

	if (process->pid <= 1 || process_list_has(list, process))
		return 0;
	if (list->count == list->size)
		r = grow(list);
	if (r < 0)
		return r;
	list->items[list->count++] = *process;
	note_places(list, list->count - 1);
	return 0;
}

void
process_list_prune(struct process_list *list)
{
	const size_t before = list->count;
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (process_is_alive(&list->items[i]))
			list->items[kept++] = list->items[i];
	list->count = kept;
	if (kept < before)
		note_all_places(list);
}

void
process_list_clear(struct process_list *list)
{
	free(list->items);
	free(list->places);
	*list = (struct process_list){ 0 };
}

/* A pid that the file names is believed if it says the same of its parent. */
static int
add_child(struct process_list *list, const struct process *parent, pid_t pid)
{
	struct process child = { .pid = pid };
	pid_t its_parent;

	if (process_stat(pid, &child.start, &its_parent) != 0 ||
	    its_parent != parent->pid || child.start < parent->start)
		return 0;
	return process_list_add(list, &child);
}

/* Those that one of the parent's threads has started. */
static int
add_of_thread(struct process_list *list, const struct process *parent,
    const char *thread)
{
	AUTO_FREE char *word = NULL;
	AUTO_FILE FILE *file = NULL;
	size_t size = 0;
	char path[64];
	ssize_t len;
	uint32_t pid;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children",
	    (int)parent->pid, thread);
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (len = getdelim(&word, &size, ' ', file)) > 1) {
		word[len - 1] = '\0';
		if (parse_u32(word, INT32_MAX, &pid) == 0)
			r = add_child(list, parent, (pid_t)pid);
	}
	return r;
}

int
process_list_add_children(struct process_list *list,
    const struct process *parent)
{
	AUTO(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)parent->pid);
	dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!process_is_alive(parent))
		return -ESRCH;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		r = add_of_thread(list, parent, entry->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}

int
process_list_add_descendants(struct process_list *list)
{
	/* The list grows while it is walked. */
	for (size_t i = 0; i < list->count; i++) {
		const struct process parent = list->items[i];
		int r = process_list_add_children(list, &parent);

		if (r < 0 && r != -ESRCH)
			return r;
	}
	return 0;
}

struct process_walk {
	DIR *dir;
};

int
process_walk_begin(struct process_walk **ret_walk)
{
	struct process_walk *walk = calloc(1, sizeof(*walk));
	int r;

	if (walk == NULL)
		return -ENOMEM;
	walk->dir = opendir("/proc");
	if (walk->dir == NULL) {
		r = -errno;
		free(walk);
		return r;
	}
	*ret_walk = walk;
	return 0;
}

int
process_walk_next(struct process_walk *walk, pid_t *ret_pid, uid_t *ret_uid)
{
	const struct dirent *entry;
	struct stat owner;
	uint32_t pid;

	while (errno = 0, (entry = readdir(walk->dir)) != NULL) {
		if (parse_u32(entry->d_name, INT32_MAX, &pid) != 0 ||
		    fstatat(dirfd(walk->dir), entry->d_name, &owner, 0) != 0)
			continue;
		*ret_pid = (pid_t)pid;
		*ret_uid = owner.st_uid;
		return 1;
	}
	return -errno;
}

void
process_walk_end(struct process_walk *walk)
{
	if (walk == NULL)
		return;
	closedir(walk->dir);
	free(walk);
}

void
process_list_signal(const struct process_list *list, int signal)
{
	for (size_t i = 0; i < list->count; i++)
		process_signal(&list->items[i], signal);
}
