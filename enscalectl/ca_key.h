/*
 * The CA key: an ed25519 key in a PEM file (PKCS #8, not encrypted), which
 * the guard's signer reads at its start, and its public key beside it.
 */
#ifndef ENSCALECTL_CA_KEY_H
#define ENSCALECTL_CA_KEY_H

#include "common/config/config.h"
#include "common/keys/ssh_key.h"
#include "enscalectl/new_file.h"

/*
 * Makes a new key at path, with that owner, and its public key at path.pub
 * (0644). Both get their names when they are finished. Never replaces a file:
 * -EEXIST. Makes the folder (0755) when it is missing. Returns 0, -errno,
 * ENS_E_CRYPTO, ENS_E_LIMIT.
 */
int ca_key_create(const char *path, const struct file_owner *owner,
    const char *comment);
/* The same with the key in the file from, which stays: from another gateway or
 * a backup. Also ENS_E_KEY_FORMAT. */
int ca_key_restore(const char *path, const char *from,
    const struct file_owner *owner, const char *comment);
/* Do the two files have the same key? 0; ENS_E_CORRUPT: no; -errno,
 * ENS_E_KEY_FORMAT. */
int ca_key_same(const char *a, const char *b);
/* Is there such a key in that file? 0, -errno, ENS_E_KEY_FORMAT. */
int ca_key_check(const char *path);

/* The public key beside path. 0, -errno, ENS_E_KEY_FORMAT, ENS_E_LIMIT. */
int ca_key_read_public(const char *path, struct ssh_key *ret_key);

/*
 * Do the files belong together? 0; ENS_E_CORRUPT if not; -EACCES and others if
 * the key cannot be read.
 */
int ca_key_check_pair(const char *path, const struct ssh_key *key);

#endif
