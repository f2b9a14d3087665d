/* The follower: what is not let in, and what follows for being in step. See
 * follow.h. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/follow_private.h"
#include "enscale_sync/log.h"
#include "enscale_sync/rights.h"
#include "ldap/ldap_time.h"

/* A version that is no more than the second of a change (modifyTimestamp) may
 * stand for two of them until both were read; and clocks differ. */
#define STAMP_SETTLED_SECONDS 300
/* Entries held for their rights that are known one by one: beyond that, one
 * that is told twice is counted twice. */
#define WIDENED_MAX 100000

/* ---- how things stand --------------------------------------------------- */

bool
follow_holds(const struct follow *follow)
{
	return state_info(follow->state)->unsettled;
}

bool
follow_is_behind(const struct follow *follow)
{
	return follow->server.behind;
}

/*
 * Is what the directory takes away taken away here? So it is where copies are
 * held back that would only give; while a server is behind there may be
 * changes that it does not know, unless it has all that we have: then it was
 * killed after its last checkpoint. Where an attribute is hidden, the next
 * suspension is hidden, too.
 */
bool
follow_is_current(const struct follow *follow)
{
	return follow->phase == FOLLOW_PROVEN && follow->held == LETS_ALL_GO &&
	    follow->widened.count == 0 &&
	    !(follow->server.behind && follow_holds(follow));
}

void
follow_say_in_step(struct follow *follow)
{
	bool in_step = follow_is_current(follow) && !follow_holds(follow);

	if (in_step && !follow->status->in_step)
		log_line(LOG_INFO, "in step with \"%s\"",
		    follow->status->source);
	status_set_in_step(follow->status, in_step);
}

/* ---- never backwards --------------------------------------------------- */

/*
 * A change that is made while a server reads for a refresh is shown by the
 * refresh, and told once more after it as it was at that time (syncprov).
 * When the server had all that we had, an older copy after the refresh is no
 * more than that; not so the answer to a question.
 */
static bool
is_told_late(const struct follow *follow)
{
	return follow->told && !is_refreshing(follow) &&
	    !follow->server.behind && follow->doubt != DOUBT_JUDGED;
}

enum age {
	OLDER,
	SAME,
	LATER
};

/* A version that is hidden, or of which only the second is shown, is no proof
 * of a change. Without one of ours anything may be later. */
static enum age
age_of(const struct entry *theirs, const struct entry *ours)
{
	const size_t second = strlen("20251122225400");
	int64_t our_stamp, their_stamp;
	bool our_second = ldap_time_of_csn(ours->csn, &our_stamp) == 0;
	bool their_second = ldap_time_of_csn(theirs->csn, &their_stamp) == 0;

	if (*ours->csn == '\0' || *theirs->csn == '\0')
		return *ours->csn == '\0' ? LATER : SAME;
	if (our_second && their_second && our_stamp == their_stamp)
		return our_stamp + STAMP_SETTLED_SECONDS < (int64_t)time(NULL)
		    ? SAME
		    : LATER;
	if (strcmp(ours->csn, theirs->csn) == 0 ||
	    ((our_second || their_second) &&
	        strncmp(ours->csn, theirs->csn, second) == 0))
		return SAME;
	return csn_is_older(theirs->csn, ours->csn) ? OLDER : LATER;
}

static int
judge_new(struct follow *follow, const struct entry *entry,
    struct verdict *verdict)
{
	bool lost = false;
	int r = 0;

	if (csn_set_has_seen(&follow->server.floor, entry->csn)) {
		verdict->kind = HOLD;
		return 0;
	}
	if (is_guarding(follow))
		r = shrink_add_new(&follow->refresh.shrink, follow->state,
		    entry, &lost);
	if (lost)
		verdict->kind = STASH;
	return r;
}

static void
judge_known(struct follow *follow, const struct entry *ours,
    const struct entry *entry, struct verdict *verdict)
{
	enum age age = age_of(entry, ours);

	if (age == OLDER) {
		verdict->kind = is_told_late(follow) ? PASS_OVER : HOLD;
		return;
	}
	/* A later copy than ours of what had been told before: that was held,
	 * and this server may not have seen the last of it. */
	verdict->told_before = age == LATER && follow->server.behind &&
	    csn_set_has_seen(&follow->server.floor, entry->csn);
	if ((age == SAME && !is_reread(follow)) || verdict->told_before)
		verdict->widened = rights_widened(ours, entry);
	if (verdict->widened != NULL)
		verdict->kind = HOLD;
	else if (is_guarding(follow) &&
	    shrink_add(&follow->refresh.shrink, ours, entry))
		verdict->kind = STASH;
}

