/*
 * How much of the guard each client may use: connections and requests per uid,
 * so that no account can take what the others need.
 */
#ifndef ENSCALE_GUARD_ADMISSION_H
#define ENSCALE_GUARD_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "enscale_guard/bucket.h"

/* Open connections, both sockets together. */
#define ADMISSION_UID_CONNECTIONS   512U
#define ADMISSION_TOTAL_CONNECTIONS 16384U
/* What a uid may ask for: points a second, and how many at once. */
#define ADMISSION_RATE         100U
#define ADMISSION_BURST        600U
#define ADMISSION_COST_CONNECT 1U
#define ADMISSION_COST_REQUEST 1U
#define ADMISSION_COST_LIST    5U
#define ADMISSION_COST_SIGN    2U
#define ADMISSION_COST_HOP     3U  /* two lines of audit */
#define ADMISSION_COST_REFUSED 20U /* a line of audit each */

struct client {
	uid_t uid;
	uint32_t connections;
	struct bucket bucket;
	LIST_ENTRY(client) all;
};

#define ADMISSION_BUCKETS 256U

struct admission {
	LIST_HEAD(, client) clients[ADMISSION_BUCKETS];
	uint32_t connections;
	uint32_t limit;     /* connections in all */
	uint32_t uid_limit; /* of one uid */
	uint32_t kept;      /* for root, out of the limit */
};

/* limit: what the process' descriptors allow. */
void admission_init(struct admission *admission, uint32_t limit);
/* A uid but root's has uid_limit connections at most, and kept of all of them
 * are only for root. */
void admission_keep_for_root(struct admission *admission, uint32_t uid_limit,
    uint32_t kept);
/* Registers a new connection of uid; NULL when it is one too many. Give it back
 * with admission_leave(). */
struct client *admission_enter(struct admission *admission, uid_t uid);
void admission_leave(struct admission *admission, struct client *client);
/* May the client do something of that cost now? */
bool admission_charge(struct client *client, uint32_t cost);
/* Forgets clients without connections whose bucket is full again. */
void admission_prune(struct admission *admission);
void admission_clear(struct admission *admission);

#endif
