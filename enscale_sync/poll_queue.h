/* Names of entries that differ from ours according to a listing: they are read
 * one by one, or, if there are many, everything is read again. */
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

/* 0 or -ENOMEM. That there are too many is remembered. */
int poll_queue_add(struct poll_queue *queue, const char *dn);
bool poll_queue_is_over(const struct poll_queue *queue);
/* The next to read; NULL after the last. */
const char *poll_queue_first(const struct poll_queue *queue);
void poll_queue_next(struct poll_queue *queue);
void poll_queue_clear(struct poll_queue *queue);

#endif
