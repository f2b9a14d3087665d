/*
 * Metrics for Prometheus: the file metrics/enscale_sync.prom below run_dir, in
 * the text format that node_exporter's textfile collector reads, replaced as a
 * whole. Each is explained in its HELP line and listed in enscale-sync(8).
 * Nothing in it names a person.
 */
#ifndef ENSCALE_SYNC_METRICS_H
#define ENSCALE_SYNC_METRICS_H

#include "enscale_sync/publish.h"
#include "enscale_sync/state.h"
#include "enscale_sync/status.h"

#define METRICS_FILE "metrics/enscale_sync.prom" /* below run_dir */

/* Writes the file, within the current transaction if there is one. 0 or
 * -errno. */
int metrics_write(const struct status *status, struct state *state,
    const struct publisher *publisher, const char *path);

#endif
