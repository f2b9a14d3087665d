/* What ssh_key.c (a line, a blob), ssh_key_options.c and ssh_key_text.c
 * share. */
#ifndef ENSCALE_COMMON_KEYS_SSH_KEY_PRIVATE_H
#define ENSCALE_COMMON_KEYS_SSH_KEY_PRIVATE_H

#include "common/keys/ssh_key.h"

/* Between the words of a line, and around it. */
static inline bool
ssh_key_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* Reads the options of a line into key: 0, ENS_E_KEY_OPTION or ENS_E_LIMIT,
 * with the words for it in reason. */
int ssh_key_parse_options(struct bytes text, struct ssh_key *key,
    char reason[KEY_REASON_MAX + 1]);

#endif
