/* Names of entries to be read. See poll_queue.h. */
#include <config.h>

#include "enscale_sync/poll_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
poll_queue_add(struct poll_queue *queue, const char *dn)
{
	if (queue->count == POLL_QUEUE_MAX) {
		queue->over = true;
		return 0;
	}
	queue->names[queue->count] = strdup(dn);
	if (queue->names[queue->count] == NULL)
		return -ENOMEM;
	queue->count++;
	return 0;
}

bool
poll_queue_is_over(const struct poll_queue *queue)
{
	return queue->over;
}

const char *
poll_queue_first(const struct poll_queue *queue)
{
	return queue->read < queue->count ? queue->names[queue->read] : NULL;
}

void
poll_queue_next(struct poll_queue *queue)
{
	if (queue->read < queue->count)
		queue->read++;
}

void
poll_queue_clear(struct poll_queue *queue)
{
	for (uint32_t i = 0; i < queue->count; i++)
		free(queue->names[i]);
	queue->count = queue->read = 0;
	queue->over = false;
}
