/*
 * What the follower says about itself: the file metrics/sync.json below
 * run_dir, one JSON object, replaced as a whole (0644, readers take no lock).
 * Times are seconds since the epoch, 0 for never.
 *
 * {"version":1,
 *  "pid":4711,
 *  "time":1763850000,		when this was written; every 5 s at least
 *  "connection":"following",	"waiting" (for the next try), "refreshing",
 *				"following"
 *  "source":"ldapi:///",	the URI in use, or tried last
 *  "method":"sync",		"sync" (RFC 4533), "poll", "file"
 *  "ready":true,		view and map agree, and the state unless it waits
 *  "waits":false,		the view serves on, and does not change, until a
 *				refresh is complete: it is newer than the state
 *  "in_step":true,		and with the directory, as far as is known
 *  "in_step_since":1763840000,	when it became true; 0 while it is not
 *  "as_of":1763849990,		what the view says of its own age
 *  "generation":42,		of the published view
 *  "entries":{"account":4,"key":5,"environment":3,"node":4},
 *				that count, duplicates included
 *  "key_values":3,		keys that are values of accounts
 *  "refused":1,		entries refused, whole or in part
 *  "warnings":0,		entries that count, of which something is said
 *  "orphans":0,		keys and nodes whose parent is not there
 *  "held":0,			what is not let in: enscalectl sync accept
 *  "held_reason":"",		in words, where it is not that it is older
 *  "left_out":0,		keys, nodes and environments that are over a
 *				limit, at present
 *  "refused_entries":[{"dn":"...","reason":"..."}],	100 at most, a reason
 *				each: an entry may be there several times
 *  "warned_entries":[{"dn":"...","reason":"..."}],	likewise
 *  "left_out_entries":[{"dn":"...","reason":"..."}],	likewise: who has more
 *				than a limit
 *  "orphan_entries":[{"dn":"...","reason":"..."}],	likewise
 *  "held_entries":[{"dn":"...","reason":"..."}],	likewise; none after a
 *				restart, until all was asked anew
 *  "received":12,		entries of the present or last refresh
 *  "receive_rate":12,		a second
 *  "comparing":false,		an entry by entry comparison is under way
 *  "compared":1763840000,	when the last one came to its end
 *  "differences":0,		found by comparisons since the start
 *  "refreshes":1,		completed since the start
 *  "changes":12,		entries that came or went since the start
 *  "publications":13,
 *  "connections":1,		opened since the start
 *  "last_error":"connection: Can't contact LDAP server",
 *  "last_error_time":1763839000}
 */
#ifndef ENSCALE_SYNC_STATUS_H
#define ENSCALE_SYNC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/state.h"

#define STATUS_FILE       "metrics/sync.json" /* below run_dir */
#define STATUS_LINES_MAX  100                 /* refused, and warnings */
#define STATUS_ERROR_MAX  1024
#define STATUS_SOURCE_MAX 1024

enum status_connection {
	STATUS_WAITING,
	STATUS_REFRESHING,
	STATUS_FOLLOWING,
};

struct status_line {
	char *dn;           /* owned */
	const char *reason; /* static */
};

/* What the parts of the follower record as it happens. */
struct status {
	enum status_connection connection;
	char source[STATUS_SOURCE_MAX];
	const char *method; /* static; NULL before there is a source */
	bool ready;
	bool waits;
	bool in_step;
	int64_t in_step_since;
	int64_t as_of;
	uint64_t generation;
	uint64_t held;
	struct status_line held_lines[STATUS_LINES_MAX]; /* the first of them */
	uint32_t held_line_count;
	char held_reason[STATUS_ERROR_MAX];
	uint64_t received, receive_rate;
	bool comparing;
	int64_t compared;
	uint64_t differences;
	uint64_t refreshes, changes, publications, connections;
	char last_error[STATUS_ERROR_MAX];
	int64_t last_error_time;
	bool changed; /* since it was written */
};

/* Sets in_step, and since when. */
void status_set_in_step(struct status *status, bool in_step);
void status_set_error(struct status *status, const char *text);
/* Adds an entry that is held back, once, as long as there is room. */
void status_name_held(struct status *status, const char *dn,
    const char *reason);
/* Forgets them. */
void status_clear_held(struct status *status);

/* Writes the file; entries and refusals are read from the state, within the
 * current transaction if there is one. 0 or -errno. */
int status_write(struct status *status, struct state *state, const char *path);

#endif
