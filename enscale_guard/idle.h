/* How long a terminal has been quiet. */
#ifndef ENSCALE_GUARD_IDLE_H
#define ENSCALE_GUARD_IDLE_H

#include <stdint.h>

#include "enscale_guard/process.h"

/*
 * Seconds since anything was typed or shown at the terminal of this process,
 * as exactly as the kernel keeps it: eight seconds. ENS_E_NOTFOUND: it has no
 * terminal, or has ended; -errno.
 */
int64_t idle_seconds(const struct process *process);

#endif
