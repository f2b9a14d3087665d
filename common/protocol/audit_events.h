/*
 * The audit log: one JSON object a line, of which the guard writes each whole
 * or not at all. A row for each event and for each field; the guard writes, and
 * enscalectl reads and documents, by these rows, so another one is a row.
 *
 *	FIELD(BIT, member, TYPE)
 *
 * BIT		in the rows of events
 * member	its name in struct audit_fields and in the JSON
 * TYPE		TEXT (NULL is left out), NUMBER, FLAG, ID (0 is left out),
 *		CODE (negative is left out), OBJECT (jansson's; NULL is left out)
 *
 *	EVENT(NAME, "name", fields, "what people read of it")
 *
 * Every line has "time" (UTC, RFC 3339), "gateway" (the host) and "event".
 * Where it concerns a session it has "session", "account", "key" (of the user,
 * SHA256:...), "key_title", "address", "port" and, if the session was opened for
 * one, "node". Lines with a node have what the directory said of it then:
 * AUDIT_PLACE.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_AUDIT_EVENTS_H
#define ENSCALE_COMMON_PROTOCOL_AUDIT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define AUDIT_FIELDS(FIELD) \
	FIELD(NODE,          node,          ID) \
	FIELD(ENVIRONMENT,   environment,   TEXT) \
	FIELD(OWNER,         owner,         ID) \
	FIELD(ROLE,          role,          TEXT) \
	FIELD(SYSTEM_USER,   system_user,   TEXT) \
	FIELD(VERDICT,       verdict,       TEXT) \
	FIELD(SENTENCE,      sentence,      TEXT) \
	FIELD(REASON,        reason,        TEXT) \
	FIELD(RULE,          rule,          TEXT) \
	FIELD(BY,            by,            TEXT) \
	FIELD(COMMAND,       command,       TEXT) \
	FIELD(SUBSYSTEM,     subsystem,     TEXT) \
	FIELD(TERMINAL,      terminal,      FLAG) \
	FIELD(FORWARD_AGENT, forward_agent, FLAG) \
	FIELD(NATIVE,        native,        FLAG) \
	FIELD(SERIAL,        serial,        NUMBER) \
	FIELD(LIFETIME,      lifetime,      NUMBER) \
	FIELD(VALID_AFTER,   valid_after,   TEXT) \
	FIELD(VALID_BEFORE,  valid_before,  TEXT) \
	FIELD(OPENED,        opened,        NUMBER) \
	FIELD(SECONDS,       seconds,       NUMBER) \
	FIELD(EXIT,          exit,          CODE) \
	FIELD(OP,            op,            TEXT) \
	FIELD(FINGERPRINT,   fingerprint,   TEXT) \
	FIELD(TITLE,         title,         TEXT) \
	FIELD(CA,            ca,            TEXT) \
	FIELD(WHAT,          what,          TEXT) \
	FIELD(RESULT,        result,        TEXT) \
	FIELD(COUNT,         count,         NUMBER) \
	FIELD(UID,           uid,           NUMBER) \
	FIELD(USER,          user,          TEXT) \
	FIELD(LOGIN_UID,     login_uid,     CODE) \
	FIELD(LOGIN_USER,    login_user,    TEXT) \
	FIELD(REQUEST,       request,       TEXT) \
	FIELD(ARGUMENTS,     arguments,     OBJECT) \
	FIELD(OK,            ok,            FLAG) \
	FIELD(SESSIONS,      sessions,      CODE) \
	FIELD(HOPS,          hops,          CODE)

#define AUDIT_PLACE (AUDIT_HAS(NODE) | AUDIT_HAS(ENVIRONMENT) | AUDIT_HAS(OWNER) | \
	AUDIT_HAS(ROLE) | AUDIT_HAS(SYSTEM_USER))
#define AUDIT_WHY   (AUDIT_HAS(VERDICT) | AUDIT_HAS(SENTENCE))

#define AUDIT_EVENTS(EVENT) \
	EVENT(LOGIN, "login", AUDIT_HAS(OPENED), "logs in") \
	EVENT(SESSION_SEEN, "session-seen", AUDIT_HAS(OPENED), \
	    "was there when the guard began") \
	EVENT(LOGIN_REFUSED, "login-refused", AUDIT_HAS(NODE) | AUDIT_WHY, \
	    "is refused a login") \
	EVENT(SESSION_WITHDRAWN, "session-withdrawn", \
	    AUDIT_PLACE | AUDIT_WHY | AUDIT_HAS(BY), "has the session ended") \
	EVENT(SESSION_ENDED, "session-ended", AUDIT_HAS(SECONDS), "is gone") \
	EVENT(HOP_DECLARED, "hop-declared", \
	    AUDIT_PLACE | AUDIT_HAS(FORWARD_AGENT) | AUDIT_HAS(TERMINAL) | \
	        AUDIT_HAS(SUBSYSTEM) | AUDIT_HAS(COMMAND), "wants to enter") \
	EVENT(HOP_REFUSED, "hop-refused", AUDIT_PLACE | AUDIT_WHY, \
	    "is refused a node") \
	EVENT(AGENT_REFUSED, "agent-refused", \
	    AUDIT_PLACE | AUDIT_HAS(RULE) | AUDIT_HAS(REASON), "gets no certificate") \
	EVENT(CERTIFICATE, "certificate", \
	    AUDIT_PLACE | AUDIT_HAS(SERIAL) | AUDIT_HAS(FORWARD_AGENT) | AUDIT_HAS(NATIVE) | \
	        AUDIT_HAS(LIFETIME), "gets a certificate") \
	EVENT(CERTIFICATE_REFUSED, "cert-refused", AUDIT_WHY, \
	    "is refused a certificate") \
	EVENT(NODE_REFUSED, "node-refused", \
	    AUDIT_PLACE | AUDIT_HAS(VALID_AFTER) | AUDIT_HAS(VALID_BEFORE), \
	    "is not let in by the node") \
	EVENT(HOP_STARTED, "hop-started", \
	    AUDIT_PLACE | AUDIT_HAS(TERMINAL) | AUDIT_HAS(SUBSYSTEM) | AUDIT_HAS(COMMAND), \
	    "enters") \
	EVENT(HOP_FAILED, "hop-failed", \
	    AUDIT_PLACE | AUDIT_HAS(REASON) | AUDIT_HAS(SENTENCE), \
	    "cannot reach the node") \
	EVENT(HOP_WITHDRAWN, "hop-withdrawn", \
	    AUDIT_PLACE | AUDIT_WHY | AUDIT_HAS(BY), "has to leave") \
	EVENT(HOP_ENDED, "hop-ended", \
	    AUDIT_PLACE | AUDIT_HAS(SECONDS) | AUDIT_HAS(EXIT), "leaves") \
	EVENT(KEY_ADDED, "key-added", AUDIT_HAS(FINGERPRINT) | AUDIT_HAS(TITLE), \
	    "adds a key") \
	EVENT(KEY_DELETED, "key-deleted", AUDIT_HAS(FINGERPRINT), "deletes a key") \
	EVENT(KEY_REFUSED, "key-refused", AUDIT_HAS(OP) | AUDIT_WHY | \
	        AUDIT_HAS(FINGERPRINT) | AUDIT_HAS(TITLE), "may not change keys") \
	EVENT(CA_CHANGED, "ca-changed", AUDIT_HAS(CA), "the CA key is another") \
	EVENT(ADMIN_ACT, "admin-act", \
	    AUDIT_HAS(BY) | AUDIT_HAS(OP) | AUDIT_HAS(WHAT) | AUDIT_HAS(RESULT), \
	    "an administrator did something") \
	EVENT(OPERATOR, "operator", \
	    AUDIT_HAS(UID) | AUDIT_HAS(USER) | AUDIT_HAS(LOGIN_UID) | \
	        AUDIT_HAS(LOGIN_USER) | AUDIT_HAS(REQUEST) | \
	        AUDIT_HAS(ARGUMENTS) | AUDIT_HAS(OK) | AUDIT_HAS(VERDICT) | \
	        AUDIT_HAS(SESSIONS) | AUDIT_HAS(HOPS), \
	    "an operator asked for something") \
	EVENT(LINES_LOST, "lines-lost", AUDIT_HAS(COUNT) | AUDIT_HAS(REASON), \
	    "the audit log could not be written")
/* clang-format on */

