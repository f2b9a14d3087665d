/*
 * Base64 and hex, strict in what they take.
 */
#include <config.h>

#include <string.h>

#include "common/base64.h"
#include "common/errors.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Six bits, or -1. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

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

/* Decodes len characters without padding into unpadded_len()'s inverse of
 * bytes, which the caller has checked to fit. */
static int
decode(const char *text, size_t len, uint8_t *buf)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t used = 0;
	int value;

	for (size_t i = 0; i < len; i++) {
		value = sextet(text[i]);
		if (value < 0)
			return ENS_E_SYNTAX;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf[used++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1U << have) - 1)) == 0 ? 0 : ENS_E_SYNTAX;
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
