/* UUIDs, written in sorted runs. See uuid_list.h. */
#include <config.h>

#include "enscale_sync/uuid_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/apart.h"

/* In one run, 4 MiB, and qsort(3) takes as much once more; and of each run at
 * once while it is asked. */
#define RUN  ((size_t)256 * 1024)
#define PART ((size_t)256)

typedef uint8_t uuid_bytes[ENTRY_UUID_LEN];

/* A run on its way through the questions: [at, end) of the file are still to
 * be read, [next, have) of part to be met. */
struct run {
	off_t at, end;
	size_t next, have;
	uuid_bytes part[PART];
};

struct uuid_list {
	int dir_fd; /* borrowed */
	int fd;     /* -1: no file yet */
	off_t size; /* of the file */
	size_t count, room;
	uuid_bytes *last; /* owned: the run that is not in the file */
	bool sorted;      /* it is */
	size_t next;      /* of it, while it is asked */
	struct run *runs; /* owned: all others, while they are asked */
	size_t run_count;
};

int
uuid_list_new(int dir_fd, struct uuid_list **ret_list)
{
	struct uuid_list *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	list->dir_fd = dir_fd;
	list->fd = -1;
	*ret_list = list;
	return 0;
}

void
uuid_list_free(struct uuid_list *list)
{
	if (list == NULL)
		return;
	if (list->fd >= 0)
		close(list->fd);
	free(list->last);
	free(list->runs);
	free(list);
}

/* ---- writing ----------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ENTRY_UUID_LEN);
}

static void
sort(struct uuid_list *list)
{
	if (!list->sorted && list->count > 0)
		qsort(list->last, list->count, sizeof(list->last[0]), compare);
	list->sorted = true;
}

static int
write_run(struct uuid_list *list)
{
	const uint8_t *data = list->last[0];
	size_t len = list->count * sizeof(list->last[0]);

	off_t at = list->size;

	if (list->fd < 0)
		list->fd = apart_file(list->dir_fd);
	if (list->fd < 0)
		return list->fd;
	sort(list);
	while (len > 0) {
		ssize_t n = pwrite(list->fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		data += n;
		len -= (size_t)n;
	}
	list->size = at;
	list->count = 0;
	return 0;
}

static int
grow(struct uuid_list *list)
{
	size_t room = list->room == 0 ? PART : list->room * 2;
	void *last = realloc(list->last, room * sizeof(list->last[0]));

	if (last == NULL)
		return -ENOMEM;
	list->last = last;
	list->room = room;
	return 0;
}

int
uuid_list_add(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN])
{
	int r = 0;

	if (list->count == RUN)
		r = write_run(list);
	else if (list->count == list->room)
		r = grow(list);
	if (r != 0)
		return r;
	memcpy(list->last[list->count++], uuid, ENTRY_UUID_LEN);
	list->sorted = false;
	return 0;
}

/* ---- asking ------------------------------------------------------------ */

int
uuid_list_rewind(struct uuid_list *list)
{
	const off_t full = (off_t)(RUN * sizeof(list->last[0]));

	sort(list);
	list->next = 0;
	/* Only full runs are in the file. */
	list->run_count = (size_t)(list->size / full);
	if (list->runs == NULL && list->run_count > 0)
		list->runs = calloc(list->run_count, sizeof(list->runs[0]));
	if (list->runs == NULL && list->run_count > 0)
		return -ENOMEM;
	for (size_t i = 0; i < list->run_count; i++) {
		list->runs[i].at = (off_t)i * full;
		list->runs[i].end = (off_t)(i + 1) * full;
		list->runs[i].next = list->runs[i].have = 0;
	}
	return 0;
}

/* The next part of a run, none behind its end. */
static int
read_part(const struct uuid_list *list, struct run *run)
{
	ssize_t n;

	run->next = run->have = 0;
	if (run->at == run->end)
		return 0;
	do {
		n = pread(list->fd, run->part, sizeof(run->part), run->at);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(run->part))
		return n < 0 ? -errno : -EIO;
	run->at += n;
	run->have = PART;
	return 0;
}

/* Goes on in a row that is sorted; is uuid the next one? */
static bool
meet(uuid_bytes *row, size_t count, size_t *next,
    const uint8_t uuid[ENTRY_UUID_LEN])
{
	while (*next < count && compare(row[*next], uuid) < 0)
		(*next)++;
	return *next < count && compare(row[*next], uuid) == 0;
}

int
uuid_list_has(struct uuid_list *list, const uint8_t uuid[ENTRY_UUID_LEN],
    bool *ret_has)
{
	bool has = meet(list->last, list->count, &list->next, uuid);

	for (size_t i = 0; i < list->run_count; i++) {
		struct run *run = &list->runs[i];

		has |= meet(run->part, run->have, &run->next, uuid);
		while (run->next == run->have && run->at < run->end) {
			int r = read_part(list, run);

			if (r != 0)
				return r;
			has |= meet(run->part, run->have, &run->next, uuid);
		}
	}
	*ret_has = has;
	return 0;
}
