/*
 * The text of enscale.conf with one key changed: what an administrator wrote
 * around it, comments included, stays as it is.
 */
#ifndef ENSCALECTL_CONF_TEXT_H
#define ENSCALECTL_CONF_TEXT_H

/*
 * Sets the key of that section to the value: in its line, or else in the
 * commented line that the shipped file has for it, or else in a new one at the
 * section's end. value NULL restores the default: the line becomes a comment.
 * Does not check whether the value is valid. Returns 0 or -ENOMEM; the caller
 * frees *ret_text.
 */
int conf_text_set(const char *text, const char *section, const char *key,
    const char *value, char **ret_text);

#endif
