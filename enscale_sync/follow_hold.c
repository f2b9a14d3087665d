/* The follower: what is not let in, and what follows for being in step. See
 * follow.h. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"
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
follow_is_lenient(const struct follow *follow)
{
	return follow->lenient;
}

bool
follow_is_behind(const struct follow *follow)
{
	return follow->behind;
}

static bool
is_following(const struct follow *follow)
{
	return follow->status->connection == STATUS_FOLLOWING;
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
	return is_following(follow) && follow->compared && !follow->shrunk &&
	    follow->widened.count == 0 && !follow->lags &&
	    !(follow->behind && follow_holds(follow));
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

const char *
follow_error_text(struct follow *follow, int error)
{
	const char *hint = "";

	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		hint = "; it goes on by itself when there is room";
		break;
	case -EIO:
	case -EROFS:
		break;
	default:
		return error_text(error);
	}
	(void)snprintf(follow->error_text, sizeof(follow->error_text),
	    "cannot write below \"%s\": %s%s", follow->state_dir,
	    error_text(error), hint);
	return follow->error_text;
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
	return follow->told && !follow->refreshing && !follow->behind &&
	    !follow->settling;
}

enum age { OLDER, SAME, LATER };

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

	if (csn_set_has_seen(&follow->floor, entry->csn)) {
		verdict->kind = HOLD;
		return 0;
	}
	if (follow->guarding)
		r = shrink_add_new(&follow->shrink, follow->state, entry,
		    &lost);
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
	if (age == SAME && !follow->reread)
		verdict->widened = rights_widened(ours, entry);
	if (verdict->widened != NULL)
		verdict->kind = HOLD;
	else if (follow->guarding && shrink_add(&follow->shrink, ours, entry))
		verdict->kind = STASH;
}

int
follow_judge(struct follow *follow, const struct entry *entry,
    struct verdict *ret_verdict)
{
	struct entry_rows rows AUTO(entry_rows_free) = { 0 };
	struct entry ours;
	int r;

	*ret_verdict = (struct verdict){ TAKE, NULL };
	if (follow->lenient || (!follow->marking && follow->refreshing))
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

int
follow_hold(struct follow *follow, const struct entry *entry,
    const char *widened)
{
	bool is_new = true;
	int r = 0;

	if (widened != NULL)
		r = count_widened(follow, entry, widened, &is_new);
	if (r != 0 || !is_new)
		return r;
	follow->status->held = ++follow->held;
	state_set_unsettled(follow->state, true);
	if (++follow->held_lines > REFUSED_LINES)
		return 0;
	if (widened == NULL)
		log_line(LOG_WARNING,
		    "held back \"%s\": it is older than what is known here",
		    entry->dn);
	else
		log_line(LOG_WARNING,
		    "held back \"%s\": by %s it would grant more, and is no later version",
		    entry->dn, widened);
	return 0;
}

void
follow_forget_held(struct follow *follow)
{
	follow->held = 0;
	follow->widened_said = 0;
	uuid_set_free(&follow->widened);
}

void
follow_say_held(struct follow *follow)
{
	uint32_t count = follow->widened.count;
	char more[32] = "";

	if (count == follow->widened_said || follow->shrunk)
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

bool
follow_may_go(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (!follow->behind || csn_set_has_seen(&follow->server, entry->csn))
		return true;
	follow->held++;
	state_set_unsettled(follow->state, true);
	return false;
}

/* Nothing goes yet: it is counted. */
static bool
count_loss(const struct entry *entry, void *arg)
{
	struct follow *follow = arg;

	if (!follow->behind || csn_set_has_seen(&follow->server, entry->csn))
		(void)shrink_add(&follow->shrink, entry, NULL);
	return false;
}

int
follow_guard(struct follow *follow, bool swept, bool *ret_held)
{
	char text[SHRINK_TEXT_MAX];
	uint64_t none;
	int r = 0;

	*ret_held = false;
	if (!follow->guarding)
		return 0;
	if (swept)
		r = state_sweep(follow->state, count_loss, follow, &none);
	if (r != 0 || !shrink_is_too_much(&follow->shrink, follow->state, text))
		return r;
	*ret_held = true;
	follow->held += shrink_total(&follow->shrink);
	state_set_unsettled(follow->state, true);
	(void)snprintf(follow->status->held_reason,
	    sizeof(follow->status->held_reason),
	    "the directory would take away %s", text);
	log_line(LOG_CRIT,
	    "held back a refresh that would take away %s: look at the directory, then enscalectl sync accept",
	    text);
	return 0;
}

/* What was held is settled by the server itself, once it has caught up. */
void
follow_check_behind(struct follow *follow)
{
	if (!follow->behind ||
	    !csn_set_covers(&follow->server, follow_seen(follow)))
		return;
	follow->behind = false;
	if (!state_info(follow->state)->unsettled)
		return;
	log_line(LOG_NOTICE,
	    "the server has caught up: refreshing in full to settle what was held back");
	follow->want_all = true;
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
	follow->lenient = true;
	follow_ask_refresh(follow);
	return 0;
}
