/*
 * The options before a public key (sshd(8), AUTHORIZED_KEYS FILE FORMAT). It
 * refuses every option that is not in its table: none that would give or
 * restrict something is silently dropped.
 */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/keys/ssh_key_private.h"

#define OPTION_NAME_MAX 40

/*
 * Options without a value: the bits that they set and clear. Those without bits
 * concern what the gateway gives nobody, because of the "restrict" on every
 * line that it hands to sshd.
 */
static const struct flag {
	const char *name;
	uint8_t sets, clears;
} flags[] = {
	/* those that are written: the first with one bit */
	{ "no-pty", KEY_NO_PTY, 0 },
	{ "no-agent-forwarding", KEY_NO_AGENT, 0 },
	{ "no-port-forwarding", KEY_NO_PORTS, 0 },
	{ "verify-required", KEY_VERIFY, 0 },
	{ "no-touch-required", KEY_NO_TOUCH, 0 },
	{ "restrict", KEY_NARROWED, 0 },
	{ "pty", 0, KEY_NO_PTY },
	{ "agent-forwarding", 0, KEY_NO_AGENT },
	{ "port-forwarding", 0, KEY_NO_PORTS },
	{ "no-x11-forwarding", 0, 0 },
	{ "x11-forwarding", 0, 0 },
	{ "no-user-rc", 0, 0 },
	{ "user-rc", 0, 0 },
};

static const char malformed[] = " (malformed, or given twice)";

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* ---- options -------------------------------------------------------- */

bool
ssh_key_from_is_valid(const char *from)
{
	static const char others[] = ".:*?!/-_%,";
	size_t n;

	for (n = 0; from[n] != '\0'; n++) {
		if (n >= FROM_TEXT_MAX)
			return false;
		if ((from[n] >= '0' && from[n] <= '9') ||
		    (from[n] >= 'A' && from[n] <= 'Z') ||
		    (from[n] >= 'a' && from[n] <= 'z'))
			continue;
		if (strchr(others, from[n]) == NULL)
			return false;
	}
	return n > 0;
}

/* Two digits, or -1. */
static int
two_digits(const char *at)
{
	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return -1;
	return (at[0] - '0') * 10 + (at[1] - '0');
}

int
ssh_key_parse_expiry(const char *text, size_t len, int64_t *ret_time)
{
	int part[7] = { 0 }; /* century, year, month, day, hour, min, sec */
	bool utc = len > 0 && (text[len - 1] == 'Z' || text[len - 1] == 'z');
	struct tm tm, given;
	time_t t;

	if (utc)
		len--;
	if (len != 8 && len != 12 && len != 14)
		return ENS_E_SYNTAX;
	for (size_t i = 0; i < len / 2; i++) {
		part[i] = two_digits(text + 2 * i);
		if (part[i] < 0)
			return ENS_E_SYNTAX;
	}
	given = (struct tm){ .tm_year = part[0] * 100 + part[1] - 1900,
		.tm_mon = part[2] - 1,
		.tm_mday = part[3],
		.tm_hour = part[4],
		.tm_min = part[5],
		.tm_sec = part[6],
		.tm_isdst = utc ? 0 : -1 };
	if (given.tm_mon < 0 || given.tm_mon > 11 || given.tm_hour > 23 ||
	    given.tm_min > 59 || given.tm_sec > 59)
		return ENS_E_SYNTAX;
	tm = given;
	t = utc ? timegm(&tm) : mktime(&tm);
	/* A day that the month does not have becomes another one; 0 and less
	 * would read as "never". */
	if (t <= 0 || tm.tm_mday != given.tm_mday)
		return ENS_E_SYNTAX;
	*ret_time = t;
	return 0;
}

static bool
name_is(struct bytes name, const char *want)
{
	return name.len == strlen(want) &&
	    strncasecmp((const char *)name.data, want, name.len) == 0;
}

/* The name is the directory's text. */
static int
refuse(struct bytes name, const char *note, char reason[KEY_REASON_MAX + 1])
{
	char shown[OPTION_NAME_MAX + 1];
	size_t n = 0;

	while (n < name.len && n < OPTION_NAME_MAX && name.data[n] > ' ' &&
	    name.data[n] < 0x7f) {
		shown[n] = (char)name.data[n];
		n++;
	}
	shown[n] = '\0';
	(void)snprintf(reason, KEY_REASON_MAX + 1, "%s: %s%s",
	    error_text(ENS_E_KEY_OPTION),
	    n > 0 ? shown
	          : "an option without a "
	            "name",
	    note);
	return ENS_E_KEY_OPTION;
}

static int
take_flag(struct bytes name, struct ssh_key *key,
    char reason[KEY_REASON_MAX + 1])
{
	for (size_t i = 0; i < FLAGS; i++) {
		if (!name_is(name, flags[i].name))
			continue;
		/* As with sshd, the later one counts. */
		key->options &= (uint8_t)~flags[i].clears;
		key->options |= flags[i].sets;
		return 0;
	}
	return refuse(name, "", reason);
}

static bool
take_from(struct bytes value, struct ssh_key *key)
{
	if (key->from[0] != '\0' || value.len > FROM_TEXT_MAX)
		return false;
	memcpy(key->from, value.data, value.len);
	key->from[value.len] = '\0';
	return strlen(key->from) == value.len &&
	    ssh_key_from_is_valid(key->from);
}

