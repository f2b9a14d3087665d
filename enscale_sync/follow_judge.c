/* The follower: is a copy let in? See follow.h. */
#include <config.h>

#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_sync/follow_private.h"
#include "enscale_sync/rights.h"
#include "ldap/ldap_time.h"

/* A version that is no more than the second of a change (modifyTimestamp) may
 * stand for two of them until both were read; and clocks differ. */
#define STAMP_SETTLED_SECONDS 300

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
