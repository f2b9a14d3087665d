/* From state to view, when it is time. See follow.h. */
#include <config.h>

#include <inttypes.h>
#include <time.h>

#include "enscale_sync/follow_private.h"

#include "common/base/log.h"

/* The age of the view is kept up this often. */
#define TOUCH_SECONDS 60

static void
show(struct follow *follow)
{
	struct status *status = follow->status;

	status->generation = publisher_generation(follow->publisher);
	status->as_of = publisher_as_of(follow->publisher);
	status->ready = publisher_is_ready(follow->publisher);
	status->waits = publisher_waits(follow->publisher);
	status->held = follow->held_count;
	status->changed = true;
}

/* What fails here stays listed, and the main loop tries again. */
void
follow_publish(struct follow *follow)
{
	struct published published;
	bool behind = publisher_is_behind(follow->publisher);
	int r;

	if (state_is_writing(follow->state) || is_refreshing(follow) ||
	    !behind || follow_question(follow) != NULL)
		return;
	r = publisher_publish(follow->publisher,
	    follow_is_current(follow) ? (int64_t)time(NULL) : 0, &published);
	if (r != 0) {
		if (r != follow->publish_error)
			log_error("cannot publish: %s",
			    follow_error_text(follow, r));
		status_set_error(follow->status, follow_error_text(follow, r));
	} else {
		follow->status->publications += published.records > 0 ||
		    published.base;
		if (published.base)
			log_info("published everything: %" PRIu64 " records",
			    published.records);
	}
	follow->publish_error = r;
	show(follow);
}

void
follow_alive(struct follow *follow, int64_t asked)
{
	int64_t age = asked - publisher_as_of(follow->publisher);
	int r;

	/* A clock that was set back leaves a view from the future. */
	if (!follow_is_current(follow) || (age >= 0 && age < TOUCH_SECONDS))
		return;
	r = publisher_touch(follow->publisher, asked);
	if (r != 0)
		log_error("cannot publish: %s", follow_error_text(follow, r));
	show(follow);
}
