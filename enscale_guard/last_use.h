/*
 * What an account last did here: its last two logins and the node that it
 * entered from the menu. For display and convenience; no right depends on it.
 * The guard keeps it, because the guard knows who asks: a shell that could
 * write it could write about others, too.
 *
 * A file in state_dir/guard/last holds 65536 accounts, 128 bytes each at the
 * position of its id, and is sparse. Nothing is flushed: a power failure loses
 * the last login, but the next login does not have to wait.
 */
#ifndef ENSCALE_GUARD_LAST_USE_H
#define ENSCALE_GUARD_LAST_USE_H

#include <stdint.h>

#include "common/base/limits.h"

struct last_login {
	int64_t opened; /* seconds since the epoch; 0: none */
	char address[ADDRESS_TEXT_MAX + 1];
};

struct last_use;

/* Makes the folder if need be. 0 or -errno. */
int last_use_open(const char *folder, struct last_use **ret_last);
void last_use_close(struct last_use *last);

/* A login, which may be reported more than once: one that is not later than the
 * latest is known already. A kept time that lies in the future is replaced. */
int last_use_login(struct last_use *last, uint32_t account, int64_t opened,
    const char *address);
/* The node that was entered. */
int last_use_enter(struct last_use *last, uint32_t account, uint32_t node);

/*
 * The latest login before that time, and the node; 0 where there was none.
 * Returns 0; ENS_E_CORRUPT; -errno. Either output may be NULL.
 */
int last_use_find(struct last_use *last, uint32_t account, int64_t before,
    struct last_login *ret_login, uint32_t *ret_node);

#endif