int
follow_judge(struct follow *follow, const struct entry *entry,
    struct verdict *ret_verdict)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry ours;
	int r;

	*ret_verdict = (struct verdict){ .kind = TAKE };
	if (is_accepting(follow) ||
	    (is_refreshing(follow) && follow->refresh.first))
		return 0;
	r = state_find(follow->state, entry->uuid, &rows, &ours);
	if (r == ENS_E_NOTFOUND)
		return judge_new(follow, entry, ret_verdict);
	if (r == 0)
		judge_known(follow, &ours, entry, ret_verdict);
	return r;
}

/* Counts one; *ret_new false: it is counted already. */
static int
count_widened(struct follow *follow, const struct entry *entry,
    const char *widened, bool *ret_new)
{
	*ret_new = true;
	if (follow->widened.count == 0)
		(void)snprintf(follow->first_widened,
		    sizeof(follow->first_widened), "%s of \"%s\"", widened,
		    entry->dn);
	return follow->widened.count < WIDENED_MAX
	    ? uuid_set_add(&follow->widened, entry->uuid, ret_new)
	    : 0;
}

static const char *
held_text(const struct verdict *verdict)
{
	if (verdict->widened == NULL)
		return "it is older than what is known here";
	return verdict->told_before
	    ? "it would grant more, and the server may have a later version yet"
	    : "it would grant more, and is no later version";
}

int
follow_hold(struct follow *follow, const struct entry *entry,
    const struct verdict *verdict)
{
	const char *widened = verdict->widened, *text = held_text(verdict);
	bool is_new = true;
	int r = 0;

	if (widened != NULL)
		r = state_lessen(follow->state, entry, is_adopting(follow));
	if (r == 0 && widened != NULL && !verdict->told_before)
		r = count_widened(follow, entry, widened, &is_new);
	if (r != 0 || !is_new)
		return r;
	follow->status->held = ++follow->held_count;
	status_name_held(follow->status, entry->dn, text);
	state_set_unsettled(follow->state, true);
	if (++follow->refresh.held_lines <= SAID_LINES)
		log_line(LOG_WARNING, "held back \"%s\": %s%s%s%s", entry->dn,
		    widened != NULL ? "by " : "",
		    widened != NULL ? widened : "", widened != NULL ? " " : "",
		    text);
	return 0;
}

void
follow_forget_held(struct follow *follow)
{
	follow->held_count = 0;
	follow->widened_said = 0;
	uuid_set_free(&follow->widened);
	status_clear_held(follow->status);
}

void
follow_say_held(struct follow *follow)
{
	uint32_t count = follow->widened.count;
	char more[32] = "";

	if (count == follow->widened_said || follow->held != LETS_ALL_GO)
		return;
	follow->widened_said = count;
	if (count > 1)
		(void)snprintf(more, sizeof(more), " and %u more", count - 1);
	(void)snprintf(follow->status->held_reason,
	    sizeof(follow->status->held_reason),
	    "the directory would grant more without a change: %s%s",
	    follow->first_widened, more);
	follow->status->changed = true;
	log_line(LOG_CRIT,
	    "held back what would grant more without a change: %s%s: look at what the directory hides, then enscalectl sync accept",
	    follow->first_widened, more);
}

static bool
would_go(const struct follow *follow, const struct entry *entry)
{
	return !follow->server.behind ||
	    csn_set_has_seen(&follow->server.reached, entry->csn);
}

bool
follow_may_go(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (follow->held == LETS_NEW_GO &&
	    state_is_kept(follow->state, entry->uuid))
		return false;
	if (would_go(follow, entry))
		return true;
	follow->held_count++;
	status_name_held(follow->status, entry->dn,
	    "it is not there, but the server may not have seen it yet");
	state_set_unsettled(follow->state, true);
	return false;
}

