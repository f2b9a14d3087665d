/* The life of a declaration. It knows no socket and no policy. */
#include <config.h>

#include "enscale_guard/hop.h"

#include "enscale_guard/bucket.h"

void
hop_declare(struct hop *hop, uint32_t node, bool forward_agent, uint64_t now)
{
	static uint64_t last;

	*hop = (struct hop){ .id = ++last,
		.state = HOP_DECLARED,
		.node = node,
		.forward_agent = forward_agent,
		.deadline = now + HOP_SECONDS * BUCKET_SECOND };
}

bool
hop_is_open(const struct hop *hop, uint64_t now)
{
	return hop->state == HOP_DECLARED && now < hop->deadline;
}

void
hop_sign(struct hop *hop)
{
	hop->state = HOP_SIGNED;
}

void
hop_refuse(struct hop *hop, const struct policy_answer *answer)
{
	hop->deadline = 0;
	hop->verdict = answer->verdict;
	policy_sentence(answer, hop->sentence, sizeof(hop->sentence));
}

void
hop_clear(struct hop *hop)
{
	*hop = (struct hop){ 0 };
}
