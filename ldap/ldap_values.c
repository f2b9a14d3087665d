/* The values of one attribute of one entry. See ldap_values.h. */
#include <config.h>

#include "ldap/ldap_values.h"

#include <string.h>
#include <sys/time.h>

#include "ldap/ldap_connection.h"

int
ldap_values_read(LDAP *ld, const char *dn, const char *attribute,
    uint32_t timeout, struct berval ***ret_values)
{
	char *attributes[] = { NULL, NULL };
	struct timeval patience = ldap_connection_patience(
	    (int64_t)timeout * 1000);
	LDAPMessage *result = NULL;
	int r;

	/* libldap only reads it. */
	memcpy(&attributes[0], &attribute, sizeof(attributes[0]));
	r = ldap_search_ext_s(ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)",
	    attributes, 0, NULL, NULL, &patience, LDAP_NO_LIMIT, &result);
	*ret_values = NULL;
	if (r == LDAP_SUCCESS && ldap_first_entry(ld, result) != NULL)
		*ret_values = ldap_get_values_len(ld,
		    ldap_first_entry(ld, result), attribute);
	(void)ldap_msgfree(result);
	/* A missing or hidden entry is not an error; everything else is. */
	return r == LDAP_NO_SUCH_OBJECT || r == LDAP_INSUFFICIENT_ACCESS
	    ? LDAP_SUCCESS
	    : r;
}
