/* The files of the audit log: the one that is written, and before it those that
 * logrotate(8) has moved away and packed. */
#ifndef ENSCALECTL_AUDIT_FILES_H
#define ENSCALECTL_AUDIT_FILES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Calls visit for each line of them, the oldest first, without its end; files
 * that were last written before that time (seconds since the epoch) are left
 * out. Complains about each that cannot be read or is no plain file, and returns
 * how many those were. follow: the last one is read on for ever, also when it is moved away.
 */
unsigned audit_files_each(const char *path, int64_t since, bool follow,
    void (*visit)(const char *line, void *arg), void *arg);

#endif
