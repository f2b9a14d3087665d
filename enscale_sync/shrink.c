/* How much a refresh would take away. See shrink.h. */
#include <config.h>

#include "enscale_sync/shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

static const char *const names[SHRINK_KINDS] = {
	[SHRINK_ACCOUNTS] = "accounts",
	[SHRINK_KEYS] = "keys",
	[SHRINK_ENVIRONMENTS] = "environments",
	[SHRINK_NODES] = "nodes",
	[SHRINK_ACCESS] = "rights to environments",
};

/* Our members that are not theirs; both ascend. */
static uint64_t
count_lost_members(const struct entry *ours, const struct entry *theirs)
{
	const struct entry_member *a = ours->environment.members;
	const struct entry_member *b = theirs->environment.members;
	uint32_t i = 0, j = 0;
	uint64_t lost = 0;

	for (; i < ours->environment.member_count; i++) {
		while (j < theirs->environment.member_count &&
		    entry_member_compare(&b[j], &a[i]) < 0)
			j++;
		lost += j == theirs->environment.member_count ||
		    entry_member_compare(&b[j], &a[i]) != 0;
	}
	return lost;
}

/* Counts limits of ours that theirs does not have. */
static void
count_limits(const struct entry *ours, const struct entry *theirs,
    uint64_t lost[RIGHTS_LIMITS])
{
	for (int i = 0; i < RIGHTS_LIMITS; i++) {
		enum rights_limit limit = (enum rights_limit)i;

		lost[i] += rights_has_limit(ours, limit) &&
		    (theirs == NULL || !rights_has_limit(theirs, limit));
	}
}

static void
count_rewritten(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs)
{
	shrink->rewritten[theirs->kind] += *ours->csn != '\0' &&
	    strcmp(ours->csn, theirs->csn) != 0;
}

/* Theirs takes the place of ours, under another UUID. */
static void
add_replaced(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs)
{
	count_limits(ours, theirs, shrink->replaced);
	count_rewritten(shrink, ours, theirs);
}

bool
shrink_add(struct shrink *shrink, const struct entry *ours,
    const struct entry *theirs)
{
	bool gone = theirs == NULL || theirs->refused ||
	    theirs->kind != ours->kind;
	uint64_t before = shrink_total(shrink);
	uint32_t had, has;

	if (ours->refused)
		return false;
	count_limits(ours, gone ? NULL : theirs,
	    gone ? shrink->gone : shrink->lifted);
	if (!gone)
		count_rewritten(shrink, ours, theirs);
	switch (ours->kind) {
	case ENTRY_ACCOUNT:
		had = ours->account.key_count;
		has = gone ? 0 : theirs->account.key_count;
		shrink->account_keys += had;
		shrink->lost[SHRINK_ACCOUNTS] += gone;
		shrink->lost[SHRINK_KEYS] += had > has ? had - has : 0;
		break;
	case ENTRY_KEY:
		shrink->lost[SHRINK_KEYS] += gone;
		break;
	case ENTRY_ENVIRONMENT:
		shrink->lost[SHRINK_ENVIRONMENTS] += gone;
		shrink->lost[SHRINK_ACCESS] += gone
		    ? ours->environment.member_count
		    : count_lost_members(ours, theirs);
		break;
	case ENTRY_NODE:
		shrink->lost[SHRINK_NODES] += gone;
		break;
	case ENTRY_OTHER:
	default:
		break;
	}
	return shrink_total(shrink) != before;
}

static int
count_name(struct state *state, const struct entry *ours,
    const struct entry *theirs, const struct ldap_dn_hash *name, uint64_t *lost)
{
	uint64_t count = 0;
	int r = entry_goes_by(theirs, name)
	    ? 0
	    : state_count_named(state, name, ours->id, &count);

	*lost += count;
	return r;
}

