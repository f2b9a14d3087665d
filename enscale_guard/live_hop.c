/* Keeping track of what runs. It signals nothing; ending.c does. */
#include <config.h>

#include "enscale_guard/live_hop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "enscale_guard/log.h"

#define NAME_SIZE 64 /* 16 + 9 + 10 + 20 characters and three dots */

/* ---- files ---------------------------------------------------------------- */

static void
format_name(const struct session *session, const struct live_hop *hop,
    char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s.%" PRIu32 ".%d.%" PRIu64, session->id,
	    hop->node, (int)hop->ssh.pid, hop->ssh.start);
}

/* Splits a name in place. 0 or ENS_E_SYNTAX. */
static int
parse_name(char *name, const char **ret_session, struct live_hop *ret_hop)
{
	const char *session = strsep(&name, ".");
	const char *node = strsep(&name, ".");
	const char *pid = strsep(&name, ".");
	struct live_hop hop = { 0 };
	uint32_t number;

	if (name == NULL || !session_id_is_valid(session) ||
	    parse_u32(node, NODE_ID_MAX, &hop.node) != 0 ||
	    parse_u32(pid, INT32_MAX, &number) != 0 ||
	    parse_u64(name, UINT64_MAX, &hop.ssh.start) != 0)
		return ENS_E_SYNTAX;
	hop.ssh.pid = (pid_t)number;
	*ret_session = session;
	*ret_hop = hop;
	return 0;
}

static void
remove_file(struct guard *guard, const struct session *session,
    const struct live_hop *hop)
{
	char name[NAME_SIZE];

	format_name(session, hop, name);
	unlinkat(guard->hops_fd, name, 0);
}

static int
make_file(struct guard *guard, const struct session *session,
    const struct live_hop *hop)
{
	char name[NAME_SIZE];
	AUTO_FD int fd = -1;

	format_name(session, hop, name);
	fd = openat(guard->hops_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : 0;
}

/* Calls visit for every file; a name that is none of ours is removed. */
static void
each_file(struct guard *guard,
    void (*visit)(struct guard *, const char *session,
        const struct live_hop *hop, const char *name, void *arg),
    void *arg)
{
	char name[NAME_SIZE];
	const struct dirent *entry;
	const char *session;
	struct live_hop hop;
	DIR *dir;
	int fd = openat(guard->hops_fd, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    strlen(entry->d_name) >= sizeof(name))
			continue;
		memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
		if (parse_name(name, &session, &hop) == 0)
			visit(guard, session, &hop, entry->d_name, arg);
		else
			unlinkat(guard->hops_fd, entry->d_name, 0);
	}
	closedir(dir);
}

/* ---- those of an earlier guard --------------------------------------------- */

struct earlier {
	char session[SESSION_ID_LEN + 1];
	struct live_hop hop;
};

/* Sorted by session, so that each takes its own and no folder is read again. */
struct earlier_hops {
	struct earlier *items; /* owned */
	size_t count, size;
};

static int
by_session(const void *a, const void *b)
{
	const struct earlier *x = a, *y = b;

	return strcmp(x->session, y->session);
}

static void
load_file(struct guard *guard, const char *session, const struct live_hop *hop,
    const char *name, void *arg)
{
	struct earlier_hops *all = arg;

	(void)guard, (void)name;
	if (all->count == all->size) {
		const size_t size = all->size > 0 ? 2 * all->size : 64;
		struct earlier *items = reallocarray(all->items, size,
		    sizeof(*items));

		if (items == NULL) {
			log_error("no memory to note a hop");
			return;
		}
		all->items = items;
		all->size = size;
	}
	all->items[all->count].hop = *hop;
	memcpy(all->items[all->count++].session, session, SESSION_ID_LEN + 1);
}

static int
load_earlier(struct guard *guard)
{
	struct earlier_hops *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	guard->earlier_hops = all;
	each_file(guard, load_file, all);
	if (all->count > 0)
		qsort(all->items, all->count, sizeof(all->items[0]),
		    by_session);
	return 0;
}

