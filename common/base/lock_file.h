/*
 * A lock that only its owner can take. flock(2) only needs a descriptor that is
 * open for reading, so others could hold a lock on any folder or file that they
 * may open, for as long as they like. So what is locked is a separate file,
 * mode 0600.
 */
#ifndef ENSCALE_COMMON_BASE_LOCK_FILE_H
#define ENSCALE_COMMON_BASE_LOCK_FILE_H

#include "common/base/cleanup.h"

/*
 * Locks the file at path, below dir_fd (AT_FDCWD) if it is relative; makes the
 * file if it is missing, and waits at most that many milliseconds for another
 * holder. Returns the descriptor, which is the lock: a holder that is killed
 * leaves nothing behind. -EWOULDBLOCK: another process holds it; -errno (ELOOP:
 * it is a link).
 */
ENS_MUST_CHECK int lock_file(int dir_fd, const char *path, unsigned wait_ms);

#endif
