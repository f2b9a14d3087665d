/* How much a refresh would take away. See shrink.h. */
#include <config.h>

#include "enscale_sync/shrink.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const names[SHRINK_KINDS] = {
	[SHRINK_ACCOUNTS] = "accounts",
	[SHRINK_KEYS] = "keys",
	[SHRINK_ENVIRONMENTS] = "environments",
	[SHRINK_NODES] = "nodes",
	[SHRINK_ACCESS] = "rights to environments",
};

/* Members of ours who are none of theirs; both ascend by account. */
static uint64_t
count_lost_members(const struct entry *ours, const struct entry *theirs)
{
	const struct environment_member *a = ours->environment.members;
	const struct environment_member *b = theirs->environment.members;
	uint32_t i = 0, j = 0;
	uint64_t lost = 0;

	for (; i < ours->environment.member_count; i++) {
		while (j < theirs->environment.member_count &&
		    b[j].account < a[i].account)
			j++;
		lost += j == theirs->environment.member_count ||
		    b[j].account != a[i].account;
	}
	return lost;
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
}

uint64_t
shrink_total(const struct shrink *shrink)
{
	uint64_t total = 0;

	for (int i = 0; i < SHRINK_KINDS; i++)
		total += shrink->lost[i];
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
	uint64_t all;

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
