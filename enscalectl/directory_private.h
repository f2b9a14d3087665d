/* What directory.c (the connection), directory_read.c and directory_write.c
 * share. */
#ifndef ENSCALECTL_DIRECTORY_PRIVATE_H
#define ENSCALECTL_DIRECTORY_PRIVATE_H

#include "enscalectl/directory.h"
#include "ldap/ldap_connection.h"

/* A change that was begun. */
struct under_way {
	int id;         /* of its message */
	const char *dn; /* borrowed */
	void *token;
	const char *how; /* static: "add", "modify", "move" */
};

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
	struct under_way under_way[DIRECTORY_WINDOW];
	unsigned under_way_count;
	int lost; /* with what result the server went; 0: it is there */
};

/* Has the server gone, so that what it did is not known? */
bool directory_is_lost(int result);

/* Words a result of libldap for what was done to dn. An exit code, never
 * EXIT_YES. */
int directory_fail(struct directory *directory, int result, const char *dn,
    bool writing);

#endif
