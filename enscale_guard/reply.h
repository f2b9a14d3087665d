/*
 * The surroundings of a shell's request, and the replies that all requests
 * share (common/protocol/guard_protocol.h). It knows no single request.
 */
#ifndef ENSCALE_GUARD_REPLY_H
#define ENSCALE_GUARD_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/config/config.h"
#include "common/policy/policy.h"
#include "common/protocol/keyd_protocol.h"
#include "common/protocol/session_registry.h"
#include "enscale_guard/audit.h"
#include "enscale_guard/cert.h"
#include "enscale_guard/hop.h"
#include "enscale_guard/last_use.h"
#include "enscale_guard/visits.h"

struct hop_count {
	uint32_t session, account; /* of the session; of all of the account's */
};

struct request {
	const struct config *config;
	const char *agent_socket; /* its path */
	const struct view *view;  /* NULL: there is none; view_error says why */
	int view_error;
	const struct session *session; /* NULL: the peer belongs to none */
	bool unrecorded; /* although sshd let it in, without asking PAM */
	struct hop *hop; /* of this connection */
	struct audit *audit;
	struct last_use *last_use;   /* NULL: nothing is remembered */
	const struct visits *visits; /* NULL: likewise */
	json_t *host_keys;           /* info_read_host_keys(), or NULL */
	const char *notice;          /* notices_line() */
	uint64_t now;                /* bucket_now() */
	/* May the session make a request of this cost? */
	bool (*charge)(void *arg, uint32_t cost);
	/* Hands on a change of keys that was judged; its outcome is reported
	 * later. 0;
	 * -EBUSY; -errno. NULL: this guard changes none. */
	int (*change_keys)(void *arg, const struct keyd_request *request);
	/* Has a certificate made and audited. NULL: this guard makes none. */
	int (*certify)(void *arg, const struct cert_request *request,
	    struct wire_writer *writer);
	/* The account's open sessions, an array; NULL: none are known. */
	json_t *(*list_sessions)(void *arg);
	/* How many connections to nodes there are. NULL: nobody counts. */
	void (*count_hops)(void *arg, struct hop_count *ret_count);
	void *arg;
};

struct reply {
	json_t *line; /* owned by whoever has the reply; NULL: no memory */
	bool later;   /* it comes later, from elsewhere; there is no line now */
	bool close;   /* the connection ends after it */
};

/* Takes ownership of the line. */
struct reply reply_now(json_t *line);
struct reply reply_later(void);

/* session may be NULL. code: GUARD_EXIT_*. */
struct reply reply_refusal(int code, const char *verdict, const char *sentence,
    const struct session *session);
/* Of a verdict that is not yes. */
struct reply reply_refuse(const struct request *request,
    const struct policy_answer *answer);
/* The view cannot tell: error is why. */
struct reply reply_cannot_tell(const struct request *request, int error);
struct reply reply_busy(const struct request *request);
/* For bytes that are not a request; they end the connection. */
struct reply reply_bad(const struct request *request, const char *sentence);

/* The guard's own line: event is "end" or "end-hop". */
json_t *reply_event(const char *event, const struct policy_answer *answer,
    const struct session *session);
/* Text from the directory, made fit for JSON and for a terminal. */
json_t *reply_text(const char *text);
/* GUARD_EXIT_* of a verdict that is not yes. */
int reply_exit_code(enum policy_verdict verdict);

/* Asks policy about the session, and the node where it is not 0. */
void reply_judge(const struct request *request, uint32_t node,
    struct policy_answer *ret_answer);

#endif
