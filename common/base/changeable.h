/* Who can change a file: not only write to it, but give it another mode, or put
 * another file in its place. */
#ifndef ENSCALE_COMMON_BASE_CHANGEABLE_H
#define ENSCALE_COMMON_BASE_CHANGEABLE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Can this user (not root) change what is at the absolute path? The owners of
 * the file and of every folder above it can; if one of these is writable for a
 * group or for others (a sticky folder does not count), the user may be among
 * them: true. False for what does not exist.
 */
bool changeable_by(const char *path, uid_t uid);

#endif
