/*
 * The one policy: it decides and explains. The keys helper, PAM, the guard, the
 * shell's list and `enscalectl explain` all ask here; no other place knows a
 * rule.
 *
 * The order of judgement is fixed, so that the same facts give everybody the
 * same verdict: account, key, node, environment, role; then, of a login, whether
 * the gateway takes any.
 */
#ifndef ENSCALE_COMMON_POLICY_POLICY_H
#define ENSCALE_COMMON_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "common/view/view.h"

enum policy_verdict {
	POLICY_ALLOWED = 0,  /* the only yes */
	POLICY_CANNOT_TELL,  /* no usable view: neither yes nor no */
	POLICY_VIEW_TOO_OLD, /* older than offline_max_age */
	POLICY_ACCOUNT_UNKNOWN,
	POLICY_ACCOUNT_SUSPENDED,
	POLICY_ACCOUNT_EXPIRED,
	POLICY_KEY_UNKNOWN,
	POLICY_KEY_EXPIRED,
	POLICY_KEY_ADDRESS,  /* not from this address */
	POLICY_NODE_UNKNOWN, /* also where the account has no role */
	POLICY_ENVIRONMENT_STOPPED,
	POLICY_ENVIRONMENT_SLEEPING,
	POLICY_NODE_STOPPED,
	POLICY_NODE_MOVED,     /* only from the guard: the node has moved */
	POLICY_ACCESS_LIMITED, /* the role does not include SSH */
	POLICY_DRAINED,        /* no new logins, an operator said */
	POLICY_ENDED,          /* only from the guard: an operator ended it */
};

/* What a verdict is about, as far as callers distinguish it. */
enum policy_class {
	POLICY_CLASS_YES = 0,
	POLICY_CLASS_CANNOT_TELL, /* opens nothing, and ends nothing */
	POLICY_CLASS_ACCOUNT,
	POLICY_CLASS_KEY,
	POLICY_CLASS_NODE,
	POLICY_CLASS_OPERATOR, /* nothing has lost a right: an operator's will */
};

/* The question. The account is always judged; key and node if they are set. */
struct policy_question {
	uint32_t account;
	const uint8_t *fingerprint; /* SHA256_LEN bytes, or NULL: no key */
	const char *address; /* numeric source address, or NULL: unknown */
	uint32_t node;       /* 0: no node */
	int64_t now;         /* seconds since the epoch */
	int64_t max_age;     /* offline_max_age in seconds; 0: none */
	/* The operators' text where the gateway takes no new logins, and this
	 * account's neither; "" without one; NULL: it does, or it is no login.
	 */
	const char *drained;
};

/* What was found on the way; valid as far as the judgement got, borrowed from
 * the view. */
struct policy_answer {
	enum policy_verdict verdict;
	int error; /* the cause of POLICY_CANNOT_TELL */
	uint32_t account_id, node_id;
	struct account_record account;
	struct key_record key;
	struct node_record node;
	struct environment_record environment;
	enum environment_role role;
	/* Of an operator's verdict: his text or "", and who he is or NULL. */
	const char *text, *by;
};

/*
 * Judges. view may be NULL (then error is what view_open() said and the
 * verdict POLICY_CANNOT_TELL: pass it in open_error, else 0).
 */
void policy_judge(const struct view *view, int open_error,
    const struct policy_question *question, struct policy_answer *ret_answer);

/*
 * Judges a key alone, without considering account and node: enscale-keys needs
 * this, since whoever is refused should get a sentence. There from= is left to
 * sshd, and address may be NULL.
 */
void policy_judge_key(const struct view *view, int open_error,
    const struct policy_question *question, struct policy_answer *ret_answer);

/* May this role enter a node of an environment in this state? This part of the
 * rules is needed for lists; policy_judge() uses it too. */
enum policy_verdict policy_judge_role(enum environment_role role,
    enum environment_state environment, enum environment_state node);

/*
 * The sentence for a person, e.g. "Node 144490 cannot be entered: its
 * environment env-3344147 is stopped.". Printable ASCII and UTF-8 only:
 * control characters of directory text are replaced. Returns the length;
 * cut at a character's end when buf is too small (size >= 1). If a stranger (no
 * role at all) must not learn the cause, it is the same as for an unknown node.
 */
size_t policy_sentence(const struct policy_answer *answer, char *buf,
    size_t size);

/* The word for logs and JSON: "allowed", "account-suspended", ... */
const char *policy_verdict_text(enum policy_verdict verdict);
enum policy_class policy_class(enum policy_verdict verdict);

#define POLICY_SENTENCE_MAX 512

#endif