static int
take_value(struct bytes name, struct bytes value, struct ssh_key *key,
    char reason[KEY_REASON_MAX + 1])
{
	bool ok;

	if (name_is(name, "from"))
		ok = take_from(value, key);
	else if (name_is(name, "expiry-time"))
		ok = key->expires == 0 &&
		    ssh_key_parse_expiry((const char *)value.data, value.len,
		        &key->expires) == 0;
	else
		return refuse(name, "", reason);
	return ok ? 0 : refuse(name, malformed, reason);
}

/* Takes what stands between quotes off the front. */
static bool
take_quoted(struct bytes *rest, struct bytes *ret_value)
{
	const uint8_t *end;

	if (rest->len < 2 || rest->data[0] != '"')
		return false;
	end = memchr(rest->data + 1, '"', rest->len - 1);
	if (end == NULL)
		return false;
	*ret_value = (struct bytes){ rest->data + 1,
		(size_t)(end - rest->data - 1) };
	rest->len -= ret_value->len + 2;
	rest->data = end + 1;
	return true;
}

static struct bytes
take_name(struct bytes *rest)
{
	struct bytes name = { rest->data, 0 };

	while (name.len < rest->len && name.data[name.len] != '=' &&
	    name.data[name.len] != ',')
		name.len++;
	rest->data += name.len;
	rest->len -= name.len;
	return name;
}

static bool
take_byte(struct bytes *rest, uint8_t byte)
{
	if (rest->len == 0 || rest->data[0] != byte)
		return false;
	rest->data++;
	rest->len--;
	return true;
}

static bool
is_with_value(struct bytes name)
{
	return name_is(name, "from") || name_is(name, "expiry-time");
}

/* An option that is not accepted is refused, however its value is written. */
static int
take_option(struct bytes *rest, struct ssh_key *key,
    char reason[KEY_REASON_MAX + 1])
{
	struct bytes name = take_name(rest), value;

	if (!is_with_value(name))
		return rest->len > 0 && rest->data[0] == '='
		    ? refuse(name, "", reason)
		    : take_flag(name, key, reason);
	if (!take_byte(rest, '=') || !take_quoted(rest, &value))
		return refuse(name, malformed, reason);
	return take_value(name, value, key, reason);
}

int
ssh_key_parse_options(struct bytes text, struct ssh_key *key,
    char reason[KEY_REASON_MAX + 1])
{
	int r;

	do {
		r = take_option(&text, key, reason);
		if (r != 0 || text.len == 0)
			return r;
	} while (take_byte(&text, ','));
	return refuse(text, malformed, reason);
}

void
ssh_key_format_options(uint8_t options, char buf[KEY_OPTIONS_TEXT_MAX + 1])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < FLAGS && options != 0; i++) {
		if (flags[i].sets == 0 || (options & flags[i].sets) == 0)
			continue;
		used += (size_t)snprintf(buf + used,
		    KEY_OPTIONS_TEXT_MAX + 1 - used, "%s%s",
		    used > 0 ? "," : "", flags[i].name);
		options &= (uint8_t)~flags[i].sets;
	}
}

uint8_t
ssh_key_stricter_options(uint8_t a, uint8_t b)
{
	return (uint8_t)(((a | b) & ~KEY_NO_TOUCH) | (a & b & KEY_NO_TOUCH));
}

/* The next pattern of a list, or NULL at its end. */
static const char *
next_pattern(const char **rest, size_t *ret_len)
{
	const char *pattern = *rest;

	if (pattern == NULL)
		return NULL;
	*ret_len = strcspn(pattern, ",");
	*rest = pattern[*ret_len] == ',' ? pattern + *ret_len + 1 : NULL;
	return pattern;
}

static bool
has_pattern(const char *list, const char *pattern, size_t len)
{
	const char *rest = list, *own;
	size_t own_len;

	while ((own = next_pattern(&rest, &own_len)) != NULL) {
		if (own_len == len && memcmp(own, pattern, len) == 0)
			return true;
	}
	return false;
}

/* Are all patterns of a list that begin like this in the other one, too? */
static bool
has_patterns(const char *list, const char *of, bool negated)
{
	const char *rest = of, *pattern;
	size_t len;

	while ((pattern = next_pattern(&rest, &len)) != NULL) {
		if ((*pattern == '!') == negated &&
		    !has_pattern(list, pattern, len))
			return false;
	}
	return true;
}

const char *
ssh_key_stricter_from(const char *a, const char *b)
{
	if (*a == '\0' || *b == '\0')
		return *b == '\0' ? a : b;
	if (has_patterns(b, a, false) && has_patterns(a, b, true))
		return a;
	return has_patterns(a, b, false) && has_patterns(b, a, true) ? b : NULL;
}

/* The parser has accepted the from= list: nothing in it ends the quotes. */
size_t
ssh_key_format_line(const struct ssh_key *key, char *buf, size_t size)
{
	const struct bytes blob = { key->blob, key->blob_len };
	bool has_from = key->from[0] != '\0';
	char options[KEY_OPTIONS_TEXT_MAX + 1];
	size_t len;
	int n;

	ssh_key_format_options(key->options, options);
	n = snprintf(buf, size, "%s%s%s%s%s%s", options,
	    options[0] != '\0' && has_from ? "," : "",
	    has_from ? "from=\"" : "", key->from, has_from ? "\"" : "",
	    options[0] != '\0' || has_from ? " " : "");
	if (n < 0 || (size_t)n >= size)
		return 0;
	len = ssh_key_format(blob, buf + n, size - (size_t)n);
	return len > 0 ? (size_t)n + len : 0;
}
