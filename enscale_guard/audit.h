/*
 * The audit log: one JSON object per line, each appended to config's audit_log
 * in one write(2), whole or not at all. Every line has "time" (UTC, RFC 3339)
 * and "event"; where it concerns a session, "session", "account", "node", "key"
 * (the user's key, SHA256:...) and "address".
 *
 * Events: session-seen, session-withdrawn (the guard ends it, with verdict
 * and sentence), session-ended, hop-declared, hop-refused, agent-refused,
 * key-added, key-deleted and key-refused (with the "fingerprint" of the key in
 * question), certificate (with its serial), cert-refused, hop-started,
 * hop-withdrawn, hop-ended.
 */
#ifndef ENSCALE_GUARD_AUDIT_H
#define ENSCALE_GUARD_AUDIT_H

#include <jansson.h>

#include "common/protocol/session_registry.h"

struct audit;

/* Opens path for appending (mode 0640). 0 or -errno. */
int audit_open(const char *path, struct audit **ret_audit);
/* Reopens the path, after logrotate(8) moved the file. On failure the old file
 * stays in use. */
int audit_reopen(struct audit *audit);
void audit_close(struct audit *audit);

/*
 * Appends one event. session may be NULL; fields (may be NULL) is taken over
 * and comes after the session's. What cannot be written goes to the
 * operator's log instead: an event is never lost silently. audit may be NULL:
 * then nothing is written.
 */
void audit_event(struct audit *audit, const char *event,
    const struct session *session, json_t *fields);

#endif
