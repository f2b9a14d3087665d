/*
 * Signatures that a node's host key made over the first exchange hash of a
 * connection (RFC 4253, section 8): what session-bind@openssh.com brings.
 */
#ifndef ENSCALE_GUARD_HOST_KEY_H
#define ENSCALE_GUARD_HOST_KEY_H

#include "common/base/wire.h"

/*
 * Verifies a signature blob over data by a host key blob: ssh-ed25519,
 * ecdsa-sha2-nistp256/384/521, RSA with rsa-sha2-256 or rsa-sha2-512. No
 * SHA-1, no certificates, no security keys.
 * Returns 0, the only yes; ENS_E_CRYPTO when it is not this key's signature
 * of these data; ENS_E_CORRUPT; ENS_E_KEY_FORMAT, ENS_E_KEY_TYPE,
 * ENS_E_KEY_WEAK of the key.
 */
int host_key_verify(struct bytes host_key, struct bytes signature,
    struct bytes data);

#endif
