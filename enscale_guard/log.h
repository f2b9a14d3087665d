/*
 * What the guard tells its operator: one line each on stderr, lower case,
 * objects in quotes, the reason last; with a priority in front when stderr is
 * the journal. Where a session is meant, the line ends with its fields:
 * session=... account=... node=...
 */
#ifndef ENSCALE_GUARD_LOG_H
#define ENSCALE_GUARD_LOG_H

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
