/*
 * Writing the audit log (common/protocol/audit_events.h): each line in one
 * write(2), whole or not at all, and to the system's log if it is wanted there,
 * too.
 */
#ifndef ENSCALE_GUARD_AUDIT_H
#define ENSCALE_GUARD_AUDIT_H

#include "common/protocol/audit_events.h"
#include "common/protocol/session_registry.h"
#include "common/view/view.h"

struct audit;

/* Opens path for appending (mode 0640). After a part of a line the first event
 * begins a new one. 0 or -errno. */
int audit_open(const char *path, struct audit **ret_audit);
/* Reopens the path, after logrotate(8) moved the file. On failure the old file
 * stays in use. */
int audit_reopen(struct audit *audit);
void audit_close(struct audit *audit);

/* Where it finds titles of keys, and environments and roles of nodes: *view is
 * borrowed, read for each line, and may be NULL. */
void audit_look_up_in(struct audit *audit, struct view *const *view);
/* Whether lines go to the system's log, too, by this socket ("/dev/log"; NULL:
 * not). What that does not take at once is lost there. */
void audit_use_syslog(struct audit *audit, const char *path);

/*
 * Appends one event. session may be NULL, and so may fields, of which those of
 * the event's row are written; texts are made printable. What cannot be written
 * goes to the operator's log instead, and how many lines that were stands in
 * the next line that can: an event is never lost silently. audit may be NULL:
 * then nothing is written.
 */
void audit_event(struct audit *audit, enum audit_event event,
    const struct session *session, const struct audit_fields *fields);

#endif
