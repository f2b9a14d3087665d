/* What directory.c (the connection), directory_read.c and directory_write.c
 * share. */
#ifndef ENSCALECTL_DIRECTORY_PRIVATE_H
#define ENSCALECTL_DIRECTORY_PRIVATE_H

#include "enscalectl/directory.h"
#include "ldap/ldap_connection.h"

struct directory {
	const struct config *config; /* borrowed */
	const char *what;            /* borrowed: the verb */
	LDAP *ld;
	char uri[LDAP_URI_MAX];
	bool quiet; /* the reason is kept instead of told */
	char reason[LDAP_REASON_MAX];
	struct entry_parser *parser; /* of what is to be written */
	char
	    *who; /* owned: as whom it knows us; NULL: not asked, or not said */
};

/* Words a result of libldap for what was done to dn. An exit code, never
 * EXIT_YES. */
int directory_fail(struct directory *directory, int result, const char *dn,
    bool writing);

#endif
