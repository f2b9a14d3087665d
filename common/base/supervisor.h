/*
 * What a daemon tells systemd, or whoever else started it with NOTIFY_SOCKET:
 * sd_notify(3), but it never waits. libsystemd's sends with a blocking socket,
 * and a supervisor that does not read (while it reloads, or hangs) would stop
 * the daemon, too.
 */
#ifndef ENSCALE_COMMON_BASE_SUPERVISOR_H
#define ENSCALE_COMMON_BASE_SUPERVISOR_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#define SUPERVISOR_TEXT_MAX 1280

/* Sends one assignment, such as "READY=1". False: it was not received, and may
 * be sent again; true also when there is no supervisor. */
bool supervisor_tell(const char *text);

/* READY=1, for a daemon that is ready at once and says so once: this call waits
 * until it is received. */
void supervisor_tell_ready(void);

/* Something long makes progress, such as a first refresh: extends the start
 * limit and the watchdog by another minute. */
void supervisor_tell_progress(void);

/* Sends STATUS=, if it differs from the last one that was received. */
void supervisor_tell_status(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Keeps the watchdog alive, if there is one, as long as the loop runs. 0 or
 * -errno; *ret_source is NULL where there is none. */
int supervisor_feed_watchdog(sd_event *event, sd_event_source **ret_source);

#endif
