/* What the verbs of the CA share. */
#ifndef ENSCALECTL_CA_H
#define ENSCALECTL_CA_H

#include "common/keys/ssh_key.h"
#include "enscalectl/verb.h"

#define CA_LINE_MAX 512 /* of an ed25519 key, comment and all */

/* What to do if a key is missing: nodes trust the lost one. */
#define CA_RESTORE                                                     \
	"restore it from a backup or from another gateway; only on a " \
	"new gateway, which no node knows yet, make it: enscalectl ca init"

/* Makes a key, which the guard may read where there is one; complains. An exit
 * code. */
int ca_make(const char *path);
/* The same with the key in a file. */
int ca_restore(const char *path, const char *from);
/* Is nothing left of a CA that nodes may trust? Otherwise complains. */
bool ca_may_be_made(const char *ca);
/* Prints every public key that nodes must trust. An exit code. */
int ca_show_all(const char *ca);
/* Prints the key's line, and the fingerprint and these words as a comment. 0,
 * ENS_E_*. */
int ca_print_public(const struct ssh_key *key, const char *words);
/* Is a guard signing with the key of this fingerprint now? */
bool ca_guard_signs_with(const struct context *context,
    const char *fingerprint);

#endif
