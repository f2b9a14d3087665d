/*
 * Lists of public keys in files: those that nodes are to refuse (ca.revoked),
 * and those that the CA had before (ca.retired). One key a line, as ca.pub
 * has them; empty lines and those that begin with '#' are passed over.
 */
#ifndef ENSCALECTL_CA_LIST_H
#define ENSCALECTL_CA_LIST_H

#include "enscalectl/ca_key.h"

#define CA_LIST_REVOKED ".revoked"
#define CA_LIST_RETIRED ".retired"

/* Where the list of the CA at that path is. 0, ENS_E_LIMIT. */
int ca_list_path(const char *ca, const char *suffix,
    char ret_path[CONFIG_PATH_MAX]);
/* The key of a file that holds exactly one. 0; ENS_E_KEY_FORMAT when it holds
 * none or more; as ssh_key_parse(); -errno. */
int ca_list_read_only_key(const char *path, struct ssh_key *ret_key);
/* 0; ENS_E_NOTFOUND, also when there is no such file; -errno. */
int ca_list_find(const char *path, const uint8_t digest[SHA256_LEN],
    struct ssh_key *ret_key);
/* Adds the key, which is no harm when it is there; the list is finished
 * before it has its name. 0; -EWOULDBLOCK when somebody has been adding for
 * ten seconds; -errno, ENS_E_*. */
int ca_list_add(const char *path, const struct ssh_key *key);

#endif
