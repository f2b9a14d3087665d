/* GeneralizedTime (RFC 4517, 3.3.13), in every form that it has. */
#ifndef ENSCALE_LDAP_LDAP_TIME_H
#define ENSCALE_LDAP_LDAP_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "ldap/ldap_csn.h"

/* To seconds since the epoch; a fraction is cut. 0 or ENS_E_SYNTAX. */
int ldap_time_parse(const char *text, size_t len, int64_t *ret_time);

/* A change sequence number (ldap_csn.h) for this second and no server. 0, or
 * ENS_E_RANGE outside the years 1 to 9999. */
int ldap_time_csn(int64_t time, char ret_csn[CSN_LEN + 1]);
/* The second of a CSN that was made by that; ENS_E_SYNTAX for any other. */
int ldap_time_of_csn(const char *csn, int64_t *ret_time);

/* The second of the furthest CSN, less some seconds, in the form for a filter:
 * "20251122225400Z"; an empty text if there is none. */
void ldap_time_of_csns(const struct csn_set *set, int64_t less,
    char ret_text[CSN_LEN + 1]);

#endif
