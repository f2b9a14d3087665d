/*
 * The answers to the shell's requests (common/guard_protocol.h), without a
 * socket: one line in, one object out. It reads the view and asks policy; it
 * changes nothing but the connection's own hop.
 */
#ifndef ENSCALE_GUARD_REQUEST_H
#define ENSCALE_GUARD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/config.h"
#include "common/keyd_protocol.h"
#include "common/limits.h"
#include "common/policy.h"
#include "common/session_registry.h"
#include "enscale_guard/audit.h"
#include "enscale_guard/cert.h"
#include "enscale_guard/hop.h"
#include "enscale_guard/last_use.h"

#define REQUEST_ALIAS_SIZE (sizeof("node") + LOGIN_DIGITS_MAX)
#define REQUEST_KNOWN_HOSTS_MAX \
	(NODE_HOST_KEYS_MAX * (KEY_LINE_MAX + REQUEST_ALIAS_SIZE))

struct request {
	const struct config *config;
	const char *agent_socket; /* its path */
	const struct view *view;  /* NULL: there is none, and why */
	int view_error;
	const struct session *session; /* NULL: the peer belongs to none */
	bool unrecorded; /* although sshd let it in: nobody asked PAM */
	struct hop *hop; /* of this connection */
	struct audit *audit;
	struct last_use *last_use; /* NULL: nothing is remembered */
	json_t *host_keys;         /* about_read_host_keys(), or NULL */
	uint64_t now;              /* bucket_now() */
	/* Asked before a list is put together; may it be? */
	bool (*charge)(void *arg, uint32_t cost);
	/* Hands a judged change of keys on; its outcome is told later. 0;
	 * -EBUSY; -errno. NULL: this guard changes none. */
	int (*change_keys)(void *arg, const struct keyd_request *request);
	/* Has a certificate made and audited. NULL: this guard makes none. */
	int (*certify)(void *arg, const struct cert_request *request,
	    struct wire_writer *writer);
	/* The account's open sessions, an array; NULL: none are known. */
	json_t *(*list_sessions)(void *arg);
	void *arg;
};

/*
 * Answers one line, its end not included. Returns a new object; NULL without
 * memory, and when change_keys has taken it; *ret_close says that the connection ends after it.
 */
json_t *request_answer(const struct request *request, const char *line,
    size_t len, bool *ret_close);

/* The refusal object; session may be NULL. */
json_t *request_refusal(int code, const char *verdict, const char *sentence,
    const struct session *session);
/* The guard's own line: event is "end" or "end-hop". */
json_t *request_event(const char *event, const struct policy_answer *answer,
    const struct session *session);
/*
 * The node's host keys as ssh reads them, a line each, under its own name
 * ("node124718"). buf has room for REQUEST_KNOWN_HOSTS_MAX. 0; ENS_E_NOTFOUND
 * when it has none; ENS_E_LIMIT.
 */
int request_known_hosts(const struct node_record *node, char *buf, size_t size);
/* Text of the directory, fit for JSON and for a terminal. */
json_t *request_text(const char *text);
/* Asks policy about the session, and the node where it is not 0. */
void request_judge(const struct request *request, uint32_t node,
    struct policy_answer *ret_answer);
/* The refusal of a verdict; of bytes that are no request, which end the
 * connection. */
json_t *request_refuse(const struct request *request,
    const struct policy_answer *answer);
json_t *request_bad(const struct request *request, const char *sentence,
    bool *ret_close);
/* GUARD_EXIT_* of a verdict that is not POLICY_ALLOWED. */
int request_exit_code(enum policy_verdict verdict);

#endif
