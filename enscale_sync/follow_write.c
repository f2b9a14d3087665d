/* The follower: transactions of the state, and what is said when one fails.
 * See follow.h. */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "common/base/errors.h"
#include "enscale_sync/follow_private.h"

int
follow_write(struct follow *follow)
{
	const struct state_info *info = state_info(follow->state);
	int r;

	if (state_is_writing(follow->state))
		return 0;
	r = state_begin_write(follow->state);
	if (r != 0)
		return r;
	follow->batch = 0;
	/* The manifest says that it was published: no need to list it. */
	if (publisher_is_current(follow->publisher) &&
	    publisher_is_durable(follow->publisher) &&
	    publisher_generation(follow->publisher) == info->generation)
		r = state_purge(follow->state);
	return r;
}

int
follow_commit(struct follow *follow, bool final)
{
	int r = 0;

	if (!state_is_writing(follow->state))
		return 0;
	/* The progress of a refresh that does not count means nothing. */
	if (final && follow->server.cookie_len > 0 &&
	    state_info(follow->state)->complete)
		r = state_set_cookie(follow->state, follow->server.cookie,
		    follow->server.cookie_len);
	if (r != 0)
		return r;
	r = state_commit(follow->state);
	if (r == 0 && final)
		follow->server.cookie_len = 0;
	return r;
}

const char *
follow_error_text(struct follow *follow, int error)
{
	const char *hint = "";

	if (error == ENS_E_LIMIT && state_is_full(follow->state)) {
		(void)snprintf(follow->error_text, sizeof(follow->error_text),
		    "the directory does not fit into the state below \"%s\": a refresh may add %u GiB to it",
		    follow->state_dir, (unsigned int)(STATE_GROWTH_MAX >> 30));
		return follow->error_text;
	}
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		hint = "; it will go on by itself when there is room";
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
