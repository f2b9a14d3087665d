/* Is a copy of an entry let in? See follow_judge.h. */
#include <config.h>

#include "enscale_sync/follow_judge.h"

#include <string.h>

#include "enscale_sync/rights.h"
#include "ldap/ldap_time.h"

/* A version that is only the second of a change (modifyTimestamp) may stand for
 * two changes until both were read; and clocks differ. */
#define STAMP_SETTLED_SECONDS 300

enum age {
	OLDER,
	SAME,
	LATER
};

/* A version that is hidden, or of which only the second is known, does not
 * prove a change. Without one of ours anything may be later. */
static enum age
age_of(const struct entry *theirs, const struct entry *ours, int64_t now)
{
	const size_t second = strlen("20251122225400");
	int64_t our_stamp, their_stamp;
	bool our_second = ldap_time_of_csn(ours->csn, &our_stamp) == 0;
	bool their_second = ldap_time_of_csn(theirs->csn, &their_stamp) == 0;

	if (*ours->csn == '\0' || *theirs->csn == '\0')
		return *ours->csn == '\0' ? LATER : SAME;
	if (our_second && their_second && our_stamp == their_stamp)
		return our_stamp + STAMP_SETTLED_SECONDS < now ? SAME : LATER;
	if (strcmp(ours->csn, theirs->csn) == 0 ||
	    ((our_second || their_second) &&
	        strncmp(ours->csn, theirs->csn, second) == 0))
		return SAME;
	return csn_is_older(theirs->csn, ours->csn) ? OLDER : LATER;
}

/* To be renamed with the branch that it is in is no change of an entry: a server
 * that is behind shows the DN that it had, by which environments may list
 * another one today. */
static const char *
renamed(const struct circumstances *circumstances, const struct entry *ours,
    const struct entry *theirs)
{
	return circumstances->behind && circumstances->named &&
	        strcmp(ours->dn, theirs->dn) != 0
	    ? "its DN"
	    : NULL;
}

static struct verdict
judge_known(const struct circumstances *circumstances, const struct entry *ours,
    const struct entry *theirs)
{
	enum age age = age_of(theirs, ours, circumstances->now);
	struct verdict verdict = { .kind = TAKE };

	if (age == OLDER) {
		verdict.kind = circumstances->late ? PASS_OVER : HOLD;
		return verdict;
	}
	/* A copy that is later than ours but had been reported before: that was
	 * held, and this server may not have seen the last version. */
	verdict.told_before = age == LATER && circumstances->behind &&
	    csn_set_has_seen(circumstances->floor, theirs->csn);
	if ((age == SAME && !circumstances->reread) || verdict.told_before)
		verdict.widened = rights_widened(ours, theirs);
	if (age == SAME && !circumstances->reread && verdict.widened == NULL) {
		verdict.widened = renamed(circumstances, ours, theirs);
		verdict.told_before = verdict.widened != NULL;
	}
	if (verdict.widened != NULL)
		verdict.kind = HOLD;
	return verdict;
}

struct verdict
follow_judge(const struct circumstances *circumstances,
    const struct entry *ours, const struct entry *theirs)
{
	struct verdict verdict = { .kind = TAKE };

	if (ours != NULL)
		return judge_known(circumstances, ours, theirs);
	/* It was reported before, and is not here: so it was deleted. */
	if (csn_set_has_seen(circumstances->floor, theirs->csn))
		verdict.kind = HOLD;
	return verdict;
}
