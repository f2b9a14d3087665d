/*
 * The log of a daemon: one line per event on standard error, in lower case,
 * with the object in quotes, the reason last, and then whom it concerns. A line
 * begins with the program's name or, if standard error is the journal
 * (JOURNAL_STREAM), with its priority. Text from strangers is made printable on
 * its way: one line stays one line. Lines about somebody can go elsewhere
 * (journal.h).
 *
 * Nobody who is to read standard error can hold a daemon up: a line that would
 * have to wait is lost. The next that is taken comes behind one that says how
 * many were. The descriptor may be shared: it stays as it is, blocking or not.
 */
#ifndef ENSCALE_COMMON_BASE_LOG_H
#define ENSCALE_COMMON_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#define LOG_LINE_MAX 4096 /* with its end; what is longer is cut */

/* Whom a line concerns; NULL, "" and 0 are left out. */
struct log_fields {
	const char *session;
	uint32_t account, node;
	const char *verdict; /* policy's word, which the text does not have */
};

/* priority: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO. errno stays as it is. */
void log_line(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, and at its end: session=... account=... node=... */
void log_about(const struct log_fields *fields, int priority,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Where lines about somebody go from now on; NULL: to standard error. text is
 * all of the line but its beginning. What a sink returns false for goes to
 * standard error.
 */
typedef bool log_sink(int priority, const char *text,
    const struct log_fields *fields);
void log_to(log_sink *sink);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)

#endif
