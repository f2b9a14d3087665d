/* The settings of OpenLDAP's slapd, in cn=config. See survey.h. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/names/login_name.h"
#include "enscalectl/survey.h"
#include "ldap/ldap_values.h"

#define SETTINGS      "cn=config"
#define DEFAULT_LIMIT 500
#define MILLISECONDS  1000
/* As enscale-directory(8) has them. */
#define CHECKPOINT  "10 1"
#define SESSION_LOG "100000"
/* root, on the directory's own host */
#define MODIFY "ldapmodify -Q -Y EXTERNAL -H ldapi:///"

struct slapd {
	LDAP *ld;
	const struct config *config;
	char database[SURVEY_TEXT_MAX]; /* its entry in cn=config */
	char overlay[SURVEY_TEXT_MAX];  /* syncprov's; "": none */
};

static void
free_values(struct berval ***values)
{
	ldap_value_free_len(*values);
}

#define AUTO_VALUES AUTO(free_values)

static void
read_values(const struct slapd *slapd, const char *dn, const char *attribute,
    struct berval ***ret_values)
{
	if (ldap_values_read(slapd->ld, dn, attribute, slapd->config->timeout,
	        ret_values) != LDAP_SUCCESS)
		*ret_values = NULL;
}

/* ---- where -------------------------------------------------------------- */

static void
keep_dn(LDAP *ld, LDAPMessage *entry, char buf[SURVEY_TEXT_MAX])
{
	char *dn = ldap_get_dn(ld, entry);

	snprintf(buf, SURVEY_TEXT_MAX, "%s", dn != NULL ? dn : "");
	ldap_memfree(dn);
}

static bool
holds_base(const struct slapd *slapd, LDAPMessage *entry)
{
	AUTO_VALUES struct berval **suffixes = ldap_get_values_len(slapd->ld,
	    entry, "olcSuffix");

	for (int i = 0; suffixes != NULL && suffixes[i] != NULL; i++)
		if (survey_is_below(slapd->config->base, suffixes[i]->bv_val))
			return true;
	return false;
}

static void
search(const struct slapd *slapd, const char *base, int scope,
    const char *filter, LDAPMessage **ret_found)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)slapd->config->timeout * MILLISECONDS);

	*ret_found = NULL;
	(void)ldap_search_ext_s(slapd->ld, base, scope, filter, NULL, 0, NULL,
	    NULL, &patience, LDAP_NO_LIMIT, ret_found);
}

static void
find_database(struct slapd *slapd)
{
	LDAPMessage *found, *entry = NULL;

	search(slapd, SETTINGS, LDAP_SCOPE_ONELEVEL,
	    "(objectClass=olcDatabaseConfig)", &found);
	if (found != NULL)
		entry = ldap_first_entry(slapd->ld, found);
	for (; entry != NULL && slapd->database[0] == '\0';
	     entry = ldap_next_entry(slapd->ld, entry))
		if (holds_base(slapd, entry))
			keep_dn(slapd->ld, entry, slapd->database);
	ldap_msgfree(found);
}

static void
find_overlay(struct slapd *slapd)
{
	LDAPMessage *found, *entry = NULL;

	search(slapd, slapd->database, LDAP_SCOPE_ONELEVEL,
	    "(objectClass=olcSyncProvConfig)", &found);
	if (found != NULL)
		entry = ldap_first_entry(slapd->ld, found);
	if (entry != NULL)
		keep_dn(slapd->ld, entry, slapd->overlay);
	ldap_msgfree(found);
}

/* ---- the overlay syncprov ----------------------------------------------- */

static void
judge_overlay(const struct slapd *slapd, struct survey_finding *finding)
{
	char checkpoint[SURVEY_TEXT_MAX], log[SURVEY_TEXT_MAX];

	if (slapd->overlay[0] == '\0')
		return; /* "method" says what that means */
	survey_value(slapd->ld, slapd->config, slapd->overlay,
	    "olcSpCheckpoint", checkpoint);
	survey_value(slapd->ld, slapd->config, slapd->overlay,
	    "olcSpSessionlog", log);
	if (checkpoint[0] == '\0') {
		survey_find(finding, DOCTOR_WARNING,
		    "syncprov has no checkpoint: a slapd that is killed does "
		    "not know how far it was, and gateways refresh in full");
		survey_mend(finding,
		    "printf 'dn: %s\\nchangetype: modify\\nreplace: "
		    "olcSpCheckpoint\\nolcSpCheckpoint: " CHECKPOINT
		    "\\n' | " MODIFY,
		    slapd->overlay);
	} else if (log[0] == '\0' || strcmp(log, "0") == 0) {
		survey_find(finding, DOCTOR_WARNING,
		    "syncprov has no session log: a gateway that was away is "
		    "told all that is there, not what was deleted");
		survey_mend(finding,
		    "printf 'dn: %s\\nchangetype: modify\\nreplace: "
		    "olcSpSessionlog\\nolcSpSessionlog: " SESSION_LOG
		    "\\n' | " MODIFY,
		    slapd->overlay);
	} else {
		survey_find(finding, DOCTOR_OK,
		    "syncprov: checkpoint %s, session log of %s changes",
		    checkpoint, log);
	}
}

