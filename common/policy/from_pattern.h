/*
 * sshd's from= pattern list (sshd(8), AUTHORIZED_KEYS): addresses, CIDR, '*'
 * and '?', negation with '!'.
 */
#ifndef ENSCALE_COMMON_POLICY_FROM_PATTERN_H
#define ENSCALE_COMMON_POLICY_FROM_PATTERN_H

#include <stdbool.h>

/*
 * Does the list match a numeric address? Names are not resolved: a pattern that
 * is a name matches nothing. As in sshd, a malformed pattern (bits after its
 * mask, an empty one) makes the whole list match nothing.
 */
bool from_pattern_matches(const char *from, const char *address);

#endif
