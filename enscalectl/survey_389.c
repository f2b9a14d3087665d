/* The settings of 389 Directory Server, in cn=config. See survey.h. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "common/names/login_name.h"
#include "enscalectl/survey.h"

#define BACKENDS     "cn=ldbm database,cn=plugins,cn=config"
#define SYNC_PLUGIN  "cn=Content Synchronization,cn=plugins,cn=config"
#define LOG_PLUGIN   "cn=Retro Changelog Plugin,cn=plugins,cn=config"
#define ENABLED      "nsslapd-pluginEnabled"
#define MILLISECONDS 1000
#define MANAGER      "dsconf INSTANCE"

struct server {
	LDAP *ld;
	const struct config *config;
	char backend[SURVEY_TEXT_MAX]; /* its name: "userRoot" */
	char dn[SURVEY_TEXT_MAX];      /* its entry in cn=config */
};

static void
search(const struct server *server, const char *base, int scope,
    const char *filter, LDAPMessage **ret_found)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)server->config->timeout * MILLISECONDS);

	*ret_found = NULL;
	(void)ldap_search_ext_s(server->ld, base, scope, filter, NULL, 0, NULL,
	    NULL, &patience, LDAP_NO_LIMIT, ret_found);
}

static void
value_of(const struct server *server, LDAPMessage *entry, const char *attribute,
    char buf[SURVEY_TEXT_MAX])
{
	struct berval **values = ldap_get_values_len(server->ld, entry,
	    attribute);

	snprintf(buf, SURVEY_TEXT_MAX, "%s",
	    values != NULL && values[0] != NULL ? values[0]->bv_val : "");
	ldap_value_free_len(values);
}

static void
find_backend(struct server *server)
{
	char suffix[SURVEY_TEXT_MAX];
	LDAPMessage *found, *entry = NULL;
	char *dn;

	search(server, BACKENDS, LDAP_SCOPE_ONELEVEL,
	    "(objectClass=nsBackendInstance)", &found);
	if (found != NULL)
		entry = ldap_first_entry(server->ld, found);
	for (; entry != NULL && server->backend[0] == '\0';
	     entry = ldap_next_entry(server->ld, entry)) {
		value_of(server, entry, "nsslapd-suffix", suffix);
		if (suffix[0] == '\0' ||
		    !survey_is_below(server->config->base, suffix))
			continue;
		value_of(server, entry, "cn", server->backend);
		dn = ldap_get_dn(server->ld, entry);
		snprintf(server->dn, sizeof(server->dn), "%s",
		    dn != NULL ? dn : "");
		ldap_memfree(dn);
	}
	ldap_msgfree(found);
}

static bool
is_on(const struct server *server, const char *plugin)
{
	char enabled[SURVEY_TEXT_MAX];

	survey_value(server->ld, server->config, plugin, ENABLED, enabled);
	return strcasecmp(enabled, "on") == 0;
}

/* ---- the two plugins ---------------------------------------------------- */

static void
judge_log(const struct server *server, struct survey_finding *finding)
{
	char age[SURVEY_TEXT_MAX];

	if (!is_on(server, SYNC_PLUGIN))
		return; /* "method" says what that means */
	survey_value(server->ld, server->config, LOG_PLUGIN,
	    "nsslapd-changelogmaxage", age);
	if (!is_on(server, LOG_PLUGIN)) {
		survey_find(finding, DOCTOR_WARNING,
		    "the plugin Retro Changelog is off, and Content "
		    "Synchronization needs it: the server does not start "
		    "again");
		survey_mend(finding, MANAGER " plugin retro-changelog enable");
	} else {
		survey_find(finding, DOCTOR_OK,
		    "Content Synchronization, with changes of %s",
		    age[0] != '\0' ? age : "any age");
	}
}

/* ---- indexes ------------------------------------------------------------ */