struct json_t;

enum audit_field_index {
#define FIELD(BIT, member, TYPE) AUDIT_INDEX_##BIT,
	AUDIT_FIELDS(FIELD)
#undef FIELD
	AUDIT_FIELD_COUNT,
};

#define AUDIT_HAS(BIT) (UINT64_C(1) << AUDIT_INDEX_##BIT)

/* AUDIT_EVENT_LOGIN, ... */
enum audit_event {
#define EVENT(NAME, name, fields, text) AUDIT_EVENT_##NAME,
	AUDIT_EVENTS(EVENT)
#undef EVENT
	AUDIT_EVENT_COUNT,
};

#define AUDIT_TYPE_TEXT   const char * /* borrowed */
#define AUDIT_TYPE_NUMBER int64_t
#define AUDIT_TYPE_FLAG   bool
#define AUDIT_TYPE_ID     uint32_t
#define AUDIT_TYPE_CODE   int64_t
#define AUDIT_TYPE_OBJECT struct json_t * /* borrowed */

struct audit_fields {
#define FIELD(BIT, member, TYPE) AUDIT_TYPE_##TYPE member;
	AUDIT_FIELDS(FIELD)
#undef FIELD
};

struct audit_event_row {
	const char *name;
	uint64_t fields; /* AUDIT_HAS() */
	const char *text;
};

extern const struct audit_event_row audit_event_rows[AUDIT_EVENT_COUNT];

/* The event of that name. 0 or ENS_E_NOTFOUND. */
int audit_event_find(const char *name, enum audit_event *ret_event);

#endif
