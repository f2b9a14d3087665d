/* See import_progress.h. It refuses to write what nobody looks at. */
#include <config.h>

#include "enscalectl/import_progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_EVERY 100 /* milliseconds */

static struct {
	bool terminal, shown;
	uint32_t all;
	int64_t begun, last;
} progress;

static int64_t
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
import_progress_begin(uint32_t all)
{
	progress.terminal = isatty(STDERR_FILENO) == 1;
	progress.all = all;
	progress.begun = progress.last = milliseconds();
}

void
import_progress(const char *what, uint32_t done)
{
	int64_t now, took, rate;

	if (!progress.terminal)
		return;
	now = milliseconds();
	if (now - progress.last < SHOWN_EVERY || done == 0)
		return;
	progress.last = now;
	took = now - progress.begun;
	rate = (int64_t)done * 1000 / took;
	fprintf(stderr, "\r\033[K%s: %u of %u, %lld a second, %lld s left",
	    what, done, progress.all, (long long)rate,
	    (long long)((int64_t)(progress.all - done) * took / done / 1000));
	fflush(stderr);
	progress.shown = true;
}

void
import_progress_clear(void)
{
	if (!progress.shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress.shown = false;
}
