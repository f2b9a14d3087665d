/*
 * Directory text on its way to a terminal, a log or a banner.
 */
#ifndef ENSCALE_COMMON_TEXT_H
#define ENSCALE_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies text into buf so that it can be shown: well-formed UTF-8 without
 * control characters (C0, DEL, C1, bidirectional overrides U+202A-202E,
 * U+2066-2069, line and paragraph separators); every other byte becomes '?'.
 * Cut at a character's end when buf is too small. Returns the length; buf is
 * always NUL-terminated (size >= 1).
 */
size_t text_printable(const char *text, char *buf, size_t size);
/* Is text already what text_printable() would make of it? */
bool text_is_printable(const char *text);
/* Well-formed UTF-8 (RFC 3629) of len bytes, without NUL? */
bool text_is_utf8(const char *text, size_t len);

#endif
