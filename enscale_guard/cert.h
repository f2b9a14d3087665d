/*
 * The certificate for one hop (OpenSSH PROTOCOL.certkeys): a user's
 * certificate over an ed25519 key that lives for one connection, or, in native
 * mode, over the key that opened the session. Its content follows from a
 * request of fixed size; it has no text of a user's choice.
 */
#ifndef ENSCALE_GUARD_CERT_H
#define ENSCALE_GUARD_CERT_H

#include <stdint.h>

#include <openssl/types.h>

#include "common/base/limits.h"
#include "common/base/wire.h"

#define CERT_TYPE_NAME     "ssh-ed25519-cert-v01@openssh.com" /* of a hop */
#define CERT_TYPE_NAME_MAX 64
#define CERT_BLOB_MAX      7168
#define CERT_BACKDATE      300  /* seconds: for a node whose clock is behind */
#define CERT_ADDRESSES_MAX 2048 /* characters of the source-address list */

#define ED25519_KEY_LEN       32
#define ED25519_SIGNATURE_LEN 64

#define CERT_FORWARD_AGENT 0x1U /* permit-agent-forwarding */
#define CERT_FORWARD_PORTS 0x2U /* permit-port-forwarding */

/* Everything that the guard asks of the signer. */
struct cert_request {
	uint8_t key[KEY_BLOB_MAX];       /* the blob of the public key, ... */
	uint32_t key_len;                /* ... and its length */
	uint8_t fingerprint[SHA256_LEN]; /* of the user's key */
	char session[SESSION_ID_LEN + 1];
	uint32_t account;
	uint32_t node;
	uint32_t flags;    /* CERT_... */
	uint32_t lifetime; /* seconds from now */
};

/* Is the request one that may be signed? 0; ENS_E_RANGE; ENS_E_SYNTAX; or the
 * error of ssh_key_check_blob() for the key. */
int cert_request_check(const struct cert_request *request);

/* Is this a list of addresses and networks that sshd accepts as a
 * source-address: "198.19.0.2,fd00::/64"? 0; ENS_E_SYNTAX; ENS_E_LIMIT. */
int cert_addresses_check(const char *addresses);

/*
 * Appends the signed certificate blob. ca is an ed25519 private key;
 * addresses must have been checked and are never empty: without them a
 * certificate could be used from elsewhere. now is in seconds since the
 * epoch. Returns 0; as cert_request_check(); ENS_E_CRYPTO; ENS_E_LIMIT;
 * -ENOMEM.
 */
int cert_build(const struct cert_request *request, EVP_PKEY *ca,
    const char *addresses, int64_t now, uint64_t serial,
    struct wire_writer *writer);

/* The blob of an ed25519 public key, of a CA or of a pair for one
 * connection. 0, ENS_E_KEY_TYPE or what the writer says. */
int cert_write_public_key(EVP_PKEY *key, struct wire_writer *writer);

#endif
