/*
 * Fingerprints of SSH keys, with libcrypto: linked by the daemons and the
 * tools only. Parsing and formatting alone (common/keys/fingerprint_text) needs
 * no libcrypto.
 */
#ifndef ENSCALE_COMMON_KEYS_FINGERPRINT_H
#define ENSCALE_COMMON_KEYS_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/wire.h"
#include "common/keys/fingerprint_text.h"

/* For callers that hash by the million; call it before there are threads:
 * looking SHA-256 up in libcrypto takes as long as hashing a few hundred bytes.
 * Never undone. */
void fingerprint_prepare(void);

/* SHA-256 of a key blob. 0 or ENS_E_CRYPTO. */
int fingerprint_sha256(struct bytes blob, uint8_t ret_digest[SHA256_LEN]);
/* MD5 of a key blob, for display beside old documentation only. */
int fingerprint_md5(struct bytes blob, uint8_t ret_digest[MD5_LEN]);

#endif
