/*
 * Writing an import: many changes are under way at one time, on one connection,
 * but never one with what it needs. See import.h. It refuses to go on when the
 * directory has gone, or when it is told to stop: what was begun is waited for,
 * and running it again does the rest.
 */
#include <config.h>

#include <signal.h>
#include <string.h>
#include <time.h>

#include "enscalectl/import.h"
#include "enscalectl/import_progress.h"
#include "enscalectl/published.h"

/* One kind after the other; a node is moved before it is changed. */
static const struct step {
	enum entry_kind kind;
	bool moves;
	const char *what;
} steps[] = {
	{ ENTRY_ACCOUNT, false, "accounts" },
	{ ENTRY_KEY, false, "keys" },
	{ ENTRY_ENVIRONMENT, false, "environments" },
	{ ENTRY_NODE, true, "nodes" },
	{ ENTRY_NODE, false, "nodes" },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

struct writing {
	struct import *import;
	const struct step *step;
	uint32_t done;
	sigset_t stopping; /* signals that ask to stop; blocked */
	bool stopped, lost;
};

static bool
is_to_do(const struct import_item *item, const struct step *step)
{
	return item->kind == step->kind &&
	    (item->state == IMPORT_TO_ADD || item->state == IMPORT_TO_CHANGE) &&
	    (!step->moves || item->moves);
}

/* ---- being told to stop ------------------------------------------------- */

static bool
is_told_to_stop(const struct writing *writing)
{
	static const struct timespec now = { 0, 0 };

	return sigtimedwait(&writing->stopping, NULL, &now) > 0;
}

/* ---- answers ------------------------------------------------------------ */

/* A node that has moved is at its new place, and what else there is to change
 * of it comes in the next step. */
static int
settle_move(struct import *import, struct import_item *item)
{
	char dn[ENTRY_DN_MAX + 1];

	item->moves = false;
	item->state = item->differs != 0 ? IMPORT_TO_CHANGE : IMPORT_CHANGED;
	if (directory_moved_dn(item->dn, item->needs[0]->dn, dn) != 0)
		return EXIT_YES; /* it was moved by the same name */
	item->dn = pool_copy(&import->pool, dn, strlen(dn));
	return item->dn != NULL ? EXIT_YES : import_no_memory();
}

static int
take_answer(struct writing *writing)
{
	struct import *import = writing->import;
	struct directory_answer answer;
	struct import_item *item;
	int code;

	directory_answer(import->directory, &answer);
	item = answer.token;
	if (answer.result != 0)
		import_about(import, item->file, item->line);
	code = directory_settle(import->directory, &answer);
	writing->lost |= answer.unknown;
	writing->done++;
	if (answer.unknown)
		item->state = IMPORT_UNKNOWN;
	else if (code != EXIT_YES)
		return import_refuse(import, item);
	else if (item->moves)
		return settle_move(import, item);
	else
		item->state = item->state == IMPORT_TO_ADD ? IMPORT_ADDED
		                                           : IMPORT_CHANGED;
	return EXIT_YES;
}

static void
take_all(struct writing *writing)
{
	while (directory_under_way(writing->import->directory) > 0)
		(void)take_answer(writing);
}

/* ---- changes ------------------------------------------------------------ */

/* What was to be made before it may have been refused. */
static int
check_needs(struct import *import, struct import_item *item)
{
	char name[IMPORT_NAME_MAX];

	for (uint32_t i = 0; i < item->need_count; i++) {
		if (item->needs[i]->found ||
		    item->needs[i]->state == IMPORT_ADDED)
			continue;
		import_name(item->needs[i], name);
		complain("%s was refused, which it needs", name);
		return import_refuse(import, item);
	}
	return EXIT_YES;
}

static int
begin(struct import *import, struct import_item *item)
{
	struct import_changes changes;

	if (item->moves)
		return directory_begin_move(import->directory, item->dn,
		    item->needs[0]->dn, item);
	import_changes(import, item, &changes);
	return item->found
	    ? directory_begin_modify(import->directory, item->dn, item->old,
	          item->old_count, &changes.changes, item)
	    : directory_begin_add(import->directory, item->dn, &changes.changes,
	          item);
}

static void
make(struct writing *writing, struct import_item *item)
{
	struct import *import = writing->import;
	int code;

	while (directory_under_way(import->directory) == DIRECTORY_WINDOW)
		(void)take_answer(writing);
	if (writing->lost || import_is_over(import))
		return;
	import_about(import, item->file, item->line);
	code = check_needs(import, item);
	if (code != EXIT_YES)
		return;
	code = begin(import, item);
	if (code == EXIT_NO)
		(void)import_refuse(import, item);
	writing->lost |= code == EXIT_CANNOT_TELL;
}

static void
make_step(struct writing *writing)
{
	struct import *import = writing->import;

	for (uint32_t i = 0; i < import->count; i++) {
		struct import_item *item = import->items[i];

		if (!is_to_do(item, writing->step))
			continue;
		if (writing->stopped || writing->lost || import_is_over(import))
			break;
		make(writing, item);
		import_progress(writing->step->what, writing->done);
		writing->stopped = is_told_to_stop(writing);
	}
	take_all(writing);
}

static uint32_t
count_to_do(const struct import *import)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < import->count; i++) {
		const struct import_item *item = import->items[i];

		count += item->state == IMPORT_TO_ADD ||
		    item->state == IMPORT_TO_CHANGE;
		count += item->moves && item->differs != 0;
	}
	return count;
}