int
live_hop_open(struct guard *guard)
{
	if (mkdir(guard->hops_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	guard->hops_fd = open(guard->hops_dir,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return guard->hops_fd < 0 ? -errno : load_earlier(guard);
}

void
live_hop_close(struct guard *guard)
{
	if (guard->hops_fd >= 0)
		close(guard->hops_fd);
	guard->hops_fd = -1;
	if (guard->earlier_hops != NULL)
		free(guard->earlier_hops->items);
	free(guard->earlier_hops);
	guard->earlier_hops = NULL;
}

static void
tidy_file(struct guard *guard, const char *session, const struct live_hop *hop,
    const char *name, void *arg)
{
	(void)session, (void)arg;
	if (!process_is_alive(&hop->ssh))
		unlinkat(guard->hops_fd, name, 0);
}

void
live_hop_tidy(struct guard *guard)
{
	each_file(guard, tidy_file, NULL);
}

/* ---- hops ------------------------------------------------------------------- */

static struct live_hop *
insert(struct session_entry *entry, const struct live_hop *prototype)
{
	struct live_hop *hop = malloc(sizeof(*hop));

	if (hop == NULL)
		return NULL;
	*hop = *prototype;
	LIST_INSERT_HEAD(&entry->hops, hop, of_session);
	return hop;
}

static int64_t
seconds_of(const struct live_hop *hop)
{
	const uint64_t now = peer_ticks(), begun = hop->ssh.start;

	return now > begun ? (int64_t)(now - begun) / sysconf(_SC_CLK_TCK) : 0;
}

static void
end_hop(struct guard *guard, struct session_entry *entry, struct live_hop *hop)
{
	const int64_t seconds = seconds_of(hop);

	audit_event(guard->audit, AUDIT_EVENT_HOP_ENDED, &entry->session,
	    &(struct audit_fields){ .node = hop->node,
	        .seconds = seconds,
	        .exit = (int64_t)hop->ended - 1 });
	visits_end(guard->visits, &entry->session, hop->owner, &hop->ssh,
	    seconds, hop->ended);
	remove_file(guard, &entry->session, hop);
	LIST_REMOVE(hop, of_session);
	free(hop);
}

static const char *
text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

int
live_hop_add(struct guard *guard, struct shell *shell,
    const struct process *ssh)
{
	struct session_entry *entry = shell->entry;
	const struct node_place place = node_place_find(guard->view,
	    shell->hop.node, 0);
	const struct live_hop prototype = {
		.node = shell->hop.node,
		.ssh = *ssh,
		.shell = shell,
		.owner = place.owner,
	};
	const struct hop_what *what = &shell->hop.what;
	int r;

	/* A hop that could not be ended later is not begun. */
	r = process_list_add(&entry->members, ssh);
	if (r == 0)
		r = make_file(guard, &entry->session, &prototype);
	if (r == 0 && insert(entry, &prototype) == NULL) {
		remove_file(guard, &entry->session, &prototype);
		r = -ENOMEM;
	}
	if (r < 0)
		return r;
	audit_event(guard->audit, AUDIT_EVENT_HOP_STARTED, &entry->session,
	    &(struct audit_fields){ .node = prototype.node,
	        .terminal = what->terminal,
	        .subsystem = text_or_null(what->subsystem),
	        .command = text_or_null(what->command) });
	visits_begin(guard->visits, &entry->session, prototype.node, &place,
	    what, ssh);
	return 0;
}

/* It belongs to whoever owns the environment now. */
static void
take_in(const struct guard *guard, struct session_entry *entry,
    const struct live_hop *earlier)
{
	struct live_hop hop = *earlier;

	if (!process_is_alive(&hop.ssh))
		return;
	hop.owner = node_place_find(guard->view, hop.node, 0).owner;
	if (process_list_add(&entry->members, &hop.ssh) < 0 ||
	    insert(entry, &hop) == NULL)
		log_about(OF_SESSION(&entry->session), LOG_ERR,
		    "no memory to note a hop");
}

void
live_hop_take_in(struct guard *guard, struct session_entry *entry)
{
	const struct earlier_hops *all = guard->earlier_hops;
	const struct earlier *at, *end = all->items + all->count;
	struct earlier key = { .hop.node = 0 };

	if (all->count == 0)
		return;
	memcpy(key.session, entry->session.id, sizeof(key.session));
	at = bsearch(&key, all->items, all->count, sizeof(key), by_session);
	while (at != NULL && at > all->items && by_session(at - 1, &key) == 0)
		at--;
	for (; at != NULL && at < end && by_session(at, &key) == 0; at++)
		take_in(guard, entry, &at->hop);
}

void
live_hop_release(struct guard *guard, struct shell *shell)
{
	struct live_hop *hop, *next;

	if (shell->entry == NULL)
		return;
	for (hop = LIST_FIRST(&shell->entry->hops); hop != NULL; hop = next) {
		next = LIST_NEXT(hop, of_session);
		if (hop->shell != shell)
			continue;
		hop->shell = NULL;
		hop->ended = shell->hop.ended;
		if (!process_is_alive(&hop->ssh))
			end_hop(guard, shell->entry, hop);
	}
}

void
live_hop_prune(struct guard *guard, struct session_entry *entry)
{
	struct live_hop *hop, *next;

	for (hop = LIST_FIRST(&entry->hops); hop != NULL; hop = next) {
		next = LIST_NEXT(hop, of_session);
		if (!process_is_alive(&hop->ssh))
			end_hop(guard, entry, hop);
	}
}

void
live_hop_clear(struct guard *guard, struct session_entry *entry)
{
	struct live_hop *hop;

	while ((hop = LIST_FIRST(&entry->hops)) != NULL)
		end_hop(guard, entry, hop);
}
