/*
 * Refusals that happened, by the session id that whoever was refused was told:
 * the guard's audit log has those of the guard, the system's log those of PAM,
 * which the guard never saw.
 */
#ifndef ENSCALECTL_REFUSAL_H
#define ENSCALECTL_REFUSAL_H

#include <stdint.h>

#include "common/base/limits.h"
#include "common/keys/fingerprint_text.h"
#include "common/policy/policy.h"
#include "common/protocol/session_registry.h"
#include "enscalectl/verb.h"

#define REFUSAL_WORD_MAX 64

/* Texts are "" and numbers 0 where the log does not say. */
struct refusal {
	char time[REFUSAL_WORD_MAX];  /* as the log has it */
	char event[REFUSAL_WORD_MAX]; /* "hop-refused", "account" */
	char verdict[REFUSAL_WORD_MAX];
	char sentence[POLICY_SENTENCE_MAX];
	char key[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char address[ADDRESS_TEXT_MAX + 1];
	uint32_t account, node;
};

/*
 * Calls found() for each refusal of that session, in the order of the logs, and
 * returns how many there are; *ret_seen: the session is in a log at all. Logs
 * that are not there, or not readable, are passed over.
 */
unsigned refusal_find(const struct context *context, const char *session,
    void (*found)(const struct refusal *refusal, void *arg), void *arg,
    bool *ret_seen);

#endif
