/* Fingerprints as text, the way OpenSSH prints them. libc only. */
#ifndef ENSCALE_COMMON_KEYS_FINGERPRINT_TEXT_H
#define ENSCALE_COMMON_KEYS_FINGERPRINT_TEXT_H

#include <stdint.h>

#include "common/base/limits.h"

#define FINGERPRINT_SHA256_TEXT_LEN 50 /* "SHA256:" and 43 characters */
#define FINGERPRINT_MD5_TEXT_LEN    51 /* "MD5:" and 16 "xx" with ":" */

/* "SHA256:..." to bytes. Returns 0; ENS_E_SYNTAX, also for "MD5:...". */
int fingerprint_parse(const char *text, uint8_t ret_digest[SHA256_LEN]);
void fingerprint_format_sha256(const uint8_t digest[SHA256_LEN],
    char buf[FINGERPRINT_SHA256_TEXT_LEN + 1]);
void fingerprint_format_md5(const uint8_t digest[MD5_LEN],
    char buf[FINGERPRINT_MD5_TEXT_LEN + 1]);

#endif
