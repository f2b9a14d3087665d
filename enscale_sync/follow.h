/*
 * From messages to state: what a source receives becomes transactions of the
 * state, and then publications. Its phases are in a picture in enscale-sync(8),
 * and in a table in follow_private.h. Its rules:
 *
 * - A refresh counts when it is complete: until then nothing that it left
 *   out is taken away, no cookie is kept, and nothing of it is published.
 * - Never backwards: a copy that is older than ours, or of an entry that is
 *   not here although all up to its version had been told us before this
 * connection (so we saw it deleted), is held back, whoever sends it; and what a
 * server that is behind does not have yet stays. What is held is settled by a
 * full refresh in which nothing is held, or by an administrator.
 * - Nor more rights without a change: a copy of the same version that grants
 * more (rights.h) shows that something is hidden, or was: it is held back. So
 * is one from a server that is behind, if a later one may be held already.
 * - A refresh that would take away too much (shrink.h) does not: what is there
 * stays until a refresh takes away less, or an administrator accepts. What a
 * copy that was loaded meanwhile loses, it loses too (state_lessen.c).
 * - What restricts an entry does not wait for the rest of it that is held.
 * - A state that is older than its view (publish.h) asks for everything, and
 *   is published again when all of it counts.
 * - Only what was compared with the directory is in step with it: by a full
 * refresh, or entry by entry (comparison.h).
 * - Another source, filter or set of rules means a full refresh, while what we
 * have stays in use.
 *
 * Any error except those of publishing means that the connection must be
 * dropped: follow_lost() undoes what was not committed. -EPROTO is for a source
 * that is out of turn.
 */
#ifndef ENSCALE_SYNC_FOLLOW_H
#define ENSCALE_SYNC_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "enscale_sync/publish.h"
#include "enscale_sync/state.h"
#include "enscale_sync/status.h"

struct follow;

/* Everything is borrowed. */
int follow_new(const struct config *config, struct state *state,
    struct publisher *publisher, struct status *status,
    struct follow **ret_follow);
void follow_free(struct follow *follow);

/* ---- asked by the source before it begins ------------------------------ */

/* The cookie to show; empty: everything is wanted. */
struct berval follow_cookie(const struct follow *follow);
/* The furthest that any server has brought us; empty when unknown. */
const struct csn_set *follow_seen(const struct follow *follow);
/* The next refresh, not one in progress, must be a full one. The source may
 * have to be poked. */
void follow_want_all(struct follow *follow);
/* Is another connection wanted, for a full refresh? */
bool follow_wants_refresh(const struct follow *follow);
/* Does a server report changes, after a complete refresh? */
bool follow_is_following(const struct follow *follow);
/* Is something held back? */
bool follow_holds(const struct follow *follow);
/* Does an administrator accept what this or the next full refresh says? */
bool follow_is_lenient(const struct follow *follow);
/* Is the server behind, according to what others have reported? */
bool follow_is_behind(const struct follow *follow);
/* Do we have this version of this entry? */
bool follow_has(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    const char *csn);

/* The name of an entry that is known here. 0, ENS_E_NOTFOUND, or another
 * error. */
int follow_find_name(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    char ret_dn[ENTRY_DN_MAX + 1]);

/* Words for an error of ours: where it is, and what helps when nothing can be
 * written here. They are valid until the next call. */
const char *follow_error_text(struct follow *follow, int error);

/* ---- told by the source ------------------------------------------------ */

/* A refresh begins, or the present one begins again. full: without a cookie;
 * behind: by a server that has not seen all that we have. */
int follow_begin(struct follow *follow, bool full, bool behind);
int follow_entry(struct follow *follow, const struct entry *entry);
/* Do we have exactly this name and CSN? Without a CSN that is unknown. 0 if so,
 * ENS_E_NOTFOUND if not, or another error. */
int follow_compare(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    struct berval dn, const char *csn);
int follow_present(struct follow *follow,
    const uint8_t (*uuids)[ENTRY_UUID_LEN], uint32_t count);
int follow_gone(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t count);
/* How far the server is; an empty one means no change. */
int follow_reached(struct follow *follow, struct berval cookie);
/* The refresh is complete; swept: what it did not name is gone. */
int follow_done(struct follow *follow, bool swept);
/*
 * The name of an entry whose UUID is wanted, NULL when there is none; ask when
 * everything is read. Meanwhile publishing waits, for a moment. The answer:
 * NULL when no entry has the name.
 */
const char *follow_question(const struct follow *follow);
int follow_answer(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN]);
/* Nothing more to read at the moment: commit and publish. */
int follow_settle(struct follow *follow);
/* The server has answered: what we have is as new as when it was asked (seconds
 * since the epoch). The answer may have waited behind what was read ahead. */
void follow_alive(struct follow *follow, int64_t asked);
/* The connection is gone, with what was not committed. */
void follow_lost(struct follow *follow, const char *reason);

/* ---- told by who compares ---------------------------------------------- */

/* After a refresh that proved nothing. */
bool follow_wants_comparison(const struct follow *follow);
/* The server begins to list what it has; it has all changes up to context. */
int follow_compare_begin(struct follow *follow, const struct csn_set *context);
int follow_compare_entry(struct follow *follow, const struct entry *entry);
/* The list is complete. -EAGAIN: call it again in another turn. */
int follow_compare_listed(struct follow *follow);
/*
 * The entry to read now, NULL when that was all. can_ask: the server finds an
 * entry by its UUID; otherwise a full refresh settles what differs.
 */
const uint8_t *follow_compare_question(struct follow *follow, bool can_ask);
/* NULL: no such entry. */
int follow_compare_answer(struct follow *follow, const struct entry *entry);
/* reason NULL: it is complete; otherwise it did not reach its end. */
int follow_compare_end(struct follow *follow, const char *reason);

/* ---- told by the main loop --------------------------------------------- */

/*
 * An administrator accepts what is held back: the next refresh is a full one in
 * which what the server says counts; one in progress goes on as it began. The
 * caller must poke the source. 0; ENS_E_NOTFOUND when nothing is held back.
 */
int follow_accept(struct follow *follow);

/* Publishes what could not be published before; also at the start. */
void follow_publish(struct follow *follow);

#endif
