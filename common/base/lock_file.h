/*
 * A lock that is only its owner's to take. flock(2) needs no more than a
 * descriptor that could be opened for reading: a lock on a folder or a file
 * that others may open is theirs to hold, for as long as they like. So what
 * is locked is a file of its own, mode 0600.
 */
#ifndef ENSCALE_COMMON_BASE_LOCK_FILE_H
#define ENSCALE_COMMON_BASE_LOCK_FILE_H

#include "common/base/cleanup.h"

/*
 * Locks the file at path, below dir_fd (AT_FDCWD) if it is relative; makes it
 * where it is missing, and waits at most so many milliseconds for another
 * holder. Returns the descriptor, which is the lock: a holder that is killed
 * leaves nothing behind. -EWOULDBLOCK: somebody else holds it; -errno (ELOOP:
 * it is a link).
 */
ENS_MUST_CHECK int lock_file(int dir_fd, const char *path, unsigned wait_ms);

#endif