/* Nothing goes yet: it is counted. */
static bool
count_loss(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;
	bool kept = state_is_kept(follow->state, entry->uuid), copied = false;
	struct shrink *shrink = kept ? &follow->refresh.kept
	                             : &follow->refresh.shrink;

	if (follow->error != 0 || !would_go(follow, entry))
		return false;
	if (kept)
		follow->error = shrink_add_kept(shrink, follow->state, entry);
	else
		(void)shrink_add(shrink, entry, NULL);
	if (follow->error == 0)
		follow->error = state_has_copy(follow->state, entry, &copied);
	if (copied)
		shrink_add_copy(shrink, entry);
	return false;
}

/* Nothing goes at all: it is named. */
static bool
name_loss(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (!entry->refused && would_go(follow, entry))
		status_name_held(follow->status, entry->dn,
		    "the directory would take it away");
	return false;
}

static int
name_change(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	status_name_held(follow->status, entry->dn,
	    "the directory would take it, or something of it, away");
	return 0;
}

static bool
keep(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (follow->error == 0 && would_go(follow, entry))
		follow->error = state_keep(follow->state, entry->uuid);
	return false;
}

/* Has the sweep that takes nothing away visit what a refresh left out. */
static int
visit_unnamed(struct follow *follow,
    bool (*visit)(const struct entry *entry, void *arg))
{
	uint64_t none;
	int r;

	follow->error = 0;
	r = state_sweep(follow->state, visit, follow, &none);
	return r != 0 ? r : follow->error;
}

static void
say_held(struct follow *follow, uint64_t count, const char *text)
{
	follow->held_count += count;
	state_set_unsettled(follow->state, true);
	(void)snprintf(follow->status->held_reason,
	    sizeof(follow->status->held_reason),
	    "the directory would take away %s", text);
	log_line(LOG_CRIT,
	    "held back a refresh that would take away %s: look at the directory, then enscalectl sync accept",
	    text);
}

int
follow_guard_view(struct follow *follow, enum guard *guard)
{
	uint64_t had[SHRINK_KINDS], has[SHRINK_KINDS];
	char text[SHRINK_TEXT_MAX];
	int r;

	if (state_info(follow->state)->complete || is_accepting(follow) ||
	    !publisher_waits(follow->publisher))
		return 0;
	r = publisher_count(follow->publisher, had, has);
	if (r != 0 || !shrink_is_much_less(had, has, text))
		return r;
	*guard = KEEPS_ALL;
	say_held(follow, 1, text);
	return 0;
}

static int
name_losses(struct follow *follow, bool swept)
{
	int r = state_each_stashed(follow->state, name_change, follow);

	return r == 0 && swept ? visit_unnamed(follow, name_loss) : r;
}

int
follow_guard(struct follow *follow, bool swept, enum guard *ret_guard)
{
	char text[SHRINK_TEXT_MAX], rest[SHRINK_TEXT_MAX];
	struct shrink all;
	int r = 0;

	*ret_guard = LETS_ALL_GO;
	if (!is_guarding(follow))
		return 0;
	if (swept)
		r = visit_unnamed(follow, count_loss);
	all = follow->refresh.shrink;
	shrink_merge(&all, &follow->refresh.kept);
	if (r != 0 || !shrink_is_too_much(&all, follow->state, text))
		return r;
	/* What was held before does not hold what has gone since. */
	*ret_guard = shrink_total(&follow->refresh.kept) > 0 &&
	        !shrink_is_too_much(&follow->refresh.shrink, follow->state,
	            rest)
	    ? LETS_NEW_GO
	    : KEEPS_ALL;
	if (*ret_guard == KEEPS_ALL && swept)
		r = visit_unnamed(follow, keep);
	if (r != 0)
		return r;
	say_held(follow, shrink_total(&all), text);
	return name_losses(follow, swept);
}

/* What was held is settled by the server itself, once it has caught up. */
void
follow_check_behind(struct follow *follow)
{
	if (!follow->server.behind ||
	    !csn_set_covers(&follow->server.reached, follow_seen(follow)))
		return;
	follow->server.behind = false;
	if (!state_info(follow->state)->unsettled)
		return;
	log_line(LOG_NOTICE,
	    "the server has caught up: refreshing in full to settle what was held back");
	follow_wish_for(follow, WISH_ALL);
}

int
follow_accept(struct follow *follow)
{
	int r;

	if (!state_info(follow->state)->unsettled)
		return ENS_E_NOTFOUND;
	r = follow_write(follow);
	if (r != 0)
		return r;
	state_forget_seen(follow->state);
	follow_wish_for(follow, WISH_ACCEPTED);
	return 0;
}
