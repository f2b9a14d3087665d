/*
 * Adding and deleting one key in the directory, under keyd's own identity. One
 * connection per change; nothing is kept open and nothing is cached.
 *
 * It writes enscaleKey entries below the one entry that has the account's
 * id, and nothing else; the directory's ACL says the same.
 */
#ifndef ENSCALE_KEYD_KEY_DIRECTORY_H
#define ENSCALE_KEYD_KEY_DIRECTORY_H

#include "common/config/config.h"
#include "common/protocol/keyd_protocol.h"
#include "enscale_keyd/key_entry.h"
#include "ldap/ldap_connection.h"

/* For the whole change, with all servers tried; the shell waits a little
 * longer. */
#define KEY_DIRECTORY_SECONDS 10

/*
 * Makes the change. The servers of [directory] uri are tried in their order as
 * long as none has been asked to write. If the result came from the directory,
 * ret_reason has its words; otherwise it is "".
 */
enum keyd_result key_directory_change(const struct config *config,
    const struct key_entry *entry, char ret_reason[LDAP_REASON_MAX]);

#endif
