/* The follower: held against what the server has. See follow.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/follow_private.h"

/* Why a full refresh must settle it. */
#define TOO_MUCH "too much is different"

bool
follow_wants_comparison(const struct follow *follow)
{
	return follow->phase == FOLLOW_UNPROVEN &&
	    follow->held == LETS_ALL_GO && follow->comparison == NULL;
}

void
follow_drop_comparison(struct follow *follow)
{
	if (follow->comparison == NULL)
		return;
	comparison_free(follow->comparison);
	follow->comparison = NULL;
	follow->doubt = DOUBT_NONE;
	follow->status->comparing = false;
	follow->status->changed = true;
}

int
follow_compare_begin(struct follow *follow, const struct csn_set *context)
{
	int r;

	if (!follow_is_following(follow))
		return -EPROTO;
	follow_drop_comparison(follow);
	follow->differences = follow->gone_count = 0;
	follow->too_different = NULL;
	r = comparison_new(follow->state, context, &follow->comparison);
	follow->status->comparing = r == 0;
	follow->status->changed = true;
	return r;
}

int
follow_compare_entry(struct follow *follow, const struct entry *entry)
{
	return follow->comparison != NULL
	    ? comparison_add(follow->comparison, entry)
	    : -EPROTO;
}

int
follow_compare_listed(struct follow *follow)
{
	return follow->comparison != NULL ? comparison_weigh(follow->comparison)
	                                  : -EPROTO;
}

const uint8_t *
follow_compare_question(struct follow *follow, bool can_ask)
{
	const uint8_t *uuid;

	if (follow->comparison == NULL)
		return NULL;
	uuid = comparison_doubt(follow->comparison);
	if (comparison_is_hopeless(follow->comparison))
		follow->too_different = TOO_MUCH;
	else if (uuid != NULL && !can_ask)
		follow->too_different =
		    "there are differences, and it does not find entries by their UUIDs";
	if (follow->too_different != NULL)
		uuid = NULL;
	follow->doubt = uuid != NULL ? DOUBT_ASKED : DOUBT_NONE;
	return uuid;
}

bool
follow_has(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN],
    const char *csn)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct entry ours;
	bool busy = state_is_busy(follow->state), has;

	if (!busy && state_begin_read(follow->state) != 0)
		return false;
	has = state_find(follow->state, uuid, &rows, &ours) == 0 &&
	    strcmp(ours.csn, csn) == 0;
	if (!busy)
		state_end(follow->state);
	return has;
}

/* It is here, and the server does not have it. */
static int
note_gone(struct follow *follow, const struct entry *ours)
{
	if (!follow_may_go(ours, follow))
		return state_freeze_names(follow->state);
	follow->differences++;
	if (follow->gone_count == GONE_MAX) {
		follow->too_different = TOO_MUCH;
		return 0;
	}
	if (follow->gone_count < SHRINK_LEAST)
		log_warning("was deleted without a report: \"%s\"", ours->dn);
	memcpy(follow->gone[follow->gone_count++], ours->uuid, ENTRY_UUID_LEN);
	return 0;
}

static int
settle(struct follow *follow, const struct entry *entry)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	AUTO(wire_write_free) struct wire_writer scratch;
	struct entry ours;
	bool same = false;
	int r = state_find(follow->state, comparison_doubt(follow->comparison),
	    &rows, &ours);

	wire_write_init_growing(&scratch, 2 * RECORD_SIZE_MAX);
	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	if (entry == NULL)
		return r == 0 ? note_gone(follow, &ours) : 0;
	if (r == 0)
		r = entry_compare(&scratch, &ours, entry, &same);
	if (same || (r != 0 && r != ENS_E_NOTFOUND))
		return r;
	follow->differences++;
	log_warning("was different: \"%s\"", entry->dn);
	follow->status->changes++;
	return follow_take(follow, entry);
}

int
follow_compare_answer(struct follow *follow, const struct entry *entry)
{
	int r = 0;

	if (follow->doubt == DOUBT_NONE)
		return -EPROTO;
	/* What the server reported meanwhile is not older than this. */
	if (follow->doubt != DOUBT_OVERTAKEN) {
		follow->doubt = DOUBT_JUDGED;
		r = follow_write(follow);
		if (r == 0)
			r = settle(follow, entry);
	}
	follow->doubt = DOUBT_NONE;
	comparison_settled(follow->comparison);
	return r;
}

/* Every difference is settled: what is gone goes, and the rest is the same. */
static int
prove(struct follow *follow, uint64_t count)
{
	uint32_t gone = follow->gone_count;
	int r;

	follow->gone_count = 0; /* touched no more */
	r = follow_gone(follow, (const uint8_t(*)[ENTRY_UUID_LEN])follow->gone,
	    gone);
	if (r == 0)
		r = follow_commit(follow, true);
	if (r != 0)
		return r;
	follow->status->compared = (int64_t)time(NULL);
	log_line(follow->differences > 0 ? LOG_WARNING : LOG_INFO,
	    "compared %" PRIu64 " entries: %" PRIu64 " differed", count,
	    follow->differences);
	follow_enter(follow, FOLLOW_PROVEN);
	return follow_settle(follow);
}

int
follow_compare_end(struct follow *follow, const char *reason)
{
	uint64_t count;

	if (follow->comparison == NULL)
		return 0;
	count = comparison_count(follow->comparison);
	follow_drop_comparison(follow);
	if (reason != NULL)
		return 0;
	follow->status->differences += follow->differences;
	/* So many at once are for a refresh and its guard. */
	if (follow->gone_count > SHRINK_LEAST)
		follow->too_different = TOO_MUCH;
	if (follow->too_different == NULL)
		return prove(follow, count);
	log_warning("compared: %s: refreshing in full", follow->too_different);
	follow_wish_for(follow, WISH_ALL);
	return follow_settle(follow);
}
