/* Counting by uid. A client is remembered until its bucket is full again, so
 * that closing and connecting anew gains nothing. */
#include <config.h>

#include "enscale_guard/admission.h"

#include <stdlib.h>

void
admission_init(struct admission *admission, uint32_t limit)
{
	for (size_t i = 0; i < ADMISSION_BUCKETS; i++)
		LIST_INIT(&admission->clients[i]);
	admission->connections = 0;
	admission->limit = limit < ADMISSION_TOTAL_CONNECTIONS
	    ? limit
	    : ADMISSION_TOTAL_CONNECTIONS;
	admission->uid_limit = ADMISSION_UID_CONNECTIONS;
	admission->kept = 0;
}

void
admission_keep_for_root(struct admission *admission, uint32_t uid_limit,
    uint32_t kept)
{
	admission->uid_limit = uid_limit;
	admission->kept = kept;
}

static bool
has_place(const struct admission *admission, uid_t uid)
{
	if (uid == 0)
		return admission->connections < admission->limit;
	return admission->connections + admission->kept < admission->limit;
}

/* Where places are kept for root it has as many as there are: many people are
 * root. */
static bool
has_too_many(const struct admission *admission, const struct client *client)
{
	if (client->uid == 0 && admission->kept > 0)
		return false;
	return client->connections >= admission->uid_limit;
}

static struct client *
find(struct admission *admission, uid_t uid)
{
	struct client *client;

	LIST_FOREACH(client, &admission->clients[uid % ADMISSION_BUCKETS], all)
		if (client->uid == uid)
			return client;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	client->uid = uid;
	bucket_init(&client->bucket, ADMISSION_RATE, ADMISSION_BURST,
	    bucket_now());
	LIST_INSERT_HEAD(&admission->clients[uid % ADMISSION_BUCKETS], client,
	    all);
	return client;
}

struct client *
admission_enter(struct admission *admission, uid_t uid)
{
	struct client *client;

	if (!has_place(admission, uid))
		return NULL;
	client = find(admission, uid);
	if (client == NULL || has_too_many(admission, client) ||
	    !admission_charge(client, ADMISSION_COST_CONNECT))
		return NULL;
	client->connections++;
	admission->connections++;
	return client;
}

void
admission_leave(struct admission *admission, struct client *client)
{
	client->connections--;
	admission->connections--;
}

bool
admission_charge(struct client *client, uint32_t cost)
{
	return bucket_take(&client->bucket, cost, bucket_now());
}

static void
forget(struct client *client)
{
	LIST_REMOVE(client, all);
	free(client);
}

static void
each(struct admission *admission, bool all)
{
	uint64_t now = bucket_now();

	for (size_t i = 0; i < ADMISSION_BUCKETS; i++) {
		struct client *client = LIST_FIRST(&admission->clients[i]);

		while (client != NULL) {
			struct client *next = LIST_NEXT(client, all);

			if (all ||
			    (client->connections == 0 &&
			        bucket_is_full(&client->bucket, now)))
				forget(client);
			client = next;
		}
	}
}

void
admission_prune(struct admission *admission)
{
	each(admission, false);
}

void
admission_clear(struct admission *admission)
{
	each(admission, true);
}
