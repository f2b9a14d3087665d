/* What the guard says of itself to Prometheus: a file for node_exporter's
 * textfile collector, replaced as a whole, with a row for each metric. */
#ifndef ENSCALE_GUARD_METRICS_H
#define ENSCALE_GUARD_METRICS_H

struct guard;

#define METRICS_FILE    "guard/metrics/enscale_guard.prom" /* below run_dir */
#define METRICS_SECONDS 5

/* Writes it now, and every METRICS_SECONDS. 0 or -errno; that it cannot be
 * written is reported and no failure. */
int metrics_open(struct guard *guard);
/* Writes it now: something has changed that somebody may wait for. */
void metrics_write(struct guard *guard);
/* The file goes: nobody is there any more. */
void metrics_close(struct guard *guard);

#endif
