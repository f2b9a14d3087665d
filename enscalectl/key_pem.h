/* Public keys as OpenSSL writes them: PEM of a SubjectPublicKeyInfo (PKCS#8's
 * "PUBLIC KEY") or of PKCS#1 ("RSA PUBLIC KEY"). */
#ifndef ENSCALECTL_KEY_PEM_H
#define ENSCALECTL_KEY_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/keys/ssh_key.h"

bool key_pem_is(const char *text);
/* 0; ENS_E_KEY_FORMAT, ENS_E_KEY_TYPE, ENS_E_KEY_WEAK, ENS_E_LIMIT. */
int key_pem_read(const char *text, size_t len, struct ssh_key *ret_key);

#endif
