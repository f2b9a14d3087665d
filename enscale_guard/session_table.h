/*
 * The sessions that are open now: the registry's records (written by
 * pam_enscale), kept in memory by means of inotify and by reading the folder
 * again from time to time, each with a watch on its monitor process.
 *
 * The record of a monitor that was killed, while a guard was running or not, is
 * not a session: it is reported, and stays until what is left of it has been
 * dealt with (left_over.h).
 */
#ifndef ENSCALE_GUARD_SESSION_TABLE_H
#define ENSCALE_GUARD_SESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <systemd/sd-event.h>

#include "common/protocol/session_registry.h"
#include "enscale_guard/process.h"
#include "enscale_guard/turns.h"

struct guard;
struct live_hop;
struct shell;

struct session_entry {
	struct session session;
	bool published; /* its record is in the registry */
	bool ending;    /* it was told to end: it gets nothing new */
	/* Processes that belong to it and would be left if its monitor ended:
	 * those between the monitor and a peer, and the ssh of its hops. */
	struct process_list members;
	LIST_HEAD(, shell) shells;  /* connections to guard.sock */
	LIST_HEAD(, live_hop) hops; /* live_hop.c; gone before the entry */
	/* judge.c: whether policy ever allowed the session's node, and where
	 * the node was at first; no port: not seen. */
	bool was_allowed;
	char node_address[ADDRESS_TEXT_MAX + 1];
	uint16_t node_port;
	struct task judging; /* dropped with the entry */
	struct guard *guard; /* whose task that is, borrowed */
	bool is_round;       /* it is the one of every ten seconds */

	/* The table's own. */
	struct session_table *table;
	sd_event_source *monitor;
	struct task over;
	bool seen;
	LIST_ENTRY(session_entry) all, by_monitor, by_id, by_account;
};

struct session_table_events {
	/* A session has appeared. */
	void (*appeared)(struct session_entry *entry, void *arg);
	/* Its monitor has ended, in whatever way; called in a turn of the
	 * guard's, and the entry is freed afterwards. Its record still exists
	 * if "published" is set. */
	void (*over)(struct session_entry *entry, void *arg);
	/* There is a record whose monitor has ended. Called each time it is
	 * read. */
	void (*dead)(const struct session *session, void *arg);
	void *arg;
};

struct session_table;

/* dir need not exist yet; event and turns are borrowed. 0 or -errno. */
int session_table_new(const char *dir, sd_event *event, struct turns *turns,
    const struct session_table_events *events,
    struct session_table **ret_table);
void session_table_free(struct session_table *table);

/* Reads what inotify has reported by now: PAM publishes before the shell
 * starts, so a shell's record is in the table after this. */
void session_table_refresh(struct session_table *table);
/* Reads the folder again, and of the records those that it does not know. 0 or
 * -errno (ENOENT: it is missing). */
int session_table_rescan(struct session_table *table);
/* The folder, borrowed until the next rescan; -1: there is none. */
int session_table_folder(const struct session_table *table);

/* The published session of this monitor, or NULL. */
struct session_entry *session_table_find(const struct session_table *table,
    const struct process *monitor);
/* The session of that id, published or not, or NULL. */
struct session_entry *session_table_find_id(const struct session_table *table,
    const char *id);
/* Those of one account. */
struct session_entry *session_table_first_of(const struct session_table *table,
    uint32_t account);
struct session_entry *session_table_next_of(const struct session_entry *entry);
struct session_entry *session_table_first(const struct session_table *table);
struct session_entry *session_table_next(const struct session_entry *entry);
size_t session_table_count(const struct session_table *table);

#endif
