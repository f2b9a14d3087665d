/* The follower: what is complete, and counts. See follow.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "enscale_sync/follow_private.h"

#include "common/base/log.h"

/*
 * Are views made from the state from now on? Yes for the first one, and for one
 * that is older than its view (publish.h) when everything in the directory was
 * asked for and counts: what is held back may be what the view knows to be
 * gone.
 */
static bool
becomes_source(const struct follow *follow, bool swept)
{
	const struct state_info *info = state_info(follow->state);

	if (!info->complete)
		return follow->held == LETS_ALL_GO;
	return info->behind && follow->refresh.full && swept &&
	    follow->held == LETS_ALL_GO && !info->unsettled;
}

/* What it did not name, and what waited for its end. */
static int
take_away(struct follow *follow, bool swept, uint64_t *ret_deleted)
{
	bool sweeps = swept && is_marking(follow);
	int r = sweeps ? state_release_marked(follow->state) : 0;

	if (r == 0)
		r = follow_guard(follow, swept, &follow->held);
	if (r != 0)
		return r;
	if (follow->held == KEEPS_ALL)
		return state_apply_stash_held(follow->state);
	r = state_apply_stash(follow->state);
	return r == 0 && sweeps
	    ? state_sweep(follow->state, follow_may_go, follow, ret_deleted)
	    : r;
}

static int
finish(struct follow *follow, bool swept, uint64_t *ret_deleted)
{
	int r = follow_write(follow);
	bool taken;

	if (r == 0 && follow->refresh.full)
		state_set_unsettled(follow->state, follow->held_count > 0);
	if (r == 0)
		r = take_away(follow, swept, ret_deleted);
	taken = follow->held != KEEPS_ALL;
	if (r == 0)
		r = state_adopt(follow->state);
	/* After a full one every name is known, and so are the orphans. */
	if (r == 0 && !follow->refresh.full)
		r = state_each_orphan(follow->state, follow_ask_about_orphan,
		    follow);
	if (r == 0)
		r = state_clear_stash(follow->state);
	if (r == 0)
		r = follow_guard_view(follow, &follow->held);
	if (r == 0 && follow->held == LETS_ALL_GO &&
	    !state_info(follow->state)->unsettled)
		r = state_thaw_names(follow->state);
	if (r != 0)
		return r;
	state_clear_marks(follow->state);
	/* What was not accepted was not read by these rules either. */
	if (taken)
		state_set_digest(follow->state, follow->digest);
	if (becomes_source(follow, swept)) {
		state_raise_generation(follow->state,
		    publisher_generation(follow->publisher));
		state_set_complete(follow->state);
	}
	return follow_commit(follow, true);
}

static void
say_refreshed(const struct refresh *refresh, uint64_t deleted)
{
	if (refresh->said_lines > SAID_LINES)
		log_warning(
		    "%u more lines about entries refused or with a warning",
		    refresh->said_lines - SAID_LINES);
	if (refresh->held_lines > SAID_LINES)
		log_warning("held back %u more entries",
		    refresh->held_lines - SAID_LINES);
	log_info("refreshed: %" PRIu64 " entries came, %" PRIu64 " are gone",
	    refresh->received, deleted);
}

int
follow_done(struct follow *follow, bool swept)
{
	uint64_t deleted = 0;
	int r = is_refreshing(follow) ? finish(follow, swept, &deleted)
	                              : -EPROTO;

	if (r != 0)
		return r;
	follow->status->refreshes++;
	follow->status->held = follow->held_count;
	follow->status->changes += deleted;
	if (follow->held == LETS_ALL_GO)
		follow->status->held_reason[0] = '\0';
	follow->widened_said = 0;
	follow_say_held(follow);
	follow_check_behind(follow);
	say_refreshed(&follow->refresh, deleted);
	follow_enter(follow,
	    (follow->refresh.full && swept) || follow->refresh.was_proven
	        ? FOLLOW_PROVEN
	        : FOLLOW_UNPROVEN);
	follow_publish(follow);
	return 0;
}

int
follow_settle(struct follow *follow)
{
	int r;

	/* A refresh is committed in large batches and published as a whole. */
	if (is_refreshing(follow))
		return 0;
	r = follow_commit(follow, true);
	if (r != 0)
		return r;
	follow_say_held(follow);
	follow_check_behind(follow);
	follow_say_in_step(follow);
	follow_publish(follow);
	return 0;
}
