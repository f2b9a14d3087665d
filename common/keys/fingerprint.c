/*
 * Hashing key blobs with libcrypto.
 */
#include <config.h>

#include "common/keys/fingerprint.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/base/errors.h"

static int
hash(const EVP_MD *type, struct bytes blob, uint8_t *ret_digest, size_t want)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_Digest(blob.data, blob.len, digest, &len, type, NULL) != 1 ||
	    len != want)
		return ENS_E_CRYPTO;
	memcpy(ret_digest, digest, want);
	return 0;
}

static const EVP_MD *sha256; /* once it is prepared */

void
fingerprint_prepare(void)
{
	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int
fingerprint_sha256(struct bytes blob, uint8_t ret_digest[SHA256_LEN])
{
	return hash(sha256 != NULL ? sha256 : EVP_sha256(), blob, ret_digest,
	    SHA256_LEN);
}

int
fingerprint_md5(struct bytes blob, uint8_t ret_digest[MD5_LEN])
{
	return hash(EVP_md5(), blob, ret_digest, MD5_LEN);
}