int
shrink_add_names(struct shrink *shrink, struct state *state,
    const struct entry *ours, const struct entry *theirs, bool *ret_lost)
{
	struct ldap_dn_hash own;
	uint64_t lost = 0;
	int r;

	*ret_lost = false;
	/* One that goes is counted as such. */
	if (ours->kind != ENTRY_ACCOUNT || theirs->kind != ENTRY_ACCOUNT ||
	    ours->refused || theirs->refused || !state_has_names(state))
		return 0;
	r = ldap_dn_hash(ours->dn, &own, NULL);
	if (r == 0 && strcmp(ours->dn, theirs->dn) != 0)
		r = count_name(state, ours, theirs, &own, &lost);
	for (uint32_t i = 0; r == 0 && i < ours->account.name_count; i++)
		r = count_name(state, ours, theirs, &ours->account.names[i],
		    &lost);
	shrink->lost[SHRINK_ACCESS] += lost;
	*ret_lost = lost > 0;
	return r == ENS_E_SYNTAX ? 0 : r;
}

int
shrink_add_new(struct shrink *shrink, struct state *state,
    const struct entry *theirs, bool *ret_lost)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct record_key subject = record_key_id(RECORD_ACCOUNT, theirs->id);
	uint64_t before = shrink_total(shrink);
	struct entry ours;
	int r;

	*ret_lost = false;
	/* Keys have no number, and nothing else has a limit. */
	if (theirs->refused || theirs->kind != ENTRY_ACCOUNT)
		return 0;
	r = state_find_subject(state, &subject, &rows, &ours);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? 0 : r;
	add_replaced(shrink, &ours, theirs);
	*ret_lost = shrink_total(shrink) != before;
	return 0;
}

int
shrink_add_kept(struct shrink *shrink, struct state *state,
    const struct entry *ours)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	struct record_key subject;
	struct entry theirs;
	int r;

	(void)shrink_add(shrink, ours, NULL);
	if (ours->refused || ours->kind != ENTRY_ACCOUNT)
		return 0;
	subject = state_subject_of(ours);
	r = state_find_limit(state, &subject, &rows, &theirs);
	if (r == 0)
		add_replaced(shrink, ours, &theirs);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

void
shrink_add_copy(struct shrink *shrink, const struct entry *ours)
{
	struct shrink one = { 0 };

	if (!shrink_add(&one, ours, NULL))
		return;
	for (int i = 0; i < SHRINK_KINDS; i++)
		shrink->copies[i] += one.lost[i];
}

void
shrink_merge(struct shrink *shrink, const struct shrink *other)
{
	shrink->account_keys += other->account_keys;
	for (int i = 0; i < SHRINK_KINDS; i++) {
		shrink->lost[i] += other->lost[i];
		shrink->copies[i] += other->copies[i];
	}
	for (int i = 0; i < RIGHTS_LIMITS; i++) {
		shrink->gone[i] += other->gone[i];
		shrink->lifted[i] += other->lifted[i];
		shrink->replaced[i] += other->replaced[i];
	}
	for (int i = 0; i <= ENTRY_KINDS; i++)
		shrink->rewritten[i] += other->rewritten[i];
}

uint64_t
shrink_total(const struct shrink *shrink)
{
	uint64_t total = 0;

	for (int i = 0; i < SHRINK_KINDS; i++)
		total += shrink->lost[i];
	for (int i = 0; i < RIGHTS_LIMITS; i++)
		total += shrink->lifted[i] + shrink->replaced[i];
	return total;
}

static uint64_t
count_entries(const struct shrink *shrink, struct state *state,
    enum shrink_kind kind)
{
	const struct state_info *info = state_info(state);
	uint64_t on_accounts = shrink->account_keys;

	switch (kind) {
	case SHRINK_ACCOUNTS:
		return info->entries[ENTRY_ACCOUNT];
	case SHRINK_KEYS:
		/* Those on accounts are not counted in the state: those that
		 * were looked at are, and any account may have one. */
		if (on_accounts > 0 &&
		    on_accounts < info->entries[ENTRY_ACCOUNT])
			on_accounts = info->entries[ENTRY_ACCOUNT];
		return info->entries[ENTRY_KEY] + on_accounts;
	case SHRINK_ENVIRONMENTS:
		return info->entries[ENTRY_ENVIRONMENT];
	case SHRINK_NODES:
		return info->entries[ENTRY_NODE];
	case SHRINK_ACCESS:
		return state_access_count(state);
	case SHRINK_KINDS:
	default:
		return 0;
	}
}

