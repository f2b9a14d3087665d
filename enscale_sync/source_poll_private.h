/* What the files of the polling source share. See source_poll.c. */
#ifndef ENSCALE_SYNC_SOURCE_POLL_PRIVATE_H
#define ENSCALE_SYNC_SOURCE_POLL_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "enscale_sync/poll_queue.h"
#include "enscale_sync/source_type.h"
#include "ldap/ldap_opening.h"
#include "ldap/ldap_paged.h"
#include "ldap/ldap_search.h"

#define SECOND ((uint64_t)1000000)

enum phase {
	IDLE,
	LATEST,     /* does it have anything as late as what we have? */
	CHANGES,    /* what changed */
	LISTING,    /* what exists */
	READING,    /* of that, what differs from ours, one by one */
	EVERYTHING, /* all attributes of all entries */
	NAMING,     /* the follower's question: which entry has that name? */
};

struct poll_source {
	sd_event *event;             /* borrowed */
	const struct config *config; /* borrowed */
	struct follow *follow;       /* borrowed */
	struct status *status;       /* borrowed */
	struct ldap_connection_options options;
	struct ldap_search search;
	const char *stamps[LDAP_SEARCH_STAMPS + 1];
	uint32_t next_uri;
	char uri[LDAP_URI_MAX];
	char known_uri[LDAP_URI_MAX]; /* the server that brought us here */
	char said[LDAP_REASON_MAX];
	enum phase phase;
	bool heard;      /* something, since the timer was set */
	bool behind;     /* this server is, by its timestamps */
	bool passed_by;  /* all servers were behind, in this round */
	time_t night;    /* when everything is read again */
	bool named;      /* the question was answered, by uuid */
	uint64_t listed; /* when, by the clock of the loop; 0: never */
	uint64_t moved;  /* when the furthest CSN last changed */
	struct csn_set reached;
	struct csn_set kept; /* as the follower was told */
	uint8_t uuid[ENTRY_UUID_LEN];
	struct poll_queue queue;
	struct ldap_opening *opening; /* owned; NULL: none under way */
	sd_event_source *opened;      /* owned */
	LDAP *ld;                     /* owned; NULL: no connection */
	struct ldap_paged *paged;     /* owned; the search under way */
	struct entry_parser *parser;  /* owned */
	sd_event_source *input;       /* owned, like the next ones */
	sd_event_source *turn;
	sd_event_source *timer;
	struct ldap_paged_message message; /* large */
};

/* ---- source_poll.c: servers and connections ---------------------------- */

uint64_t poll_monotonic(const struct poll_source *source);
/* Sets the one timer. 0 or -errno, like all that follow. */
int poll_wait_for(struct poll_source *source, uint64_t time);
void poll_end_search(struct poll_source *source);
/* Gives up the server because of what it said, or of the error. */
int poll_lose_by(struct poll_source *source, int error);

/* ---- poll_round.c: what is asked, and what is answered ----------------- */

/* Gives up the server if it cannot ask. */
int poll_begin_round(struct poll_source *source);
/* An entry of the current search; its end. */
int poll_take_entry(struct poll_source *source);
int poll_take_end(struct poll_source *source);

#endif
