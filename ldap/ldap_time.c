/* Times as a directory writes them. See ldap_time.h. */
#include <config.h>

#include "ldap/ldap_time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/errors.h"

static bool
digits(const char **at, const char *end, int min, int max, int *ret_value)
{
	int value = 0;

	if (end - *at < 2 || (*at)[0] < '0' || (*at)[0] > '9' ||
	    (*at)[1] < '0' || (*at)[1] > '9')
		return false;
	value = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
	*at += 2;
	if (value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

static bool
zone(const char **at, const char *end, int *ret_seconds)
{
	int sign, hours, minutes = 0;

	if (*at == end)
		return false;
	sign = (unsigned char)*(*at)++;
	*ret_seconds = 0;
	if (sign == 'Z')
		return true;
	if ((sign != '+' && sign != '-') || !digits(at, end, 0, 23, &hours))
		return false;
	if (*at != end && !digits(at, end, 0, 59, &minutes))
		return false;
	*ret_seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return true;
}

int
ldap_time_parse(const char *text, size_t len, int64_t *ret_time)
{
	const char *at = text, *end = text + len;
	int century, year, offset, day;
	struct tm tm = { 0 };
	time_t t;

	if (!digits(&at, end, 0, 99, &century) ||
	    !digits(&at, end, 0, 99, &year) ||
	    !digits(&at, end, 1, 12, &tm.tm_mon) ||
	    !digits(&at, end, 1, 31, &tm.tm_mday) ||
	    !digits(&at, end, 0, 23, &tm.tm_hour))
		return ENS_E_SYNTAX;
	if (at < end && *at >= '0' && *at <= '9' &&
	    !digits(&at, end, 0, 59, &tm.tm_min))
		return ENS_E_SYNTAX;
	if (at < end && *at >= '0' && *at <= '9' &&
	    !digits(&at, end, 0, 60, &tm.tm_sec))
		return ENS_E_SYNTAX;
	if (at < end && (*at == '.' || *at == ',')) {
		do {
			at++;
		} while (at < end && *at >= '0' && *at <= '9');
		if (at[-1] == '.' || at[-1] == ',')
			return ENS_E_SYNTAX;
	}
	if (!zone(&at, end, &offset) || at != end)
		return ENS_E_SYNTAX;
	tm.tm_year = century * 100 + year - 1900;
	tm.tm_mon--;
	if (tm.tm_sec == 60) /* a leap second, which no clock of ours has */
		tm.tm_sec = 59;
	day = tm.tm_mday;
	t = timegm(&tm);
	/* timegm() makes the 3rd of March of the 31st of February. */
	if (tm.tm_mday != day)
		return ENS_E_SYNTAX;
	*ret_time = (int64_t)t - offset;
	return 0;
}

int
ldap_time_csn(int64_t time, char ret_csn[CSN_LEN + 1])
{
	char text[CSN_LEN + 32];
	time_t t = (time_t)time;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 1 - 1900 ||
	    tm.tm_year > 9999 - 1900)
		return ENS_E_RANGE;
	(void)snprintf(text, sizeof(text),
	    "%04d%02d%02d%02d%02d%02d.000000Z#000000#000#000000",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	memcpy(ret_csn, text, CSN_LEN + 1);
	return 0;
}

int
ldap_time_of_csn(const char *csn, int64_t *ret_time)
{
	char made[CSN_LEN + 1], second[16];
	int64_t time;

	if (strlen(csn) != CSN_LEN)
		return ENS_E_SYNTAX;
	memcpy(second, csn, 14);
	second[14] = 'Z';
	if (ldap_time_parse(second, 15, &time) != 0 ||
	    ldap_time_csn(time, made) != 0 || strcmp(made, csn) != 0)
		return ENS_E_SYNTAX;
	*ret_time = time;
	return 0;
}

void
ldap_time_of_csns(const struct csn_set *set, int64_t less,
    char ret_text[CSN_LEN + 1])
{
	char furthest[16] = "";
	int64_t time;

	for (uint32_t i = 0; i < set->count; i++) {
		if (strncmp(set->rows[i].csn, furthest, 14) > 0)
			memcpy(furthest, set->rows[i].csn, 14);
	}
	furthest[14] = 'Z';
	furthest[15] = '\0';
	if (ldap_time_parse(furthest, 15, &time) != 0 ||
	    ldap_time_csn(time - less, ret_text) != 0)
		ret_text[0] = '\0';
	else
		memcpy(ret_text + 14, "Z", 2);
}
