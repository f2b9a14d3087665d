/* See notices.h. */
#include <config.h>

#include "enscale_guard/notices.h"

#include "common/base/errors.h"
#include "enscale_guard/guard.h"
#include "enscale_guard/log.h"
#include "enscale_guard/metrics.h"
#include "enscale_guard/shell.h"

#define TOLD_IN_A_TURN 64U

static void
load(const char *path, bool *ret_is_said, struct notice *ret_notice)
{
	int r = notice_read(path, ret_notice);

	*ret_is_said = r == 0;
	if (r < 0 && r != ENS_E_NOTFOUND)
		log_error("cannot read \"%s\": %s", path, error_text(r));
}

/* Tells some, and the others in the next turns: nobody who asks waits for a
 * crowd. */
static void
tell(void *arg)
{
	struct guard *guard = arg;
	unsigned told = 0;
	struct shell *shell;

	LIST_FOREACH(shell, &guard->shells, all) {
		if (shell->heard == guard->notices.said)
			continue;
		if (told++ == TOLD_IN_A_TURN) {
			turns_add(guard->turns, &guard->notices.telling);
			return;
		}
		shell->heard = guard->notices.said;
		if (shell->entry != NULL && !shell->entry->ending)
			shell_tell(shell,
			    json_pack("{s:s, s:s}", "event", "announce", "text",
			        notices_line(guard)));
	}
}

int
notices_open(struct guard *guard)
{
	struct notices *notices = &guard->notices;
	const char *folder = guard->config.state_dir;

	if (config_path(folder, CONFIG_DRAIN_FILE, notices->drain_file) < 0 ||
	    config_path(folder, CONFIG_ANNOUNCEMENT_FILE,
	        notices->announcement_file) < 0)
		return ENS_E_LIMIT;
	load(notices->drain_file, &notices->is_drained, &notices->drain);
	load(notices->announcement_file, &notices->is_announced,
	    &notices->announcement);
	notices->telling = (struct task){ .run = tell,
		.arg = guard,
		.urgency = URGENT_LOOKING };
	return 0;
}

void
notices_close(struct guard *guard)
{
	turns_drop(guard->turns, &guard->notices.telling);
}

static int
keep(const char *path, const struct notice *notice, bool *ret_is_said,
    struct notice *ret_notice)
{
	int r = notice != NULL ? notice_write(path, notice)
	                       : notice_remove(path);

	if (r < 0)
		return r;
	*ret_is_said = notice != NULL;
	if (notice != NULL)
		*ret_notice = *notice;
	return 0;
}

int
notices_drain(struct guard *guard, const struct notice *notice)
{
	struct notices *notices = &guard->notices;
	int r = keep(notices->drain_file, notice, &notices->is_drained,
	    &notices->drain);

	if (r == 0)
		metrics_write(guard);
	return r;
}

int
notices_announce(struct guard *guard, const struct notice *notice)
{
	struct notices *notices = &guard->notices;
	int r = keep(notices->announcement_file, notice, &notices->is_announced,
	    &notices->announcement);

	if (r < 0)
		return r;
	metrics_write(guard);
	notices->said++;
	turns_add(guard->turns, &notices->telling);
	return 0;
}

void
notices_tell(struct guard *guard, struct shell *shell)
{
	struct notices *notices = &guard->notices;

	shell->heard = notices->said - notices->is_announced;
	if (notices->is_announced)
		turns_add(guard->turns, &notices->telling);
}

const char *
notices_line(const struct guard *guard)
{
	return guard->notices.is_announced ? guard->notices.announcement.text
	                                   : "";
}
