/*
 * What the files of the follower share: follow.c (phases, what is wanted),
 * follow_messages.c (what a server tells), follow_names.c (what it is asked),
 * follow_take.c (an entry, by the verdict of follow_judge.c), follow_hold.c
 * (what is not let in), follow_done.c (what is complete), follow_guard.c (what
 * a refresh may take away), follow_compare.c, follow_write.c, follow_publish.c.
 *
 * What happens in which phase; an error means that a source is out of turn:
 *
 *                   IDLE      REFRESH              UNPROVEN     PROVEN
 *   begin           REFRESH   begun anew [1]       REFRESH      REFRESH
 *   entry           error     marked, judged       judged       judged
 *   present         error     marked               -            -
 *   gone            error     deleted              deleted      deleted
 *   done            error     UNPROVEN, PROVEN [2] error        error
 *   settle          counts    -                    counts       counts
 *   alive           -         -                    -            view is younger
 *   compare_begin   error     error                compares     compares
 *   compare_end     -         -                    PROVEN [3]   PROVEN [3]
 *   a wish          kept      for the next one     kept         kept
 *   lost            -         IDLE [1]             IDLE         IDLE
 *
 * [1] A refresh takes the wish with it, and gives it back when it breaks; what
 *     is held back is a wish, too, once the connection is lost.
 * [2] PROVEN after one in full that was swept, and where it was PROVEN before.
 *     What the guard said decides what goes, and stays until the next one.
 * [3] If all came to be the same; too much that is not is a wish.
 */
#ifndef ENSCALE_SYNC_FOLLOW_PRIVATE_H
#define ENSCALE_SYNC_FOLLOW_PRIVATE_H

#include <string.h>

#include "common/base/host_address.h"
#include "common/config/config.h"
#include "enscale_sync/comparison.h"
#include "enscale_sync/follow.h"
#include "enscale_sync/follow_judge.h"
#include "enscale_sync/orphans.h"
#include "enscale_sync/shrink.h"
#include "enscale_sync/uuid_set.h"

/* The most log lines about entries in one refresh; as many again about those
 * that are held back. */
#define SAID_LINES 100

/* Entries in one comparison that the server no longer has. */
#define GONE_MAX 1000

/* What does the server do? follow_enter() alone moves it. */
enum follow_phase {
	FOLLOW_IDLE,    /* there is none; what is here stays in use, and ages */
	FOLLOW_REFRESH, /* it reports what it has: nothing of that is final */
	FOLLOW_UNPROVEN, /* it reports changes; what is here may differ from it */
	FOLLOW_PROVEN,   /* the same; all was found there, or is held */
};

/* What the next refresh must be; of several wishes the strongest stays. */
enum follow_wish {
	WISH_NONE,
	WISH_ALL,      /* a full one, of what is there from now on */
	WISH_ACCEPTED, /* and an administrator accepts whatever it says */
};

/* What a refresh may take away of what it would. */
enum guard {
	LETS_ALL_GO,
	LETS_NEW_GO, /* not what is kept since a refresh before */
	KEEPS_ALL,
};

/* The progress with the entry that a comparison asks about. */
enum follow_doubt {
	DOUBT_NONE,
	DOUBT_ASKED,
	DOUBT_OVERTAKEN, /* asked, and told meanwhile */
	DOUBT_JUDGED,    /* by the answer, now */
};

/* What follow_begin() decides about a refresh, and its results. */
struct refresh {
	enum follow_wish wish;      /* that it meets */
	bool full;                  /* without a cookie */
	bool first;                 /* of an empty state: nothing can go */
	bool guarded;               /* it may take away too much */
	bool was_proven;            /* all that was here before it */
	struct shrink shrink, kept; /* what goes now, what is kept already */
	uint64_t received;          /* entries */
	int64_t began, said;        /* it, and how it goes on */
	uint32_t said_lines, held_lines;
};

/* What is known of the server, from follow_begin() until it is lost. */
struct follow_server {
	bool behind;            /* it has not seen all that we have */
	struct csn_set floor;   /* how far we were before it */
	struct csn_set reached; /* how far it is, as far as it said */
	char cookie[COOKIE_LEN_MAX];
	size_t cookie_len; /* 0: no news */
};

