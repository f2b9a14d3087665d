/* For a process that keeps part of its work apart from itself: in a child, or
 * in a file without a name. */
#ifndef ENSCALE_COMMON_BASE_APART_H
#define ENSCALE_COMMON_BASE_APART_H

#include <stdbool.h>
#include <sys/types.h>

#define APART_FD 3

/* In a child, right after fork(2): from now on it ends with its parent, and
 * keeps only the descriptors 0 to 2, and fd as APART_FD. False: _exit(2). */
bool apart_begin(pid_t parent, int fd);

/* A file in folder dir_fd that nobody else can find, mode 0600, close-on-exec.
 * Returns its descriptor, or -errno. */
int apart_file(int dir_fd);

#endif
