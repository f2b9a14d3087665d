/*
 * Making directory text fit for display. Independent of the locale.
 */
#include <config.h>

#include "common/base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* Characters that would not be seen, or would do something else. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f },   /* C0 */
	{ 0x007f, 0x009f },   /* DEL, C1 */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x034f, 0x034f },   /* grapheme joiner */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x17b4, 0x17b5 },   /* Khmer vowels without a form */
	{ 0x180e, 0x180e },   /* Mongolian vowel separator */
	{ 0x200b, 0x200f },   /* zero width; marks of direction */
	{ 0x2028, 0x202e },   /* separators; embeddings and overrides */
	{ 0x2060, 0x206f },   /* invisible operators; isolates */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xffa0, 0xffa0 },   /* half-width Hangul filler */
	{ 0xfff9, 0xfffb },   /* interlinear annotation */
	{ 0x1d173, 0x1d17a }, /* musical formats */
	{ 0xe0000, 0xe0fff }, /* tags and their like */
};

static bool
is_harmless(uint32_t c)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	}
	return true;
}

/* Tabs and line ends: what its author used between words. */
static bool
is_space(uint32_t c)
{
	return (c >= '\t' && c <= '\r') || c == 0x85 || c == 0x2028 ||
	    c == 0x2029;
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

char *
text_copy_printable(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	/* Replacing never makes a text longer. */
	if (copy != NULL)
		text_printable(text, copy, size);
	return copy;
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

size_t
text_display(const char *text, size_t len, char *buf, size_t size,
    bool *ret_changed)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t left = len, n, used = 0;
	bool space = false;
	uint32_t c = 0;

	while (left > 0) {
		n = read_character(at, left, &c);
		if (n > 0 && is_space(c)) {
			space = used > 0;
		} else if (n > 0 && is_harmless(c)) {
			if (used + space + n >= size)
				break;
			if (space && c != ' ')
				buf[used++] = ' ';
			space = false;
			memcpy(buf + used, at, n);
			used += n;
		}
		n += n == 0;
		at += n;
		left -= n;
	}
	buf[used] = '\0';
	*ret_changed = used != len || (len > 0 && memcmp(buf, text, len) != 0);
	return used;
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
