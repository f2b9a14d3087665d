/*
 * The log: one line per event on standard error, lower case, the object in
 * quotes, the reason last. Under systemd each line begins with its priority.
 * What a user or the directory said is made printable on its way.
 */
#ifndef ENSCALE_KEYD_LOG_H
#define ENSCALE_KEYD_LOG_H

#include <syslog.h>

/* priority: LOG_ERR, LOG_WARNING, LOG_INFO. */
void log_line(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
