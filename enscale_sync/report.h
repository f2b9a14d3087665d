/*
 * Reports for others to read, status.c's and metrics.c's: a new file is written
 * beside the old one and takes its place, so that nobody reads half of one. It
 * is not synced: it is in memory, and out of date after a restart.
 */
#ifndef ENSCALE_SYNC_REPORT_H
#define ENSCALE_SYNC_REPORT_H

#include <stdio.h>

#include "enscale_sync/state.h"

/* 0, or an error of reading the state; errors of the file are checked later. */
typedef int report_put(FILE *file, struct state *state, const void *arg);

/* Writes the file, mode 0644, within the state's current transaction or one of
 * its own. 0; -errno; what put() returns. On failure the old file stays. */
int report_write(const char *path, struct state *state, report_put *put,
    const void *arg);

#endif
