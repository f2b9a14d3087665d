/*
 * A hop: what one connection to guard.sock has declared, and what became of
 * it. A declaration belongs to the connection only, lasts HOP_SECONDS, is used
 * up by one signature, and can only restrict: policy judges again before the
 * certificate and before the signature.
 */
#ifndef ENSCALE_GUARD_HOP_H
#define ENSCALE_GUARD_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/policy/policy.h"

enum hop_state {
	HOP_NONE = 0,
	HOP_DECLARED,
	HOP_SIGNED, /* its ssh has received the signature */
};

/* What it is for, as its shell said: for the audit log. */
struct hop_what {
	bool terminal;
	char subsystem[AUDIT_SUBSYSTEM_MAX + 1];
	char command[AUDIT_COMMAND_MAX + 1]; /* its beginning */
};

struct hop {
	uint64_t id; /* never used twice, so that no two hops are confused */
	enum hop_state state;
	uint32_t node;
	bool forward_agent;
	uint64_t deadline; /* bucket_now() */
	int64_t certified; /* time(2) of its certificate; 0: there is none */
	struct hop_what what;
	/* With which status its ssh ended, as the shell said when it was over,
	 * plus one; 0: it did not say. */
	uint32_t ended;
	/* Why the agent refused it, if policy did. */
	enum policy_verdict verdict;
	char sentence[POLICY_SENTENCE_MAX];
};

/* Replaces whatever was declared before. */
void hop_declare(struct hop *hop, uint32_t node, bool forward_agent,
    uint64_t now);
/* May it still get its signature? */
bool hop_is_open(const struct hop *hop, uint64_t now);
/* Its only signature was made. */
void hop_sign(struct hop *hop);
void hop_refuse(struct hop *hop, const struct policy_answer *answer);
void hop_clear(struct hop *hop);

#endif
