/*
 * What an account did here last: its two latest logins and the node that it
 * entered from the menu. For display and for convenience; no right hangs on
 * it. Kept by the guard, because the guard knows who asks: what a shell
 * could write, it could write about others.
 *
 * A file in state_dir/guard/last holds 65536 accounts, 128 bytes each at the
 * place of its id, and is sparse. Nothing is flushed: who loses power loses
 * the last login, not the time of the next one.
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

/* A login, told once or again: what is not later than the latest is known.
 * What is kept of a time that has not come yet makes place. */
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
