/*
 * Public keys as people have them: a text of any number of lines as in
 * authorized_keys (ssh_key.h), with blanks around, empty lines, lines of
 * comment ("#") and any line ends, and of blocks of RFC 4716. Other things that
 * are called keys are refused, with advice. libc only.
 */
#ifndef ENSCALE_COMMON_KEYS_SSH_KEY_TEXT_H
#define ENSCALE_COMMON_KEYS_SSH_KEY_TEXT_H

#include "common/keys/ssh_key.h"

struct ssh_key_text {
	struct bytes rest;  /* borrowed: what has not been read yet */
	uint32_t next_line; /* its number, from 1 */
	/* Of the last key or fault: */
	uint32_t line;
	char reason[KEY_REASON_MAX + 1]; /* why it is not a key, in words */
};

/* The text is borrowed. */
void ssh_key_text_init(struct ssh_key_text *text, const char *data, size_t len);
/* The next key: 0; ENS_E_NOTFOUND at the end; as ssh_key_parse_line(), with
 * line and reason set, and the next call continues after it. */
int ssh_key_text_next(struct ssh_key_text *text, struct ssh_key *ret_key);
/* The only key of a text, likewise. -EEXIST when there is another, and
 * ENS_E_KEY_FORMAT when there is none. */
int ssh_key_text_only(struct ssh_key_text *text, struct ssh_key *ret_key);

#endif
