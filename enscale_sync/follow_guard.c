/* The follower: what a refresh may take away. See follow.h. */
#include <config.h>

#include <stdio.h>

#include "enscale_sync/follow_private.h"

#include "common/base/log.h"

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
	    "the directory would take it, or part of it, away");
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
	    "held back a refresh that would take away %s: check the directory, then enscalectl sync accept",
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
	/* What was held before does not keep what has gone since. */
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