static bool
is_indexed(const struct server *server, LDAPMessage *found, const char *name)
{
	LDAPMessage *entry = ldap_first_entry(server->ld, found);
	char indexed[SURVEY_TEXT_MAX];
	struct berval **kinds;
	bool equal = false;

	for (; entry != NULL && !equal;
	     entry = ldap_next_entry(server->ld, entry)) {
		value_of(server, entry, "cn", indexed);
		if (strcasecmp(indexed, name) != 0)
			continue;
		kinds = ldap_get_values_len(server->ld, entry, "nsIndexType");
		for (int i = 0; kinds != NULL && kinds[i] != NULL; i++)
			equal |= strcasecmp(kinds[i]->bv_val, "eq") == 0;
		ldap_value_free_len(kinds);
	}
	return equal;
}

static void
judge_indexes(const struct server *server, struct survey_finding *finding)
{
	const char *names[SURVEY_INDEXED_MAX];
	char base[SURVEY_TEXT_MAX + 16], missing[SURVEY_TEXT_MAX] = "";
	size_t len = 0, i;
	LDAPMessage *found;

	snprintf(base, sizeof(base), "cn=index,%s", server->dn);
	search(server, base, LDAP_SCOPE_ONELEVEL, "(objectClass=nsIndex)",
	    &found);
	if (found == NULL)
		return;
	survey_indexed(server->config, names);
	for (i = 0; names[i] != NULL && len < sizeof(missing); i++)
		if (!is_indexed(server, found, names[i]))
			len += (size_t)snprintf(missing + len,
			    sizeof(missing) - len, "%s%s", len > 0 ? " " : "",
			    names[i]);
	ldap_msgfree(found);
	if (len == 0) {
		survey_find(finding, DOCTOR_OK, "%zu attributes are indexed",
		    i);
		return;
	}
	survey_find(finding, DOCTOR_WARNING,
	    "not indexed: %s: what searches for it reads every entry", missing);
	survey_mend(finding,
	    "for name in %s; do " MANAGER
	    " backend index add --index-type eq --attr $name --reindex %s; "
	    "done",
	    missing, server->backend);
}

/* ---- limits ------------------------------------------------------------- */

/* The gateway's own, or else everybody's. 0: none. */
static uint32_t
limit_of(const struct server *server, const char *own, const char *dn,
    const char *attribute)
{
	char text[SURVEY_TEXT_MAX];
	uint32_t limit;

	survey_value(server->ld, server->config, server->config->bind_dn, own,
	    text);
	if (text[0] == '\0')
		survey_value(server->ld, server->config, dn, attribute, text);
	return parse_u32(text, UINT32_MAX, &limit) == 0 ? limit : 0;
}

static void
judge_limits(const struct server *server, struct survey_finding *finding)
{
	const char *bind_dn = server->config->bind_dn;
	uint32_t size, looked;

	if (bind_dn[0] == '\0')
		return; /* who that is, the server knows */
	size = limit_of(server, "nsSizeLimit", "cn=config",
	    "nsslapd-sizelimit");
	looked = limit_of(server, "nsLookThroughLimit", "cn=config," BACKENDS,
	    "nsslapd-lookthroughlimit");
	if (size != 0)
		survey_limit(finding, size, "nsSizeLimit");
	else
		survey_limit(finding, looked, "nsLookThroughLimit");
	if (finding->state == DOCTOR_OK)
		return;
	survey_mend(finding,
	    "printf 'dn: %s\\nchangetype: modify\\nreplace: "
	    "nsSizeLimit\\nnsSizeLimit: -1\\n-\\nreplace: "
	    "nsLookThroughLimit\\nnsLookThroughLimit: -1\\n' | ldapmodify "
	    "-Q -Y EXTERNAL -H ldapi://%%2frun%%2fslapd-INSTANCE.socket",
	    bind_dn);
}

/* ---- all of it ---------------------------------------------------------- */

void
survey_389(LDAP *ld, const struct config *config,
    struct survey_finding settings[SURVEY_SETTINGS])
{
	struct server server = { .ld = ld, .config = config };

	find_backend(&server);
	if (server.backend[0] == '\0')
		return;
	judge_log(&server, &settings[SURVEY_LOG]);
	judge_indexes(&server, &settings[SURVEY_INDEXES]);
	judge_limits(&server, &settings[SURVEY_LIMITS]);
}
