/* The follower: an entry is filed, or not. See follow.h. */
#include <config.h>

#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/follow_private.h"

void
follow_learn_addresses(struct follow *follow)
{
	host_addresses_free(follow->own);
	follow->own = NULL;
	/* Without them nothing is reported; the guard refuses such a node. */
	(void)host_addresses_new(&follow->own);
}

/* One log line for each line of the text: "refused key "cn=..": ...". */
static void
say_lines(struct follow *follow, const char *verb, const char *what,
    const char *dn, const char *text)
{
	while (*text != '\0') {
		int len = (int)strcspn(text, "\n");

		if (!is_refreshing(follow) ||
		    ++follow->refresh.said_lines <= SAID_LINES)
			log_warning("%s %s \"%s\": %.*s", verb, what, dn, len,
			    text);
		text += len + (text[len] == '\n');
	}
}

static void
say_refused(struct follow *follow, const struct entry *entry)
{
	const char *kind = entry_kind_text(entry->kind);

	say_lines(follow, "refused", entry->refused ? kind : "part of",
	    entry->dn, entry->reason);
	say_lines(follow, "warning:", kind, entry->dn, entry->warning);
}

void
follow_touch(struct follow *follow, const uint8_t uuid[ENTRY_UUID_LEN])
{
	if (follow->doubt == DOUBT_ASKED &&
	    memcmp(uuid, comparison_doubt(follow->comparison),
	        ENTRY_UUID_LEN) == 0)
		follow->doubt = DOUBT_OVERTAKEN;
	for (uint32_t i = 0; i < follow->gone_count; i++) {
		if (memcmp(uuid, follow->gone[i], ENTRY_UUID_LEN) != 0)
			continue;
		/* Nor does it count as one of too many. */
		follow->gone_count--;
		memcpy(follow->gone[i], follow->gone[follow->gone_count],
		    ENTRY_UUID_LEN);
		return;
	}
}

/* People without an account are passed over in silence, but not one who had one:
 * an attribute may be hidden, or its name mistyped. */
static void
say_lost(struct follow *follow, const struct entry *ours,
    const struct entry *entry)
{
	if (ours->kind == ENTRY_ACCOUNT && !ours->refused &&
	    entry->kind == ENTRY_ACCOUNT && entry_is_nobody(entry))
		say_lines(follow, "lost", entry_kind_text(ours->kind),
		    entry->dn, "the entry has no number any more");
}

/* A node that would lead users into the gateway itself? */
static int
warn_of_address(struct follow *follow, const struct entry *entry)
{
	const char *text = "";
	int r;

	if (entry->kind != ENTRY_NODE || entry->refused)
		return 0;
	if (!is_refreshing(follow))
		follow_learn_addresses(follow);
	if (follow->own != NULL &&
	    host_addresses_have(follow->own, entry->node.address))
		text =
		    "ipHostNumber: the gateway's own address: nobody can enter the node";
	say_lines(follow, "warning:", entry_kind_text(entry->kind), entry->dn,
	    text);
	r = state_warn(follow->state, entry->uuid, WARNING_ADDRESS, text);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

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

static struct verdict
judge(const struct follow *follow, const struct entry *ours,
    const struct entry *entry)
{
	const struct circumstances circumstances = {
		.floor = &follow->server.floor,
		.behind = follow->server.behind,
		.late = is_told_late(follow),
		.reread = is_reread(follow),
		.named = state_has_names(follow->state),
		.now = (int64_t)time(NULL),
	};

	return follow_judge(&circumstances, ours, entry);
}

/* What it takes away waits for the end of a refresh that may take away too
 * much. */
static int
weigh(struct follow *follow, const struct entry *ours,
    const struct entry *entry, bool *ret_waits)
{
	struct shrink *shrink = &follow->refresh.shrink;
	int r;

	if (!is_guarding(follow))
		return 0;
	if (ours == NULL)
		return shrink_add_new(shrink, follow->state, entry, ret_waits);
	r = shrink_add_names(shrink, follow->state, ours, entry, ret_waits);
	*ret_waits |= shrink_add(shrink, ours, entry);
	return r;
}

static int
look_at(struct follow *follow, const struct entry *entry,
    struct verdict *ret_verdict, bool *ret_waits)
{
	AUTO(entry_rows_free) struct entry_rows rows = { 0 };
	const struct entry *ours = NULL;
	struct entry found;
	int r;

	*ret_verdict = (struct verdict){ .kind = TAKE };
	*ret_waits = false;
	if (is_accepting(follow) ||
	    (is_refreshing(follow) && follow->refresh.first))
		return 0;
	r = state_find(follow->state, entry->uuid, &rows, &found);
	if (r != 0 && r != ENS_E_NOTFOUND)
		return r;
	if (r == 0)
		ours = &found;
	*ret_verdict = judge(follow, ours, entry);
	if (ours != NULL && ret_verdict->kind == TAKE)
		say_lost(follow, ours, entry);
	return ret_verdict->kind == TAKE ? weigh(follow, ours, entry, ret_waits)
	                                 : 0;
}

int
follow_take(struct follow *follow, const struct entry *entry)
{
	struct verdict verdict;
	bool waits;
	int r = look_at(follow, entry, &verdict, &waits);

	if (r != 0)
		return r;
	if (verdict.kind == PASS_OVER)
		return 0;
	follow_touch(follow, entry->uuid);
	if (verdict.kind == HOLD)
		return follow_hold(follow, entry, &verdict);
	say_refused(follow, entry);
	if (waits)
		r = state_stash(follow->state, entry);
	else if (is_guarding(follow))
		r = state_unstash(follow->state, entry->uuid);
	if (r == 0 && !waits)
		r = state_put(follow->state, entry, is_adopting(follow));
	if (r == 0)
		r = warn_of_address(follow, entry);
	if (r == 0 && !is_refreshing(follow) &&
	    state_is_orphan(follow->state, entry->uuid))
		r = follow_ask_about(follow, entry);
	return r;
}