/* ---- indexes ------------------------------------------------------------ */

/* Is the name in "a,b,c eq,sub" with the index for equality? Without a second
 * word it has the default, which is somebody's wish. */
static bool
line_indexes(const char *line, const char *name)
{
	size_t names = strcspn(line, " \t"), len = strlen(name), n;
	const char *kinds = line + names + strspn(line + names, " \t");
	const char *at = line;

	if (*kinds != '\0' && strstr(kinds, "eq") == NULL)
		return false;
	for (; at < line + names; at += n + (at[n] == ',')) {
		n = strcspn(at, ", \t");
		if (n == len && strncasecmp(at, name, n) == 0)
			return true;
	}
	return false;
}

static bool
is_indexed(struct berval **lines, const char *name)
{
	for (int i = 0; lines != NULL && lines[i] != NULL; i++)
		if (line_indexes(lines[i]->bv_val, name))
			return true;
	return false;
}

static void
judge_indexes(const struct slapd *slapd, struct survey_finding *finding)
{
	AUTO_VALUES struct berval **lines = NULL;
	const char *names[SURVEY_INDEXED_MAX];
	char missing[SURVEY_TEXT_MAX] = "";
	size_t len = 0, i;

	read_values(slapd, slapd->database, "olcDbIndex", &lines);
	survey_indexed(slapd->config, names);
	for (i = 0; names[i] != NULL && len < sizeof(missing); i++)
		if (!is_indexed(lines, names[i]))
			len += (size_t)snprintf(missing + len,
			    sizeof(missing) - len, "%s%s", len > 0 ? "," : "",
			    names[i]);
	if (slapd->config->method == CONFIG_METHOD_SYNC &&
	    !is_indexed(lines, "entryCSN") && len < sizeof(missing))
		len += (size_t)snprintf(missing + len, sizeof(missing) - len,
		    "%sentryCSN", len > 0 ? "," : "");
	if (len == 0) {
		survey_find(finding, DOCTOR_OK, "%zu attributes are indexed",
		    i + 1);
		return;
	}
	survey_find(finding, DOCTOR_WARNING,
	    "not indexed: %s: what searches for it reads every entry", missing);
	survey_mend(finding,
	    "printf 'dn: %s\\nchangetype: modify\\nadd: "
	    "olcDbIndex\\nolcDbIndex: %s eq\\n' | " MODIFY,
	    slapd->database, missing);
}

/* ---- limits ------------------------------------------------------------- */

/* The rest of the line, when it is about who the gateway is. */
static const char *
limits_of(const char *line, const char *bind_dn)
{
	static const char *const whole[] = { "dn.exact=", "dn.base=", "dn=" };
	const char *at = line, *end;
	size_t i, len;

	if (*at == '{') {
		at += strcspn(at, "}");
		at += *at == '}';
	}
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		len = strlen(whole[i]);
		if (strncasecmp(at, whole[i], len) != 0)
			continue;
		at += len;
		at += *at == '"';
		end = at + strcspn(at, "\"");
		return (size_t)(end - at) == strlen(bind_dn) &&
		        strncasecmp(at, bind_dn, strlen(bind_dn)) == 0
		    ? end
		    : NULL;
	}
	if (at[0] == '*' || strncmp(at, "users", strlen("users")) == 0)
		return at + strcspn(at, " \t");
	return NULL;
}

/* "unlimited", "none", "-1" and a number as slapd has it. 0: no limit. */
static uint32_t
read_limit(const char *text)
{
	char number[16];
	uint32_t limit;
	size_t len = strcspn(text, " \t");

	snprintf(number, sizeof(number), "%.*s", (int)len, text);
	return parse_u32(number, UINT32_MAX, &limit) == 0 ? limit : 0;
}

