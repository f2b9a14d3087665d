/*
 * SSH public keys: parsed strictly, judged, and encoded again, so that no byte
 * of directory text reaches sshd; ssh_key_text.h is for texts with several
 * keys. Formats: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709, OpenSSH
 * PROTOCOL.u2f, sshd(8) AUTHORIZED_KEYS FILE FORMAT. libc only.
 */
#ifndef ENSCALE_COMMON_KEYS_SSH_KEY_H
#define ENSCALE_COMMON_KEYS_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/wire.h"

enum ssh_key_type {
	SSH_KEY_RSA = 1,
	SSH_KEY_ED25519,
	SSH_KEY_ECDSA_256,
	SSH_KEY_ECDSA_384,
	SSH_KEY_ECDSA_521,
	SSH_KEY_SK_ED25519,
	SSH_KEY_SK_ECDSA_256,
};

/* A key's options other than from= and expiry-time=, as bits. */
#define KEY_NO_PTY   0x01U /* no-pty */
#define KEY_NO_AGENT 0x02U /* no-agent-forwarding */
#define KEY_NO_PORTS 0x04U /* no-port-forwarding */
#define KEY_VERIFY   0x08U /* verify-required: a PIN is asked for */
#define KEY_NO_TOUCH 0x10U /* no-touch-required: no touch is needed */
#define KEY_OPTIONS  0x1fU /* all of them */
/* Those that restrict what a session may do. */
#define KEY_NARROWED (KEY_NO_PTY | KEY_NO_AGENT | KEY_NO_PORTS)
/* The rights that both have: what either forbids is forbidden, and a touch is
 * required if either requires it. */
uint8_t ssh_key_stricter_options(uint8_t a, uint8_t b);
/*
 * Of two from= lists ("": none) the one that lets in no address that the other
 * keeps out; a, when both are equally strict. NULL: neither is known to.
 * Patterns are compared as texts: a list is contained in another one that has
 * all of its patterns, and no "!" that it does not have.
 */
const char *ssh_key_stricter_from(const char *a, const char *b);

struct ssh_key {
	enum ssh_key_type type;
	uint32_t bits;
	size_t blob_len;
	uint8_t blob[KEY_BLOB_MAX];
	char from[FROM_TEXT_MAX + 1];    /* the from= option; "" when none */
	int64_t expires;                 /* the expiry-time= option; 0: never */
	uint8_t options;                 /* KEY_... */
	char comment[NAME_TEXT_MAX + 1]; /* text_display(); "" when none */
	bool comment_changed;            /* cut, or cleaned up */
};

#define KEY_REASON_MAX 127

/*
 * Parses one line of authorized_keys form: [options] type base64 [comment],
 * with spaces or tabs between, and nothing before it. Spaces behind and one
 * line end are ignored.
 *
 * Of the options in sshd(8) those are accepted that can be honoured, from=,
 * expiry-time=, verify-required and no-touch-required, and those that only
 * restrict (restrict, no-pty, ...), or give back after "restrict". With any
 * other option the key is refused. Whether no-touch-required is allowed is for
 * the caller to judge.
 *
 * Returns 0, ENS_E_KEY_FORMAT, ENS_E_KEY_TYPE (certificates too),
 * ENS_E_KEY_WEAK, ENS_E_KEY_OPTION, ENS_E_LIMIT; then ret_reason, which may be
 * NULL, has the sentence fragment for it ("option not accepted: command").
 */
int ssh_key_parse_line(struct bytes line, struct ssh_key *ret_key,
    char ret_reason[KEY_REASON_MAX + 1]);
/* The same without the reason. */
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

/* Writes "type base64" and a NUL; returns the length, 0 when size is too small
 * or the blob is not a key that we accept. */
size_t ssh_key_format(struct bytes blob, char *buf, size_t size);

/* Writes the options that are bits as they stand in a line,
 * "no-pty,verify-required", and a NUL; KEY_OPTIONS_TEXT_MAX bytes are enough
 * for all of them. */
#define KEY_OPTIONS_TEXT_MAX 127
void ssh_key_format_options(uint8_t options,
    char buf[KEY_OPTIONS_TEXT_MAX + 1]);

/* Writes the key with all of its options but expiry-time=, which a directory has
 * in an attribute of its own: "no-pty,from=... type base64", and a NUL. Returns
 * the length, 0 when it is too small; KEY_WRITTEN_MAX bytes are enough. */
#define KEY_WRITTEN_MAX \
	(KEY_OPTIONS_TEXT_MAX + 64 + FROM_TEXT_MAX + 6 * KEY_BLOB_MAX / 4)
size_t ssh_key_format_line(const struct ssh_key *key, char *buf, size_t size);

/* The expiry-time of sshd(8): YYYYMMDD[HHMM[SS]][Z], local time without Z.
 * 0 or ENS_E_SYNTAX. */
int ssh_key_parse_expiry(const char *text, size_t len, int64_t *ret_time);

/* Has it only what can be in a from= list of patterns: letters, digits and
 * ".:*?!/-_%,"; nothing that could end the quotes around it. */
bool ssh_key_from_is_valid(const char *from);

#endif
