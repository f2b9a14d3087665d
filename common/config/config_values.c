/* Values of enscale.conf, by their kind. See config_private.h. */
#include <config.h>

#include <string.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/config/config_private.h"
#include "common/names/login_name.h"

static bool
check_words(const char *value, const char *separators,
    bool (*check)(const char *word))
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", value);
	while ((word = strsep(&rest, separators)) != NULL) {
		if (*word != '\0' && !check(word))
			return false;
	}
	return true;
}

static bool
is_path(const char *word)
{
	return word[0] == '/';
}

static bool
is_uri(const char *word)
{
	static const char *const schemes[] = { "ldap://", "ldaps://",
		"ldapi://", "file:///" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncmp(word, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}

/* The address is checked by its user; here only its form is. */
static bool
is_cidr(const char *word)
{
	return strspn(word, "0123456789abcdefABCDEF.:/") == strlen(word) &&
	    strpbrk(word, ".:") != NULL;
}

static bool
is_host(const char *word)
{
	return word[0] != '-' &&
	    strspn(word,
	        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-") ==
	    strlen(word);
}

static bool
is_account(const char *word)
{
	uint32_t account;

	return parse_u32(word, ACCOUNT_ID_MAX, &account) == 0 && account > 0;
}

/* What is wrong with a text, or NULL. */
static const char *
check_text(enum kind kind, const char *value)
{
	bool empty = value[0] == '\0';

	if (!text_is_printable(value))
		return "is not printable UTF-8";
	switch (kind) {
	case KIND_REQUIRED:
		return empty ? "is empty; leave the line out for the default"
		             : NULL;
	case KIND_PATH:
		return is_path(value) ? NULL : "must be an absolute path";
	case KIND_PATH_OR_NONE:
		return empty || is_path(value) ? NULL
		                               : "must be an absolute path";
	case KIND_PATH_LIST:
		return check_words(value, " ", is_path)
		    ? NULL
		    : "must be absolute paths, separated by spaces";
	case KIND_URI_LIST:
		return !empty && check_words(value, " ", is_uri)
		    ? NULL
		    : "must be URIs (ldapi://, ldaps://, ldap:// or file:///), separated by spaces";
	case KIND_FILTER:
		return empty || value[0] == '('
		    ? NULL
		    : "must be an LDAP filter in parentheses";
	case KIND_HOST:
		return !empty && is_host(value)
		    ? NULL
		    : "must be a host name or an address";
	case KIND_CIDR_LIST:
		return check_words(value, ", ", is_cidr)
		    ? NULL
		    : "must be addresses or networks (198.18.0.2/32), separated by commas";
	case KIND_ACCOUNT_LIST:
		return check_words(value, ", ", is_account)
		    ? NULL
		    : "must be numbers of accounts, separated by commas";
	case KIND_TEXT:
	case KIND_BOOL:
	case KIND_U32:
	case KIND_U16:
	case KIND_SECONDS:
	case KIND_PERIOD:
	case KIND_WORD:
		break;
	}
	return NULL;
}

/* "90s", "15m", "24h", "7d", "90"; "0": none. */
static int
parse_seconds(const char *value, uint32_t max, int64_t *ret_seconds)
{
	static const char units[] = "smhd";
	static const uint32_t factors[] = { 1, 60, 3600, 86400 };
	size_t len = strlen(value);
	uint32_t factor = 1, number;
	const char *unit = NULL;
	char copy[16];
	int r;

	if (len == 0 || len >= sizeof(copy))
		return ENS_E_SYNTAX;
	memcpy(copy, value, len + 1);
	unit = strchr(units, copy[len - 1]);
	if (unit != NULL) {
		factor = factors[unit - units];
		copy[len - 1] = '\0';
	}
	r = parse_u32(copy, max / factor, &number);
	if (r == 0)
		*ret_seconds = (int64_t)number * factor;
	return r;
}

static void
set_number(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	uint32_t number;

	if (parse_u32(value, key->max, &number) != 0 || number < key->min) {
		config_fail(load, "%s = %s: must be a number from %u to %u",
		    key->name, value, key->min, key->max);
		return;
	}
	if (key->kind == KIND_U16)
		*(uint16_t *)(void *)at = (uint16_t)number;
	else
		*(uint32_t *)(void *)at = number;
}

static void
set_bool(struct load *load, const struct key *key, const char *value)
{
	bool *at = (bool *)((char *)&load->config + key->offset);

	if (strcmp(value, "yes") == 0)
		*at = true;
	else if (strcmp(value, "no") == 0)
		*at = false;
	else
		config_fail(load, "%s = %s: must be yes or no", key->name,
		    value);
}

static void
set_seconds(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	bool period = key->kind == KIND_PERIOD;
	int64_t seconds;

	if (parse_seconds(value, key->max, &seconds) != 0 ||
	    (period && seconds < key->min))
		config_fail(load,
		    "%s = %s: must be a number followed by s, m, h or d, %s",
		    key->name, value,
		    period ? "a second to a day" : "or 0 for none");
	else if (seconds != 0 && seconds < key->min)
		config_fail(load,
		    "%s = %s: must be at least %us, or 0 for none", key->name,
		    value, key->min);
	else
		memcpy(at, &seconds, sizeof(seconds));
}

static void
set_word(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;

	for (int i = 0; i < 2; i++) {
		if (strcmp(value, key->words[i]) != 0)
			continue;
		memcpy(at, &i, sizeof(i));
		return;
	}
	config_fail(load, "%s = %s: must be %s or %s", key->name, value,
	    key->words[0], key->words[1]);
}

static void
set_text(struct load *load, const struct key *key, const char *value)
{
	char *at = (char *)&load->config + key->offset;
	const char *wrong = check_text(key->kind, value);
	size_t len = strlen(value);

	if (wrong == NULL && len >= CONFIG_VALUE_MAX)
		wrong = "is too long";
	if (wrong != NULL)
		config_fail(load, "%s = %s: %s", key->name, value, wrong);
	else
		memcpy(at, value, len + 1);
}

void
config_set(struct load *load, const struct key *key, const char *value)
{
	switch (key->kind) {
	case KIND_BOOL:
		set_bool(load, key, value);
		return;
	case KIND_U32:
	case KIND_U16:
		set_number(load, key, value);
		return;
	case KIND_SECONDS:
	case KIND_PERIOD:
		set_seconds(load, key, value);
		return;
	case KIND_WORD:
		set_word(load, key, value);
		return;
	case KIND_TEXT:
	case KIND_REQUIRED:
	case KIND_PATH:
	case KIND_PATH_LIST:
	case KIND_PATH_OR_NONE:
	case KIND_URI_LIST:
	case KIND_FILTER:
	case KIND_HOST:
	case KIND_CIDR_LIST:
	case KIND_ACCOUNT_LIST:
		set_text(load, key, value);
		return;
	}
}
