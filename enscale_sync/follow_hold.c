/* The follower: what is held back, and what lets it in. See follow.h. */
#include <config.h>

#include <stdio.h>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "enscale_sync/follow_private.h"

/* Entries held for their rights that are known one by one: beyond these, one
 * that is reported twice counts twice. */
#define WIDENED_MAX 100000

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
	    ? "it would grant more, and the server may not have the last "
	      "version yet"
	    : "it would grant more, but is not a later version";
}

int
follow_hold(struct follow *follow, const struct entry *entry,
    const struct verdict *verdict)
{
	const char *widened = verdict->widened, *text = held_text(verdict);
	bool is_new = true;
	int r = state_freeze_names(follow->state);

	if (r == 0 && widened != NULL)
		r = state_lessen(follow->state, entry, is_adopting(follow));
	if (r == 0 && widened != NULL && !verdict->told_before)
		r = count_widened(follow, entry, widened, &is_new);
	if (r != 0 || !is_new)
		return r;
	follow->status->held = ++follow->held_count;
	status_name_held(follow->status, entry->dn, text);
	state_set_unsettled(follow->state, true);
	if (++follow->refresh.held_lines <= SAID_LINES)
		log_warning("held back \"%s\": %s%s%s%s", entry->dn,
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
	    "held back what would grant more without a change: %s%s: check what the directory hides, then enscalectl sync accept",
	    follow->first_widened, more);
}

/* The server itself settles what was held, once it has caught up. */
void
follow_check_behind(struct follow *follow)
{
	if (!follow->server.behind ||
	    !csn_set_covers(&follow->server.reached, follow_seen(follow)))
		return;
	follow->server.behind = false;
	if (!state_info(follow->state)->unsettled)
		return;
	log_notice(
	    "the server has caught up: refreshing in full to settle what was held back");
	follow_wish_for(follow, WISH_ALL);
}

int
follow_accept(struct follow *follow)
{
	if (!follow_holds(follow))
		return ENS_E_NOTFOUND;
	follow_wish_for(follow, WISH_ACCEPTED);
	return 0;
}