struct follow {
	struct state *state;              /* borrowed */
	struct publisher *publisher;      /* borrowed */
	struct status *status;            /* borrowed */
	const char *state_dir;            /* borrowed */
	struct orphans orphans;           /* to ask the server about */
	uint8_t digest[STATE_DIGEST_LEN]; /* of source, filter, rules */
	enum follow_phase phase;
	enum follow_wish wish;       /* of the next refresh */
	struct refresh refresh;      /* under way, or the last one */
	struct follow_server server; /* until it is lost */
	enum guard held; /* by the last refresh: it would take too much away */
	bool told;       /* the source tells every change, in order */
	int error;       /* of counting what goes */
	struct comparison *comparison; /* owned; NULL: none under way */
	enum follow_doubt doubt;
	uint64_t differences;
	/* What no longer exists, until it is clear that it is not much: a
	 * server reports most of it right after, but later than when asked. */
	uint8_t gone[GONE_MAX][ENTRY_UUID_LEN];
	uint32_t gone_count;
	const char *too_different; /* static: why; NULL: it is not */
	int publish_error;         /* of the last try: said once */
	char error_text[CONFIG_PATH_MAX + 128];
	uint64_t held_count;
	/* Of them: more rights without a change. */
	struct uuid_set widened;
	char first_widened[STATUS_ERROR_MAX / 2]; /* by what, and where */
	uint32_t widened_said;
	uint32_t batch;
	struct host_addresses *own; /* owned; NULL: not known */
};

/* ---- what follows from all that ---------------------------------------- */

static inline bool
is_refreshing(const struct follow *follow)
{
	return follow->phase == FOLLOW_REFRESH;
}

/* What it names must be distinguished from the rest. */
static inline bool
is_marking(const struct follow *follow)
{
	return is_refreshing(follow) && !follow->refresh.first;
}

/* Names are of one age: children find their parents. */
static inline bool
is_adopting(const struct follow *follow)
{
	return !is_refreshing(follow) || follow->refresh.first;
}

static inline bool
is_guarding(const struct follow *follow)
{
	return is_refreshing(follow) && follow->refresh.guarded;
}

/* What the server says counts, whatever it is. */
static inline bool
is_accepting(const struct follow *follow)
{
	return is_refreshing(follow) && follow->refresh.wish == WISH_ACCEPTED;
}

/* Source, filter or rules are others than those of what is here. */
static inline bool
is_reread(const struct follow *follow)
{
	return memcmp(state_info(follow->state)->digest, follow->digest,
	           STATE_DIGEST_LEN) != 0;
}

/* ---- follow.c ---------------------------------------------------------- */

/* Moves to another phase, and says what follows from it. */
void follow_enter(struct follow *follow, enum follow_phase phase);
/* Asks for no less than that of the next refresh. */
void follow_wish_for(struct follow *follow, enum follow_wish wish);
/* Is what the directory takes away taken away here? */
bool follow_is_current(const struct follow *follow);
void follow_say_in_step(struct follow *follow);

/* ---- follow_write.c ---------------------------------------------------- */

/* Begins a transaction, if none is under way. */
int follow_write(struct follow *follow);
/* Ends it. final: how far the server is counts, with all that it told. */
int follow_commit(struct follow *follow, bool final);

/* ---- follow_take.c ----------------------------------------------------- */

/* What this host has for addresses: of one refresh, or of one entry. */
void follow_learn_addresses(struct follow *follow);
/* What is compared at this moment was told by the way. */
void follow_touch(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN]);
/* Files an entry, or holds it back; in a transaction. */
int follow_take(struct follow *follow, const struct entry *entry);

/* ---- follow_names.c ---------------------------------------------------- */

/* A child of nobody we know, in a time when all names are of one age: the
 * server is asked who has the name above it. */
int follow_ask_about(struct follow *follow, const struct entry *entry);
int follow_ask_about_orphan(const uint8_t uuid[ENTRY_UUID_LEN], void *follow);

/* ---- follow_hold.c ----------------------------------------------------- */

/* What a copy takes away counts, though it is held for what it grants. */
int follow_hold(struct follow *follow, const struct entry *entry,
    const struct verdict *verdict);
/* What is held back is found out anew. */
void follow_forget_held(struct follow *follow);
/* Says what is held for its rights, once for as long as it is not more. */
void follow_say_held(struct follow *follow);
/* Has a server that was behind caught up? */
void follow_check_behind(struct follow *follow);

/* ---- follow_guard.c ---------------------------------------------------- */

/* Of entries that a complete refresh did not name: what the server has not
 * seen yet stays. */
bool follow_may_go(const struct entry *entry, void *follow);
/* Would the refresh that is complete now take away too much? Then it is held,
 * and said, and what it would take away is kept. */
int follow_guard(struct follow *follow, bool swept, enum guard *ret_guard);
/* The same of the first refresh of a state that was begun anew, by what the
 * view has: it becomes no source then, and *guard is KEEPS_ALL. */
int follow_guard_view(struct follow *follow, enum guard *guard);

/* ---- follow_compare.c -------------------------------------------------- */

/* Without an end: nothing follows from it. */
void follow_drop_comparison(struct follow *follow);

#endif
