/*
 * Lists of public keys in files: those that nodes must refuse (ca.revoked), and
 * those that the CA had before (ca.retired). One key per line, as in ca.pub;
 * empty lines and those that begin with '#' are skipped.
 */
#ifndef ENSCALECTL_CA_LIST_H
#define ENSCALECTL_CA_LIST_H

#include "enscalectl/ca_key.h"

#define CA_LIST_REVOKED ".revoked"
#define CA_LIST_RETIRED ".retired"

/* The path of the list for the CA at that path. 0, ENS_E_LIMIT. */
int ca_list_path(const char *ca, const char *suffix,
    char ret_path[CONFIG_PATH_MAX]);
/* The key in a file that must hold exactly one. 0; ENS_E_KEY_FORMAT when it
 * holds none or several; as ssh_key_parse(); -errno. */
int ca_list_read_only_key(const char *path, struct ssh_key *ret_key);
/* 0; ENS_E_NOTFOUND, also when there is no such file; -errno. */
int ca_list_find(const char *path, const uint8_t digest[SHA256_LEN],
    struct ssh_key *ret_key);
/* Adds the key, unless it is there already; the new list gets its name when it
 * is finished. 0; -EWOULDBLOCK when somebody else has been adding for ten
 * seconds; -errno, ENS_E_*. */
int ca_list_add(const char *path, const struct ssh_key *key);

#endif