static void
block_signals(struct writing *writing, sigset_t *ret_before)
{
	(void)sigemptyset(&writing->stopping);
	(void)sigaddset(&writing->stopping, SIGINT);
	(void)sigaddset(&writing->stopping, SIGTERM);
	(void)sigaddset(&writing->stopping, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &writing->stopping, ret_before);
}

int
import_write(struct import *import)
{
	struct writing writing = { .import = import };
	sigset_t before;

	block_signals(&writing, &before);
	complain_before(import_progress_clear);
	import_progress_begin(count_to_do(import));
	for (size_t i = 0; i < STEPS; i++) {
		writing.step = &steps[i];
		make_step(&writing);
	}
	import_progress_clear();
	complain_before(NULL);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	import_about(import, NULL, 0);
	if (writing.lost)
		complain("the directory has gone, or does not answer");
	else if (writing.stopped)
		complain("told to stop");
	return writing.lost || writing.stopped ? EXIT_CANNOT_TELL : EXIT_YES;
}

/* ---- has this gateway got it? ------------------------------------------- */

/* What was written, one after the other. */
struct awaited {
	struct import *import;
	uint32_t at;
};

static bool
next_written(void *arg, struct published *ret_wanted)
{
	struct awaited *awaited = arg;
	struct import *import = awaited->import;
	struct import_changes changes;
	const struct import_item *item;
	const struct entry *entry;

	while (awaited->at < import->count) {
		item = import->items[awaited->at++];
		if (item->state != IMPORT_ADDED &&
		    item->state != IMPORT_CHANGED)
			continue;
		import_changes(import, item, &changes);
		if (directory_judge(import->directory, item->dn, item->old,
		        item->old_count, &changes.changes, &entry) != EXIT_YES)
			continue; /* it was not written */
		*ret_wanted = (struct published){
			.entry = entry,
			.account = item->kind == ENTRY_KEY
			    ? item->needs[0]->number
			    : 0,
			.environment = item->kind == ENTRY_NODE
			    ? item->needs[0]->name
			    : "",
		};
		return true;
	}
	return false;
}

int
import_await(struct import *import, int64_t *ret_milliseconds)
{
	struct awaited awaited = { import, 0 };

	return published_await_each(import->config, next_written, &awaited,
	    ret_milliseconds);
}
