/* A token bucket: a rate per second, and a burst after a quiet time. */
#ifndef ENSCALE_GUARD_BUCKET_H
#define ENSCALE_GUARD_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BUCKET_SECOND 1000000ULL /* times are in microseconds */

struct bucket {
	uint64_t rate;  /* tokens a second */
	uint64_t burst; /* tokens at most */
	uint64_t fill;  /* millionths of a token */
	uint64_t at;
};

/* CLOCK_MONOTONIC. */
static inline uint64_t
bucket_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * BUCKET_SECOND +
	    (uint64_t)now.tv_nsec / 1000;
}

static inline void
bucket_init(struct bucket *bucket, uint64_t rate, uint64_t burst, uint64_t now)
{
	*bucket = (struct bucket){ .rate = rate,
		.burst = burst,
		.fill = burst * BUCKET_SECOND,
		.at = now };
}

static inline void
bucket_fill(struct bucket *bucket, uint64_t now)
{
	const uint64_t full = bucket->burst * BUCKET_SECOND;
	uint64_t passed = now > bucket->at ? now - bucket->at : 0;

	bucket->at = now;
	if (passed > full / bucket->rate)
		bucket->fill = full;
	else
		bucket->fill += passed * bucket->rate;
	if (bucket->fill > full)
		bucket->fill = full;
}

/* Takes that many tokens, or none if there are too few. */
static inline bool
bucket_take(struct bucket *bucket, uint64_t tokens, uint64_t now)
{
	bucket_fill(bucket, now);
	if (bucket->fill < tokens * BUCKET_SECOND)
		return false;
	bucket->fill -= tokens * BUCKET_SECOND;
	return true;
}

static inline bool
bucket_is_full(struct bucket *bucket, uint64_t now)
{
	bucket_fill(bucket, now);
	return bucket->fill == bucket->burst * BUCKET_SECOND;
}

#endif
