/* The follower: what a server reports, one after the other. See follow.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/base/supervisor.h"
#include "enscale_sync/follow_private.h"

/* Entries in one transaction of a refresh: what it changes is kept in memory
 * until it is committed. */
#define BATCH_MAX 1000
/* Progress of a long refresh. */
#define PROGRESS_SECONDS 5

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

static void
say_progress(struct follow *follow)
{
	int64_t seconds = now() - follow->refresh.began;
	uint64_t rate = follow->refresh.received /
	    (uint64_t)(seconds > 0 ? seconds : 1);

	follow->status->received = follow->refresh.received;
	follow->status->receive_rate = rate;
	follow->status->changed = true;
	if (now() < follow->refresh.said + PROGRESS_SECONDS)
		return;
	follow->refresh.said = now();
	supervisor_tell_progress();
	log_info("refreshing: %" PRIu64 " entries, %" PRIu64 " a second",
	    follow->refresh.received, rate);
	supervisor_tell_status("Refreshing: %" PRIu64 " entries, %" PRIu64
	                       " a second.",
	    follow->refresh.received, rate);
}

static int
count(struct follow *follow)
{
	follow->status->changes++;
	follow->status->changed = true;
	if (++follow->batch < BATCH_MAX)
		return 0;
	if (is_refreshing(follow))
		say_progress(follow);
	follow->batch = 0;
	/* A new state is built in one transaction, and what a refresh only
	 * confirms need not be written. */
	if (is_refreshing(follow) &&
	    (!state_info(follow->state)->complete ||
	        !state_has_written(follow->state)))
		return 0;
	return follow_commit(follow, !is_refreshing(follow));
}

int
follow_entry(struct follow *follow, const struct entry *entry)
{
	int r;

	if (follow->phase == FOLLOW_IDLE)
		return -EPROTO;
	r = follow_write(follow);
	follow->refresh.received++;
	if (r == 0 && is_marking(follow))
		r = state_mark(follow->state, entry->uuid);
	if (r == 0)
		r = follow_take(follow, entry);
	return r == 0 ? count(follow) : r;
}

int
follow_present(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t uuid_count)
{
	int r;

	if (follow->phase == FOLLOW_IDLE)
		return -EPROTO;
	r = follow_write(follow);
	if (!is_marking(follow))
		return r;
	for (uint32_t i = 0; r == 0 && i < uuid_count; i++)
		r = state_mark(follow->state, uuids[i]);
	return r;
}

int
follow_gone(struct follow *follow, const uint8_t (*uuids)[ENTRY_UUID_LEN],
    uint32_t uuid_count)
{
	int r = follow->phase == FOLLOW_IDLE ? -EPROTO : 0;

	for (uint32_t i = 0; r == 0 && i < uuid_count; i++) {
		r = follow_write(follow);
		follow_touch(follow, uuids[i]);
		if (r == 0 && is_guarding(follow))
			r = state_unstash(follow->state, uuids[i]);
		if (r == 0)
			r = state_delete(follow->state, uuids[i]);
		if (r == 0)
			r = count(follow);
	}
	return r;
}

int
follow_reached(struct follow *follow, struct berval cookie)
{
	if (cookie.bv_len == 0)
		return 0;
	if (cookie.bv_len > sizeof(follow->server.cookie))
		return ENS_E_LIMIT;
	memcpy(follow->server.cookie, cookie.bv_val, cookie.bv_len);
	follow->server.cookie_len = cookie.bv_len;
	csn_set_from_cookie(&follow->server.reached, cookie.bv_val,
	    cookie.bv_len);
	/* Also without any change of ours: the server has come further. */
	return follow_write(follow);
}
