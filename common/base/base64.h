/* Base64 (RFC 4648, section 4), padded, strict: no white space, no stray
 * bits. Lower-case hex beside it. */
#ifndef ENSCALE_COMMON_BASE_BASE64_H
#define ENSCALE_COMMON_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_LEN(len) characters and a NUL; size is that of buf. Returns
 * the number of characters, 0 when it is too small. */
size_t base64_encode(const void *data, size_t len, char *buf, size_t size);
/* As OpenSSH prints fingerprints: without padding, e.g. after "SHA256:". */
size_t base64_encode_unpadded(const void *data, size_t len, char *buf,
    size_t size);
/* Decodes len characters into buf. 0, ENS_E_SYNTAX or ENS_E_LIMIT. */
ENS_MUST_CHECK int base64_decode(const char *text, size_t len, uint8_t *buf,
    size_t size, size_t *ret_len);
/* The unpadded form of exactly want bytes (a fingerprint). 0 or
 * ENS_E_SYNTAX. */
ENS_MUST_CHECK int base64_decode_unpadded(const char *text, uint8_t *buf,
    size_t want);

/* 2 * len characters and a NUL. */
void hex_encode(const void *data, size_t len, char *buf);
ENS_MUST_CHECK int hex_decode(const char *text, uint8_t *buf, size_t want);

#endif
