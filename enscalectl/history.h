/* What the guard's audit log of this gateway says of an account: the end of it
 * that is read at once, not what logrotate(8) has moved away. */
#ifndef ENSCALECTL_HISTORY_H
#define ENSCALECTL_HISTORY_H

#include <jansson.h>
#include <stdint.h>

#define HISTORY_REFUSALS 5

struct history {
	json_t *used; /* owned: the time (RFC 3339) of each key's last use */
	json_t *refusals; /* owned: the last events with a sentence, in order */
};

/* Both empty where there is nothing. 0, or -errno when it cannot be read. */
int history_read(const char *path, uint32_t account,
    struct history *ret_history);
void cleanup_history(struct history *history);

#endif
