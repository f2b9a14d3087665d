/* Following the session registry. It writes nothing there, believes a record
 * only while its monitor is running, and never mistakes one pid for another. */
#include <config.h>

#include "enscale_guard/session_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_guard/log.h"

#define BUCKETS 1024U
#define INOTIFY_MASK                                           \
	(IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | \
	    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

LIST_HEAD(entry_list, session_entry);

struct session_table {
	char *path;
	sd_event *event;     /* borrowed */
	struct turns *turns; /* borrowed */
	struct session_table_events events;
	sd_event_source *source;
	int inotify_fd;
	int watch;
	int dir_fd;
	size_t count;
	uint32_t broken;
	struct entry_list all;
	struct entry_list by_monitor[BUCKETS], by_id[BUCKETS];
	struct entry_list by_account[BUCKETS];
};

static struct entry_list *
bucket_of(struct session_table *table, pid_t monitor)
{
	return &table->by_monitor[(uint32_t)monitor % BUCKETS];
}

/* The number of an id's bucket: ids are random already. */
static size_t
place_of(const char *id)
{
	uint32_t sum = 0;

	for (; *id != '\0'; id++)
		sum = sum * 31 + (uint8_t)*id;
	return sum % BUCKETS;
}

static struct session_entry *
find_by_id(const struct session_table *table, const char *id)
{
	struct session_entry *entry;

	LIST_FOREACH(entry, &table->by_id[place_of(id)], by_id)
		if (strcmp(entry->session.id, id) == 0)
			return entry;
	return NULL;
}

static struct session_entry *
find_by_monitor(const struct session_table *table,
    const struct process *monitor)
{
	struct session_entry *entry;

	LIST_FOREACH(entry,
	    &table->by_monitor[(uint32_t)monitor->pid % BUCKETS], by_monitor)
		if (entry->session.monitor == monitor->pid &&
		    entry->session.monitor_start == monitor->start)
			return entry;
	return NULL;
}

static void
free_entry(struct session_entry *entry)
{
	LIST_REMOVE(entry, all);
	LIST_REMOVE(entry, by_monitor);
	LIST_REMOVE(entry, by_id);
	LIST_REMOVE(entry, by_account);
	entry->table->count--;
	turns_drop(entry->table->turns, &entry->judging);
	turns_drop(entry->table->turns, &entry->over);
	sd_event_source_disable_unref(entry->monitor);
	process_list_clear(&entry->members);
	free(entry);
}

static void
end_entry(void *arg)
{
	struct session_entry *entry = arg;

	/* Either PAM has already removed the record, or nobody has. */
	session_table_refresh(entry->table);
	entry->table->events.over(entry, entry->table->events.arg);
	free_entry(entry);
}

static int
monitor_ended(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct session_entry *entry = arg;

	(void)fd, (void)revents;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	turns_add(entry->table->turns, &entry->over);
	return 0;
}

/* -ESRCH: it has ended. */
static int
watch_monitor(struct session_entry *entry)
{
	AUTO_FD int fd = pidfd_open(entry->session.monitor, 0);
	int r;

	if (fd < 0)
		return -errno;
	/* Asked after the descriptor was there: it is this monitor's. */
	if (!session_is_alive(&entry->session))
		return -ESRCH;
	r = sd_event_add_io(entry->table->event, &entry->monitor, fd, EPOLLIN,
	    monitor_ended, entry);
	if (r < 0)
		return r;
	sd_event_source_set_io_fd_own(entry->monitor, true);
	fd = -1;
	return 0;
}

static int
add(struct session_table *table, const struct session *session)
{
	struct session_entry *entry;
	int r;

	if (session->monitor <= 1 || !session_is_alive(session)) {
		table->events.dead(session, table->events.arg);
		return 0;
	}
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	entry->session = *session;
	entry->table = table;
	entry->over = (struct task){ .run = end_entry,
		.arg = entry,
		.urgency = URGENT_ENDING };
	entry->published = true;
	entry->seen = true;
	LIST_INIT(&entry->shells);
	LIST_INIT(&entry->hops);
	LIST_INSERT_HEAD(&table->all, entry, all);
	LIST_INSERT_HEAD(bucket_of(table, session->monitor), entry, by_monitor);
	LIST_INSERT_HEAD(&table->by_id[place_of(session->id)], entry, by_id);
	LIST_INSERT_HEAD(&table->by_account[session->account % BUCKETS], entry,
	    by_account);
	table->count++;
	r = watch_monitor(entry);
	if (r < 0) {
		free_entry(entry);
		if (r != -ESRCH)
			return r;
		table->events.dead(session, table->events.arg);
		return 0;
	}
	table->events.appeared(entry, table->events.arg);
	return 0;
}

/* Notes that its record is there, if it is in the table. */
static bool
is_known(struct session_table *table, const char *name)
{
	struct session_entry *entry = find_by_id(table, session_name_id(name));

	if (entry == NULL)
		return false;
	entry->seen = true;
	entry->published = true;
	return true;
}

static void
take_record(struct session_table *table, const char *name)
{
	struct session session;
	int r;

	if (session_name_account(name) == 0 || is_known(table, name))
		return; /* or a temporary name */
	r = session_read(table->dir_fd, name, &session);
	if (r == ENS_E_NOTFOUND)
		return;
	if (r == 0)
		r = add(table, &session);
	if (r < 0)
		log_warning("cannot load session \"%s\": %s", name,
		    error_text(r));
}

static void
drop_record(struct session_table *table, const char *name)
{
	struct session_entry *entry = session_name_account(name) != 0
	    ? find_by_id(table, session_name_id(name))
	    : NULL;

	/* The watch on its monitor stays: what is left then is ended. */
	if (entry != NULL)
		entry->published = false;
}

/* Returns false when the folder itself went, or events were lost. */
static bool
take_event(struct session_table *table, const struct inotify_event *event)
{
	if ((event->mask &
	        (IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) !=
	    0)
		return false;
	if (event->len == 0)
		return true;
	if ((event->mask & (IN_MOVED_TO | IN_CREATE)) != 0)
		take_record(table, event->name);
	else
		drop_record(table, event->name);
	return true;
}

void
session_table_refresh(struct session_table *table)
{
	_Alignas(struct inotify_event) char buf[4096];
	const char *at;
	ssize_t len;
	bool complete = true;

	if (table->inotify_fd < 0)
		return;
	while ((len = read(table->inotify_fd, buf, sizeof(buf))) > 0)
		for (at = buf; at < buf + len;) {
			const struct inotify_event *event = (const void *)at;

			complete &= take_event(table, event);
			at += sizeof(*event) + event->len;
		}
	if (!complete)
		session_table_rescan(table);
}

static int
on_inotify(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source, (void)fd, (void)revents;
	session_table_refresh(arg);
	return 0;
}

static bool
is_same_folder(int a, int b)
{
	struct stat x, y;

	return a >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The folder may not be there yet, or be another than before. */
static int
open_folder(struct session_table *table)
{
	AUTO_FD int fd = open(table->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (is_same_folder(table->dir_fd, fd))
		return 0;
	if (table->watch >= 0)
		inotify_rm_watch(table->inotify_fd, table->watch);
	table->watch = inotify_add_watch(table->inotify_fd, table->path,
	    INOTIFY_MASK);
	if (table->watch < 0)
		return -errno;
	if (table->dir_fd >= 0)
		close(table->dir_fd);
	table->dir_fd = TAKE_FD(fd);
	return 0;
}

struct scan {
	struct session_table *table;
	uint32_t broken;
};

static int
scan_name(const char *name, void *arg)
{
	struct scan *scan = arg;
	struct session session;
	int r;

	if (is_known(scan->table, name))
		return 0;
	r = session_read(scan->table->dir_fd, name, &session);
	if (r == 0)
		return add(scan->table, &session);
	scan->broken += r != ENS_E_NOTFOUND;
	return 0;
}

int
session_table_rescan(struct session_table *table)
{
	struct scan scan = { .table = table };
	struct session_entry *entry;
	int r;

	r = open_folder(table);
	if (r < 0)
		return r;
	LIST_FOREACH(entry, &table->all, all)
		entry->seen = false;
	r = session_each_name(table->dir_fd, 0, scan_name, &scan);
	if (r < 0)
		return r;
	LIST_FOREACH(entry, &table->all, all)
		entry->published = entry->seen;
	if (scan.broken > table->broken)
		log_warning("broken records in \"%s\": %u", table->path,
		    scan.broken);
	table->broken = scan.broken;
	return 0;
}

int
session_table_folder(const struct session_table *table)
{
	return table->dir_fd;
}

struct session_entry *
session_table_find(const struct session_table *table,
    const struct process *monitor)
{
	struct session_entry *entry = find_by_monitor(table, monitor);

	return entry != NULL && entry->published ? entry : NULL;
}

struct session_entry *
session_table_find_id(const struct session_table *table, const char *id)
{
	return find_by_id(table, id);
}

static struct session_entry *
find_of(struct session_entry *entry, uint32_t account)
{
	while (entry != NULL && entry->session.account != account)
		entry = LIST_NEXT(entry, by_account);
	return entry;
}

struct session_entry *
session_table_first_of(const struct session_table *table, uint32_t account)
{
	return find_of(LIST_FIRST(&table->by_account[account % BUCKETS]),
	    account);
}

struct session_entry *
session_table_next_of(const struct session_entry *entry)
{
	return find_of(LIST_NEXT(entry, by_account), entry->session.account);
}

struct session_entry *
session_table_first(const struct session_table *table)
{
	return LIST_FIRST(&table->all);
}

struct session_entry *
session_table_next(const struct session_entry *entry)
{
	return LIST_NEXT(entry, all);
}

size_t
session_table_count(const struct session_table *table)
{
	return table->count;
}

int
session_table_new(const char *dir, sd_event *event, struct turns *turns,
    const struct session_table_events *events, struct session_table **ret_table)
{
	struct session_table *table = calloc(1, sizeof(*table));
	int r;

	if (table == NULL)
		return -ENOMEM;
	table->watch = table->dir_fd = -1;
	table->event = event;
	table->turns = turns;
	table->events = *events;
	LIST_INIT(&table->all);
	for (size_t i = 0; i < BUCKETS; i++) {
		LIST_INIT(&table->by_monitor[i]);
		LIST_INIT(&table->by_id[i]);
		LIST_INIT(&table->by_account[i]);
	}
	table->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r = table->inotify_fd < 0 ? -errno : 0;
	table->path = strdup(dir);
	if (table->path == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = sd_event_add_io(event, &table->source, table->inotify_fd,
		    EPOLLIN, on_inotify, table);
	if (r < 0) {
		session_table_free(table);
		return r;
	}
	*ret_table = table;
	return 0;
}

void
session_table_free(struct session_table *table)
{
	struct session_entry *entry;

	if (table == NULL)
		return;
	while ((entry = LIST_FIRST(&table->all)) != NULL)
		free_entry(entry);
	sd_event_source_disable_unref(table->source);
	if (table->inotify_fd >= 0)
		close(table->inotify_fd);
	if (table->dir_fd >= 0)
		close(table->dir_fd);
	free(table->path);
	free(table);
}
