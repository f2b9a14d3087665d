/*
 * A real login for enscalectl doctor: by a key that is given, or by one that is
 * made for it, is good from this host alone and for minutes, and is taken away
 * again. That one has to be in the directory, as every key: it is written with
 * the administrator's own identity (directory.h), and nothing else there is
 * touched.
 */
#ifndef ENSCALECTL_PROBE_H
#define ENSCALECTL_PROBE_H

#include <stdbool.h>

#include "common/config/config.h"
#include "common/names/login_name.h"
#include "enscalectl/directory.h"
#include "enscalectl/login_here.h"
#include "ldap/ldap_connection.h"

#define PROBE_REASON_MAX (LDAP_REASON_MAX + 64)
#define PROBE_STAGE      "/tmp/enscalectl.XXXXXX"

struct probe {
	const struct config *config; /* borrowed, as the rest */
	const char *login;           /* as it was typed; NULL: none is wanted */
	const char *identity;        /* NULL: a key is made */
	/* Where that is written, and as whom. */
	struct directory_identity administrator;

	struct login_name name; /* parsed */
	char stage[sizeof(PROBE_STAGE)];
	char key[LOGIN_HERE_PATH_MAX];
	char known[LOGIN_HERE_PATH_MAX];
	struct directory *directory; /* owned; NULL: there is no connection */
	char *dn;       /* of the key's entry, while it may be there; owned */
	bool confirmed; /* the directory has said that it is */
	bool begun;
	int error; /* of the beginning: 0, or why there is no key */
	char reason[PROBE_REASON_MAX];
};

/* Makes what a login needs, once. 0, or the error with a reason. */
int probe_begin(struct probe *probe);
/* Logs in there. 0, or the error with a reason. */
int probe_login(struct probe *probe, const char *address, uint16_t port);
/* Takes away what was made; an error with a reason when the key is still in the
 * directory. */
int probe_end(struct probe *probe);

/* ---- probe_key.c ---- */

/* Adds the public key as an entry of the account, that expires by itself, and
 * waits until this gateway has it. 0, or an error with a reason, if need be;
 * probe->dn also then, where it may be in the directory. */
int probe_key_add(struct probe *probe, const char *public_path);
/* Deletes it, also one that is only now on its way. 0; an error with a reason
 * when it may still be, or come, there. */
int probe_key_delete(struct probe *probe);

#endif