/* What we search for has no limit of its own: the soft one counts. */
static bool
size_in(const char *limits, uint32_t *ret_limit)
{
	static const char *const words[] = { " size.soft=", " size=" };
	const char *at;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		at = strstr(limits, words[i]);
		if (at == NULL)
			continue;
		*ret_limit = read_limit(at + strlen(words[i]));
		return true;
	}
	return false;
}

/* "500" or "size.soft=500 size.hard=1000"; "": it has none of its own. */
static bool
size_of(const struct slapd *slapd, const char *dn, uint32_t *ret_limit)
{
	char text[SURVEY_TEXT_MAX], line[SURVEY_TEXT_MAX + 1];

	survey_value(slapd->ld, slapd->config, dn, "olcSizeLimit", text);
	if (text[0] == '\0')
		return false;
	snprintf(line, sizeof(line), " %s", text);
	if (!size_in(line, ret_limit))
		*ret_limit = read_limit(text);
	return true;
}

static void
judge_limits(const struct slapd *slapd, struct survey_finding *finding)
{
	AUTO_VALUES struct berval **lines = NULL;
	const char *bind_dn = slapd->config->bind_dn, *limits;
	uint32_t limit = DEFAULT_LIMIT;
	char root[SURVEY_TEXT_MAX];

	survey_value(slapd->ld, slapd->config, slapd->database, "olcRootDN",
	    root);
	read_values(slapd, slapd->database, "olcLimits", &lines);
	if (bind_dn[0] == '\0')
		return; /* who that is, the server knows */
	if (strcasecmp(root, bind_dn) == 0) {
		survey_limit(finding, 0, "olcRootDN");
		return;
	}
	for (int i = 0; lines != NULL && lines[i] != NULL; i++) {
		limits = limits_of(lines[i]->bv_val, bind_dn);
		if (limits == NULL)
			continue;
		if (size_in(limits, &limit)) {
			survey_limit(finding, limit, "olcLimits");
			return;
		}
		break; /* the first line about somebody is the only one */
	}
	if (!size_of(slapd, slapd->database, &limit))
		(void)size_of(slapd, "olcDatabase={-1}frontend," SETTINGS,
		    &limit);
	survey_limit(finding, limit, "olcSizeLimit");
}

static void
mend_limits(const struct slapd *slapd, struct survey_finding *finding)
{
	if (finding->seen && finding->state != DOCTOR_OK)
		survey_mend(finding,
		    "printf 'dn: %s\\nchangetype: modify\\nadd: "
		    "olcLimits\\nolcLimits: {0}dn.exact=\"%s\" size=unlimited "
		    "time=unlimited\\n' | " MODIFY,
		    slapd->database, slapd->config->bind_dn);
}

/* ---- the certificate's file --------------------------------------------- */

static void
judge_certificate(const struct slapd *slapd, struct survey_finding *finding)
{
	char path[SURVEY_TEXT_MAX], day[SURVEY_DAY_SIZE];
	int64_t not_after;

	survey_value(slapd->ld, slapd->config, SETTINGS,
	    "olcTLSCertificateFile", path);
	if (path[0] == '\0') {
		survey_find(finding, DOCTOR_OK,
		    "slapd has none: gateways on other hosts cannot bind");
		return;
	}
	not_after = survey_not_after(path);
	if (not_after == 0)
		return; /* another host's file */
	survey_day(not_after, day);
	survey_find(finding, survey_certificate_state(not_after),
	    "the last day of \"%s\" is %s", path, day);
}

/* ---- all of it ---------------------------------------------------------- */

void
survey_slapd(LDAP *ld, const struct config *config,
    struct survey_finding settings[SURVEY_SETTINGS])
{
	struct slapd slapd = { .ld = ld, .config = config };

	find_database(&slapd);
	if (slapd.database[0] == '\0')
		return;
	find_overlay(&slapd);
	judge_certificate(&slapd, &settings[SURVEY_CERTIFICATE]);
	judge_overlay(&slapd, &settings[SURVEY_LOG]);
	judge_indexes(&slapd, &settings[SURVEY_INDEXES]);
	judge_limits(&slapd, &settings[SURVEY_LIMITS]);
	mend_limits(&slapd, &settings[SURVEY_LIMITS]);
}
