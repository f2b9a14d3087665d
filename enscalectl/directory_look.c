/* What a server says of itself. See directory_look.h. It does not judge
 * entries. */
#include <config.h>

#include "enscalectl/directory_look.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ldap/ldap_connection.h"
#include "ldap/ldap_sync.h"

#define CONTEXTS     "namingContexts"
#define MILLISECONDS 1000

/* ---- what to do ------------------------------------------------------------ */

/* By how ldap_connection_open() begins to say what failed. */
static const struct {
	const char *prefix, *hint;
} hints[] = {
	{ "connect: Can't contact",
	    "does the server run here and have that socket? slapd's is in "
	    "SLAPD_SERVICES of /etc/default/slapd" },
	{ "connect:", "does the server run there and listen on that port?" },
	{ "host",
	    "is the name right? \"getent hosts\" looks it up in the same "
	    "way" },
	{ "uri", "for example ldaps://directory.enscale.example" },
	{ "TLS",
	    "--tls-ca FILE must be the certificate of the server's issuer, and "
	    "--uri must name the host as the server's certificate does" },
	{ "tls_ca",
	    "--tls-ca must name a file in PEM that user enscale-sync can read" },
	{ "bind: Invalid credentials",
	    "--bind-dn or --password-file does not match what the "
	    "directory has" },
	{ "bind: Confidentiality",
	    "a password is only sent over ldaps:// or ldapi://" },
	{ "SASL EXTERNAL",
	    "--bind-dn DN and --password-file FILE say as whom the gateway "
	    "binds" },
};

const char *
directory_look_hint(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strncmp(reason, hints[i].prefix, strlen(hints[i].prefix)) ==
		    0)
			return hints[i].hint;
	return "ask the directory's administrator";
}

/* ---- the base ------------------------------------------------------------ */

static int
search(LDAP *ld, const char *dn, int scope, const char *filter,
    const char *attribute, int limit, const struct config *config,
    LDAPControl *control, LDAPMessage **ret_found)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * MILLISECONDS);
	LDAPControl *controls[] = { control, NULL };
	char *attributes[] = { NULL, NULL };

	/* libldap only reads it. */
	memcpy(&attributes[0], &attribute, sizeof(attributes[0]));
	*ret_found = NULL;
	return ldap_search_ext_s(ld, dn, scope, filter, attributes, 0, controls,
	    NULL, &patience, limit, ret_found);
}

int
directory_look_search(LDAP *ld, const char *dn, int scope, const char *filter,
    int limit, const struct config *config, LDAPControl *control,
    LDAPMessage **ret_found)
{
	return search(ld, dn, scope, filter, LDAP_NO_ATTRS, limit, config,
	    control, ret_found);
}

int
directory_look_base(LDAP *ld, const struct config *config)
{
	LDAPMessage *found = NULL;
	int r = directory_look_search(ld, config->base, LDAP_SCOPE_BASE,
	    "(objectClass=*)", 1, config, NULL, &found);
	int count = found != NULL ? ldap_count_entries(ld, found) : 0;

	(void)ldap_msgfree(found);
	return r == LDAP_SUCCESS && count != 1 ? LDAP_NO_SUCH_OBJECT : r;
}

void
directory_look_contexts(LDAP *ld, const struct config *config, char *buf,
    size_t size)
{
	struct berval **values = NULL;
	LDAPMessage *found = NULL, *entry;
	size_t len = 0;

	buf[0] = '\0';
	(void)search(ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", CONTEXTS, 1,
	    config, NULL, &found);
	entry = found != NULL ? ldap_first_entry(ld, found) : NULL;
	if (entry != NULL)
		values = ldap_get_values_len(ld, entry, CONTEXTS);
	for (int i = 0; values != NULL && values[i] != NULL && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"",
		    i > 0 ? ", " : "", values[i]->bv_val);
	ldap_value_free_len(values);
	(void)ldap_msgfree(found);
}

/* ---- RFC 4533 ------------------------------------------------------------- */

bool
directory_look_sync(LDAP *ld, const struct config *config, const char *dn,
    LDAPMessage **ret_message)
{
	struct berval no_cookie = { 0, NULL };
	LDAPControl *control = NULL;
	LDAPMessage *found = NULL;
	int r;

	if (ret_message != NULL)
		*ret_message = NULL;
	if (ldap_sync_control(LDAP_SYNC_REFRESH_ONLY, no_cookie, &control) != 0)
		return false;
	r = search(ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)",
	    config->schema.names[SCHEMA_UUID], LDAP_NO_LIMIT, config, control,
	    &found);
	ldap_control_free(control);
	if (r == LDAP_SUCCESS && ret_message != NULL)
		*ret_message = found;
	else
		(void)ldap_msgfree(found);
	return r == LDAP_SUCCESS;
}
