/* Names of entries that a listing showed to be others than ours: to be read
 * one by one, or, when they are many, all anew. */
#ifndef ENSCALE_SYNC_POLL_QUEUE_H
#define ENSCALE_SYNC_POLL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define POLL_QUEUE_MAX 1000

struct poll_queue {
	char *names[POLL_QUEUE_MAX]; /* owned */
	uint32_t count, read;
	bool over;
};

/* 0 or -ENOMEM; what is too much is remembered as that. */
int poll_queue_add(struct poll_queue *queue, const char *dn);
bool poll_queue_is_over(const struct poll_queue *queue);
/* The next to read; NULL behind the last. */
const char *poll_queue_first(const struct poll_queue *queue);
void poll_queue_next(struct poll_queue *queue);
void poll_queue_clear(struct poll_queue *queue);

#endif
