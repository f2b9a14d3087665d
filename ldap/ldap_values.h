/* The values of one attribute of one entry, read at once. */
#ifndef ENSCALE_LDAP_LDAP_VALUES_H
#define ENSCALE_LDAP_LDAP_VALUES_H

#include <ldap.h>
#include <stdint.h>

/* Waits, timeout seconds at most. An LDAP result code; *ret_values is NULL if
 * there are none, which is LDAP_SUCCESS also when the entry is missing or
 * hidden from us; otherwise the caller owns it: ldap_value_free_len(). */
int ldap_values_read(LDAP *ld, const char *dn, const char *attribute,
    uint32_t timeout, struct berval ***ret_values);

#endif
