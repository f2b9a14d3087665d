/* write(2), until everything is written. */
#ifndef ENSCALE_COMMON_BASE_WRITE_ALL_H
#define ENSCALE_COMMON_BASE_WRITE_ALL_H

#include <stddef.h>

#include "common/base/cleanup.h"

/* Writes len bytes to a blocking descriptor; goes on after a signal. 0 or
 * -errno, and then some of it may be written. */
ENS_MUST_CHECK int write_all(int fd, const void *data, size_t len);

#endif
