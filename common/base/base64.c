/*
 * Base64 and hex, strict in what they take.
 */
#include <config.h>

#include "common/base/base64.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/errors.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than the six bits of each character; 0 for all others. */
/* clang-format off */
static const uint8_t sextets[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static size_t
unpadded_len(size_t len)
{
	return len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0);
}

size_t
base64_encode_unpadded(const void *data, size_t len, char *buf, size_t size)
{
	const uint8_t *in = data;
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t used = 0;

	if (len > SIZE_MAX / 2 || unpadded_len(len) >= size)
		return 0;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (have += 8; have >= 6; have -= 6)
			buf[used++] = alphabet[bits >> (have - 6) & 0x3f];
	}
	if (have > 0)
		buf[used++] = alphabet[bits << (6 - have) & 0x3f];
	buf[used] = '\0';
	return used;
}

size_t
base64_encode(const void *data, size_t len, char *buf, size_t size)
{
	size_t used;

	if (len > SIZE_MAX / 2 || BASE64_LEN(len) >= size)
		return 0;
	used = base64_encode_unpadded(data, len, buf, size);
	while (used % 4 != 0)
		buf[used++] = '=';
	buf[used] = '\0';
	return used;
}

/* Adds the bits of count characters; false if one is not in the alphabet. */
static bool
add_bits(const char *text, size_t count, uint32_t *bits)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t value = sextets[(uint8_t)text[i]];

		if (value == 0)
			return false;
		*bits = *bits << 6 | (value - 1);
	}
	return true;
}

/* Decodes len characters without padding into unpadded_len()'s inverse of
 * bytes, which the caller has checked to fit. */
static int
decode(const char *text, size_t len, uint8_t *buf)
{
	uint32_t bits = 0;

	for (; len >= 4; text += 4, len -= 4) {
		if (!add_bits(text, 4, &bits))
			return ENS_E_SYNTAX;
		*buf++ = (uint8_t)(bits >> 16);
		*buf++ = (uint8_t)(bits >> 8);
		*buf++ = (uint8_t)bits;
	}
	bits = 0;
	if (!add_bits(text, len, &bits))
		return ENS_E_SYNTAX;
	/* The bits of the last character beyond the last byte must be 0. */
	switch (len) {
	case 0:
		return 0;
	case 2:
		*buf = (uint8_t)(bits >> 4);
		return (bits & 0xf) == 0 ? 0 : ENS_E_SYNTAX;
	case 3:
		*buf++ = (uint8_t)(bits >> 10);
		*buf = (uint8_t)(bits >> 2);
		return (bits & 0x3) == 0 ? 0 : ENS_E_SYNTAX;
	default:
		return ENS_E_SYNTAX;
	}
}

int
base64_decode(const char *text, size_t len, uint8_t *buf, size_t size,
    size_t *ret_len)
{
	size_t n = len, out;
	int r;

	if (len % 4 != 0)
		return ENS_E_SYNTAX;
	if (n > 0 && text[n - 1] == '=')
		n--;
	if (n > 0 && n < len && text[n - 1] == '=')
		n--;
	out = n / 4 * 3 + (n % 4 > 0 ? n % 4 - 1 : 0);
	if (out > size)
		return ENS_E_LIMIT;
	r = decode(text, n, buf);
	if (r == 0)
		*ret_len = out;
	return r;
}

int
base64_decode_unpadded(const char *text, uint8_t *buf, size_t want)
{
	size_t len = unpadded_len(want);

	if (strnlen(text, len + 1) != len)
		return ENS_E_SYNTAX;
	return decode(text, len, buf);
}

void
hex_encode(const void *data, size_t len, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i++) {
		buf[2 * i] = digits[in[i] >> 4];
		buf[2 * i + 1] = digits[in[i] & 0x0f];
	}
	buf[2 * len] = '\0';
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
hex_decode(const char *text, uint8_t *buf, size_t want)
{
	int high, low;

	if (strnlen(text, 2 * want + 1) != 2 * want)
		return ENS_E_SYNTAX;
	for (size_t i = 0; i < want; i++) {
		high = nibble(text[2 * i]);
		low = nibble(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return ENS_E_SYNTAX;
		buf[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