/* Are all entries of the kind in another version than before? A second copy of
 * one is no other entry. */
static bool
is_all_rewritten(const struct shrink *shrink, const struct state_info *info,
    enum entry_kind kind)
{
	uint64_t all = info->entries[kind];
	uint64_t copies = kind == ENTRY_ACCOUNT
	    ? shrink->copies[SHRINK_ACCOUNTS]
	    : 0;

	all = copies < all ? all - copies : 0;
	return all >= SHRINK_LIMIT && shrink->rewritten[kind] >= all;
}

/* Has every entry lost it, without having been deleted? */
static bool
is_lost_as_a_whole(const struct shrink *shrink, const struct state_info *info,
    enum rights_limit limit)
{
	uint64_t lifted = shrink->lifted[limit];
	uint64_t replaced = shrink->replaced[limit];
	/* What is replaced goes, although that may not be known yet. */
	uint64_t gone = replaced > shrink->gone[limit] ? replaced
	                                               : shrink->gone[limit];

	if (lifted + replaced == 0 || info->limits[limit] > lifted + gone)
		return false;
	return lifted + replaced >= SHRINK_LIMIT ||
	    is_all_rewritten(shrink, info, rights_limit_kind(limit));
}

/* Each once. */
static uint64_t
count_all(const struct shrink *shrink, struct state *state,
    enum shrink_kind kind)
{
	uint64_t all = count_entries(shrink, state, kind);
	uint64_t copies = shrink->copies[kind], lost = shrink->lost[kind];

	if (copies == 0)
		return all;
	all = copies < all ? all - copies : 0;
	return all > lost ? all : lost;
}

static bool
is_too_much(uint64_t lost, uint64_t all, enum shrink_kind kind,
    char ret_text[SHRINK_TEXT_MAX])
{
	if (lost <= all / SHRINK_PART)
		return false;
	(void)snprintf(ret_text, SHRINK_TEXT_MAX,
	    "%" PRIu64 " of %" PRIu64 " %s", lost, all, names[kind]);
	return true;
}

bool
shrink_is_much_less(const uint64_t had[SHRINK_KINDS],
    const uint64_t has[SHRINK_KINDS], char ret_text[SHRINK_TEXT_MAX])
{
	for (int i = 0; i < SHRINK_KINDS; i++) {
		if (had[i] > has[i] && had[i] - has[i] > SHRINK_LEAST &&
		    is_too_much(had[i] - has[i], had[i], (enum shrink_kind)i,
		        ret_text))
			return true;
	}
	return false;
}

bool
shrink_is_too_much(const struct shrink *shrink, struct state *state,
    char ret_text[SHRINK_TEXT_MAX])
{
	const struct state_info *info = state_info(state);
	uint64_t all;

	for (int i = 0; i < RIGHTS_LIMITS; i++) {
		enum rights_limit limit = (enum rights_limit)i;

		if (!is_lost_as_a_whole(shrink, info, limit))
			continue;
		(void)snprintf(ret_text, SHRINK_TEXT_MAX,
		    "%s of all %" PRIu64 " %s that have one",
		    rights_limit_text(limit), info->limits[limit],
		    rights_limit_kind(limit) == ENTRY_KEY
		        ? names[SHRINK_KEYS]
		        : names[SHRINK_ACCOUNTS]);
		return true;
	}
	for (int i = 0; i < SHRINK_KINDS; i++) {
		if (shrink->lost[i] <= SHRINK_LEAST)
			continue;
		all = count_all(shrink, state, (enum shrink_kind)i);
		if (is_too_much(shrink->lost[i], all, (enum shrink_kind)i,
		        ret_text))
			return true;
	}
	return false;
}
