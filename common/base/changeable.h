/*
 * Who can change a file without being asked: not only write to it, but give
 * it another mode, or put another file in its place.
 */
#ifndef ENSCALE_COMMON_BASE_CHANGEABLE_H
#define ENSCALE_COMMON_BASE_CHANGEABLE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Can this user (not root) change what is at the absolute path? Owners of the
 * file and of every folder above it can; where one of them is writable for a
 * group or for others (a sticky folder is not), this may be one of them: true.
 * What is not there is nobody's: false.
 */
bool changeable_by(const char *path, uid_t uid);

#endif
