/* See pool.h. It refuses to give a part back before the whole. */
#include <config.h>

#include "enscalectl/pool.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)256 * 1024)

struct pool_block {
	struct pool_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

static struct pool_block *
add_block(struct pool *pool, size_t least)
{
	size_t size = least > BLOCK ? least : BLOCK;
	struct pool_block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = pool->blocks;
	pool->blocks = block;
	pool->used = 0;
	return block;
}

void *
pool_take(struct pool *pool, size_t size)
{
	struct pool_block *block = pool->blocks;
	size_t at = (pool->used + alignof(max_align_t) - 1) &
	    ~(alignof(max_align_t) - 1);

	if (block == NULL || at > block->size || size > block->size - at) {
		block = add_block(pool, size);
		at = 0;
	}
	if (block == NULL)
		return NULL;
	pool->used = at + size;
	return block->data + at;
}

char *
pool_copy(struct pool *pool, const void *data, size_t len)
{
	char *copy = pool_take(pool, len + 1);

	if (copy != NULL && len > 0)
		memcpy(copy, data, len);
	return copy;
}

void
pool_free(struct pool *pool)
{
	struct pool_block *next;

	for (; pool->blocks != NULL; pool->blocks = next) {
		next = pool->blocks->next;
		free(pool->blocks);
	}
	pool->used = 0;
}
