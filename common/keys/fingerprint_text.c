/*
 * Fingerprints to text and back.
 */
#include <config.h>

#include "common/keys/fingerprint_text.h"

#include <string.h>

#include "common/base/base64.h"
#include "common/base/errors.h"

static const char sha256_prefix[] = "SHA256:";
static const char md5_prefix[] = "MD5:";

int
fingerprint_parse(const char *text, uint8_t ret_digest[SHA256_LEN])
{
	uint8_t digest[SHA256_LEN];
	int r;

	if (strncmp(text, sha256_prefix, sizeof(sha256_prefix) - 1) != 0)
		return ENS_E_SYNTAX;
	r = base64_decode_unpadded(text + sizeof(sha256_prefix) - 1, digest,
	    sizeof(digest));
	if (r == 0)
		memcpy(ret_digest, digest, sizeof(digest));
	return r;
}

void
fingerprint_format_sha256(const uint8_t digest[SHA256_LEN],
    char buf[FINGERPRINT_SHA256_TEXT_LEN + 1])
{
	size_t n = sizeof(sha256_prefix) - 1;

	memcpy(buf, sha256_prefix, n);
	base64_encode_unpadded(digest, SHA256_LEN, buf + n,
	    FINGERPRINT_SHA256_TEXT_LEN + 1 - n);
}

void
fingerprint_format_md5(const uint8_t digest[MD5_LEN],
    char buf[FINGERPRINT_MD5_TEXT_LEN + 1])
{
	size_t n = sizeof(md5_prefix) - 1;
	char *at = buf + n;

	memcpy(buf, md5_prefix, n);
	for (size_t i = 0; i < MD5_LEN; i++, at += 3) {
		hex_encode(digest + i, 1, at);
		at[2] = i + 1 < MD5_LEN ? ':' : '\0';
	}
}
