/*
 * SSH public keys: parsed strictly, judged, and written anew, so that no
 * byte of directory text reaches sshd. Formats: RFC 4253 section 6.6,
 * RFC 5656 section 3.1, RFC 8709, OpenSSH PROTOCOL.u2f, sshd(8)
 * AUTHORIZED_KEYS FILE FORMAT. libc only.
 */
#ifndef ENSCALE_COMMON_SSH_KEY_H
#define ENSCALE_COMMON_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/wire.h"

enum ssh_key_type {
	SSH_KEY_RSA = 1,
	SSH_KEY_ED25519,
	SSH_KEY_ECDSA_256,
	SSH_KEY_ECDSA_384,
	SSH_KEY_ECDSA_521,
	SSH_KEY_SK_ED25519,
	SSH_KEY_SK_ECDSA_256,
};

struct ssh_key {
	enum ssh_key_type type;
	uint32_t bits;
	size_t blob_len;
	uint8_t blob[KEY_BLOB_MAX];
	char from[FROM_TEXT_MAX + 1]; /* the from= option; "" when none */
	int64_t expires;	      /* the expiry-time= option; 0: never */
	char comment[NAME_TEXT_MAX + 1]; /* printable; "" when none */
};

/*
 * Parses one line of authorized_keys form: [options] type base64 [comment].
 * Of the options only from="..." and expiry-time="..." are accepted (they
 * are what we honour; any other refuses the key). Trailing spaces and one
 * line end are ignored; a NUL or another control character inside refuses
 * it. An over-long comment is dropped, not refused.
 * Returns 0, ENS_E_KEY_FORMAT, ENS_E_KEY_TYPE (certificates too),
 * ENS_E_KEY_WEAK, ENS_E_LIMIT.
 */
int ssh_key_parse(const char *line, size_t len, struct ssh_key *ret_key);

/*
 * Judges a key blob: well-formed to its last byte, of an accepted type,
 * strong enough. Returns 0 or as above. ret_bits may be NULL.
 */
int ssh_key_check_blob(struct bytes blob, enum ssh_key_type *ret_type,
    uint32_t *ret_bits);

/* "ssh-ed25519", ... and "ED25519", as ssh-keygen -l prints it. */
const char *ssh_key_type_name(enum ssh_key_type type);
/* Of a certificate over such a key (OpenSSH PROTOCOL.certkeys). */
const char *ssh_key_type_cert_name(enum ssh_key_type type);
const char *ssh_key_type_short_name(enum ssh_key_type type);

/* Writes "type base64" and a NUL; returns the length, 0 when it is too
 * small or the blob is no key of ours. */
size_t ssh_key_format(struct bytes blob, char *buf, size_t size);

/* The expiry-time of sshd(8): YYYYMMDD[HHMM[SS]][Z], local time without Z.
 * 0 or ENS_E_SYNTAX. */
int ssh_key_parse_expiry(const char *text, size_t len, int64_t *ret_time);

/* Only what can stand in a from= list of patterns: letters, digits and
 * ".:*?!/-_%,"; nothing that could end the quotes around it. */
bool ssh_key_from_is_valid(const char *from);

#endif
