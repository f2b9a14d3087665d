/* Memory for many small things that end together. */
#ifndef ENSCALECTL_POOL_H
#define ENSCALECTL_POOL_H

#include <stddef.h>

struct pool_block;

/* Begins as zeroes. */
struct pool {
	struct pool_block *blocks; /* owned */
	size_t used;               /* of the first */
};

/* Zeroes, aligned for anything; NULL without memory. */
void *pool_take(struct pool *pool, size_t size);
/* A copy with a NUL behind it, likewise. */
char *pool_copy(struct pool *pool, const void *data, size_t len);
void pool_free(struct pool *pool);

#endif
