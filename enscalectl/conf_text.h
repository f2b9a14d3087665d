/*
 * The text of enscale.conf with one key changed: what an administrator wrote
 * around it, comments included, stays as it is.
 */
#ifndef ENSCALECTL_CONF_TEXT_H
#define ENSCALECTL_CONF_TEXT_H

/*
 * Gives the key of that section the value: in its line, or else in the
 * commented one that the shipped file has for it, or else in a new one at the
 * section's end. value NULL is the default again: the line becomes a comment.
 * Says nothing about whether the value is good. Returns 0 or -ENOMEM; the
 * caller frees *ret_text.
 */
int conf_text_set(const char *text, const char *section, const char *key,
    const char *value, char **ret_text);

#endif
