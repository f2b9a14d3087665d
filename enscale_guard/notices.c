/* See notices.h. */
#include <config.h>

#include "enscale_guard/notices.h"

#include <string.h>

#include "common/base/errors.h"
#include "enscale_guard/guard.h"
#include "enscale_guard/log.h"
#include "enscale_guard/metrics.h"
#include "enscale_guard/shell.h"

#define TOLD_IN_A_TURN 64U

/* 0, ENS_E_NOTFOUND, or what else notice_read() returns. */
static int
load(const char *path, struct notice *ret_notice)
{
	int r;

	*ret_notice = (struct notice){ .since = 0 };
	r = notice_read(path, ret_notice);
	if (r < 0 && r != ENS_E_NOTFOUND)
		log_error("cannot read \"%s\": %s", path, error_text(r));
	return r;
}

/* What cannot be read may say so: pam_enscale lets nobody in. */
static void
load_drain(struct notices *notices)
{
	notices->is_drained = load(notices->drain_file, &notices->drain) !=
	    ENS_E_NOTFOUND;
}

static void
load_announcement(struct notices *notices)
{
	notices->is_announced = load(notices->announcement_file,
	                            &notices->announcement) == 0;
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
	load_drain(notices);
	load_announcement(notices);
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
keep(const char *path, const struct notice *notice)
{
	return notice != NULL ? notice_write(path, notice)
	                      : notice_remove(path);
}

static bool
is_same(bool is_said, const struct notice *said, const struct notice *notice)
{
	if (!is_said || notice == NULL)
		return !is_said && notice == NULL;
	return said->since == notice->since && said->uid == notice->uid &&
	    strcmp(said->by, notice->by) == 0 &&
	    strcmp(said->text, notice->text) == 0;
}

int
notices_drain(struct guard *guard, const struct notice *notice)
{
	int r = keep(guard->notices.drain_file, notice);

	load_drain(&guard->notices);
	metrics_write(guard);
	return r;
}

bool
notices_is_drain(const struct guard *guard, const struct notice *notice)
{
	return is_same(guard->notices.is_drained, &guard->notices.drain,
	    notice);
}

int
notices_announce(struct guard *guard, const struct notice *notice)
{
	struct notices *notices = &guard->notices;
	int r = keep(notices->announcement_file, notice);

	load_announcement(notices);
	metrics_write(guard);
	if (!notices_is_announcement(guard, notice))
		return r; /* menus have what was before */
	notices->said++;
	turns_add(guard->turns, &notices->telling);
	return r;
}

bool
notices_is_announcement(const struct guard *guard, const struct notice *notice)
{
	return is_same(guard->notices.is_announced,
	    &guard->notices.announcement, notice);
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
