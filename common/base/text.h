/*
 * Directory text on its way to a terminal, a log or a banner.
 */
#ifndef ENSCALE_COMMON_BASE_TEXT_H
#define ENSCALE_COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies text into buf so that it can be shown: well-formed UTF-8 without
 * control characters (C0, DEL, C1), line and paragraph separators, direction
 * marks, and invisible characters (zero-width, tags, fillers; but with
 * variation selectors, which emoji need); every other byte becomes '?'. Cut at
 * the end of a character when buf is too small. Returns the length; buf is
 * always NUL-terminated (size >= 1).
 */
size_t text_printable(const char *text, char *buf, size_t size);
/* The same into memory of its own, which the caller frees; NULL without. */
char *text_copy_printable(const char *text);
/* Is text already what text_printable() would make of it? */
bool text_is_printable(const char *text);
/*
 * Copies a text that only people read, len bytes of anything, into buf: what
 * text_printable() would not show is left out, tabs and line ends become a
 * space, or nothing at the beginning and end, and it is cut at the end of a
 * character. Returns the length; *ret_changed: buf differs from the input.
 */
size_t text_display(const char *text, size_t len, char *buf, size_t size,
    bool *ret_changed);
/* Well-formed UTF-8 (RFC 3629) of len bytes, without NUL? */
bool text_is_utf8(const char *text, size_t len);

#endif
