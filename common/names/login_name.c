/*
 * Login names. It refuses to look at anything but the name itself.
 */
#include <config.h>

#include "common/names/login_name.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/errors.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads [1-9][0-9]{0,8}; the number of characters read, 0 when there is no
 * such number. */
static size_t
read_id(const char *at, uint32_t *ret_id)
{
	uint32_t id = 0;
	size_t n;

	if (*at == '0')
		return 0;
	for (n = 0; n < LOGIN_DIGITS_MAX && is_digit(at[n]); n++)
		id = id * 10 + (uint32_t)(at[n] - '0');
	if (n > 0)
		*ret_id = id;
	return n;
}

int
login_name_parse(const char *name, struct login_name *ret_name)
{
	uint32_t first = 0, second = 0;
	size_t n, m;

	n = read_id(name, &first);
	if (n == 0)
		return ENS_E_NOTFOUND;
	if (name[n] == '\0') {
		*ret_name = (struct login_name){ .account = first };
		return 0;
	}
	if (name[n] != '-')
		return ENS_E_NOTFOUND;
	m = read_id(name + n + 1, &second);
	if (m == 0 || name[n + 1 + m] != '\0')
		return ENS_E_NOTFOUND;
	*ret_name = (struct login_name){ .account = second, .node = first };
	return 0;
}

/* Writes the decimal digits, without a NUL; returns how many. */
static size_t
write_id(uint32_t id, char *buf)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + id % 10);
		id /= 10;
	} while (id > 0);
	for (size_t i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	return n;
}

size_t
login_name_format(const struct login_name *name, char *buf, size_t size)
{
	char text[2 * 10 + 2];
	size_t n = 0;

	if (name->node != 0) {
		n = write_id(name->node, text);
		text[n++] = '-';
	}
	n += write_id(name->account, text + n);
	text[n] = '\0';
	if (n >= size)
		return 0;
	memcpy(buf, text, n + 1);
	return n;
}

int
parse_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0, digit;
	bool over = false;

	if (!is_digit(*text) || (*text == '0' && text[1] != '\0'))
		return ENS_E_SYNTAX;
	for (; *text != '\0'; text++) {
		if (!is_digit(*text))
			return ENS_E_SYNTAX;
		digit = (uint64_t)(*text - '0');
		over = over || value > (UINT64_MAX - digit) / 10;
		value = value * 10 + digit;
	}
	if (over || value > max)
		return ENS_E_RANGE;
	*ret_value = value;
	return 0;
}

int
parse_u32(const char *text, uint32_t max, uint32_t *ret_value)
{
	uint64_t value;
	int r = parse_u64(text, max, &value);

	if (r == 0)
		*ret_value = (uint32_t)value;
	return r;
}
