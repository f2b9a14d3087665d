/*
 * Making directory text fit to be shown. Independent of the locale.
 */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "common/text.h"

static bool
is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Takes one character (RFC 3629) off the front of left bytes. Returns its
 * length, or 0 when none is there: NUL, a stray or missing byte, an
 * over-long form, a surrogate, or above U+10FFFF.
 */
static size_t
read_character(const uint8_t *at, size_t left, uint32_t *ret_character)
{
	uint32_t c;

	if (left == 0 || at[0] == 0)
		return 0;
	if (at[0] < 0x80) {
		*ret_character = at[0];
		return 1;
	}
	if (at[0] < 0xc2 || at[0] > 0xf4 || left < 2 || !is_tail(at[1]))
		return 0;
	if (at[0] < 0xe0) {
		*ret_character = (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU);
		return 2;
	}
	if (left < 3 || !is_tail(at[2]))
		return 0;
	if (at[0] < 0xf0) {
		c = (at[0] & 0x0fU) << 12 | (at[1] & 0x3fU) << 6 |
		    (at[2] & 0x3fU);
		if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*ret_character = c;
		return 3;
	}
	if (left < 4 || !is_tail(at[3]))
		return 0;
	c = (at[0] & 0x07U) << 18 | (at[1] & 0x3fU) << 12 |
	    (at[2] & 0x3fU) << 6 | (at[3] & 0x3fU);
	if (c < 0x10000 || c > 0x10ffff)
		return 0;
	*ret_character = c;
	return 4;
}

static bool
is_harmless(uint32_t c)
{
	return !(c < 0x20 || (c >= 0x7f && c <= 0x9f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
}

size_t
text_printable(const char *text, char *buf, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text), n, used = 0;
	uint32_t c = 0;

	while (left > 0) {
		n = read_character(at, left, &c);
		if (n == 0 || !is_harmless(c)) {
			if (used + 1 >= size)
				break;
			buf[used++] = '?';
			n = 1;
		} else {
			if (used + n >= size)
				break;
			memcpy(buf + used, at, n);
			used += n;
		}
		at += n;
		left -= n;
	}
	buf[used] = '\0';
	return used;
}

bool
text_is_printable(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text), n;
	uint32_t c = 0;

	for (; left > 0; at += n, left -= n) {
		n = read_character(at, left, &c);
		if (n == 0 || !is_harmless(c))
			return false;
	}
	return true;
}

bool
text_is_utf8(const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	uint32_t c = 0;
	size_t n;

	for (; len > 0; at += n, len -= n) {
		n = read_character(at, len, &c);
		if (n == 0)
			return false;
	}
	return true;
}
