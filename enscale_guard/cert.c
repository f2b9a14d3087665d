/*
 * Building certificates. It decides no rights: the guard's policy has done so.
 * It refuses what would help a guard that was taken over: a longer life, a
 * principal other than one node's, a certificate that is valid from anywhere.
 */
#include <config.h>

#include "enscale_guard/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "common/keys/ssh_key.h"
#include "common/names/login_name.h"
#include "common/protocol/session_registry.h"

#define CERT_TYPE_USER 1
#define NONCE_LEN      32
#define KEY_ID_MAX     160
#define PRINCIPAL_MAX  16 /* "node" and nine digits */

static void
free_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

/* Its blob, and of which type it is. */
static int
find_key(const struct cert_request *request, struct bytes *ret_blob,
    enum ssh_key_type *ret_type)
{
	struct bytes blob = { request->key, request->key_len };

	if (blob.len > sizeof(request->key))
		return ENS_E_RANGE;
	*ret_blob = blob;
	return ssh_key_check_blob(blob, ret_type, NULL);
}

int
cert_request_check(const struct cert_request *request)
{
	enum ssh_key_type type;
	struct bytes blob;

	if (request->account == 0 || request->account > ACCOUNT_ID_MAX)
		return ENS_E_RANGE;
	if (request->node == 0 || request->node > NODE_ID_MAX)
		return ENS_E_RANGE;
	if ((request->flags & ~(CERT_FORWARD_AGENT | CERT_FORWARD_PORTS)) != 0)
		return ENS_E_RANGE;
	if (request->lifetime == 0 || request->lifetime > CERT_SECONDS_MAX)
		return ENS_E_RANGE;
	if (memchr(request->session, '\0', sizeof(request->session)) == NULL ||
	    !session_id_is_valid(request->session))
		return ENS_E_SYNTAX;
	return find_key(request, &blob, &type);
}

/* No bit may follow the mask: sshd rejects the whole list because of such an
 * entry. */
static bool
is_masked(const uint8_t *address, size_t len, uint32_t bits)
{
	for (uint32_t i = bits; i < len * 8; i++)
		if ((address[i / 8] >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static int
check_address(const char *address)
{
	char text[ADDRESS_TEXT_MAX + sizeof("/128")];
	uint8_t parsed[sizeof(struct in6_addr)];
	uint32_t len = sizeof(struct in_addr), bits;
	char *slash;

	if (strlen(address) >= sizeof(text))
		return ENS_E_SYNTAX;
	memcpy(text, address, strlen(address) + 1);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(AF_INET, text, parsed) != 1) {
		if (inet_pton(AF_INET6, text, parsed) != 1)
			return ENS_E_SYNTAX;
		len = sizeof(struct in6_addr);
	}
	bits = 8 * len;
	if (slash != NULL && parse_u32(slash + 1, bits, &bits) != 0)
		return ENS_E_SYNTAX;
	return is_masked(parsed, len, bits) ? 0 : ENS_E_SYNTAX;
}

int
cert_addresses_check(const char *addresses)
{
	char text[CERT_ADDRESSES_MAX + 1], *rest = text;
	size_t len = strlen(addresses);
	const char *address;

	if (len > CERT_ADDRESSES_MAX)
		return ENS_E_LIMIT;
	memcpy(text, addresses, len + 1);
	while ((address = strsep(&rest, ",")) != NULL)
		if (check_address(address) != 0)
			return ENS_E_SYNTAX;
	return 0;
}

int
cert_write_public_key(EVP_PKEY *key, struct wire_writer *writer)
{
	uint8_t raw[ED25519_KEY_LEN];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 ||
	    len != sizeof(raw))
		return ENS_E_KEY_TYPE;
	wire_write_cstring(writer, "ssh-ed25519");
	wire_write_string(writer, raw, len);
	return writer->error;
}

static void
write_principal(struct wire_writer *writer, uint32_t node)
{
	char principal[PRINCIPAL_MAX];
	size_t list;

	snprintf(principal, sizeof(principal), "node%" PRIu32, node);
	list = wire_write_begin_string(writer);
	wire_write_cstring(writer, principal);
	wire_write_end_string(writer, list);
}

static void
write_key_id(struct wire_writer *writer, const struct cert_request *request)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char key_id[KEY_ID_MAX];

	fingerprint_format_sha256(request->fingerprint, fingerprint);
	snprintf(key_id, sizeof(key_id),
	    "enscale account=%" PRIu32 " session=%s key=%s", request->account,
	    request->session, fingerprint);
	wire_write_cstring(writer, key_id);
}

/* A certificate has another type, then the nonce, then what the key's blob has
 * behind its own type: well-formed to its last byte, as it was checked. */
static void
write_key(struct wire_writer *writer, const struct cert_request *request,
    const uint8_t nonce[NONCE_LEN])
{
	struct wire_reader reader;
	enum ssh_key_type type;
	struct bytes blob;
	int r = find_key(request, &blob, &type);

	if (r < 0) {
		writer->error = r;
		return;
	}
	wire_read_init(&reader, blob.data, blob.len);
	(void)wire_read_string(&reader);
	wire_write_cstring(writer, ssh_key_type_cert_name(type));
	wire_write_string(writer, nonce, NONCE_LEN);
	wire_write_bytes(writer, reader.at, reader.left);
}

/* Options are sorted by name; the data of one with a value is a string in a
 * string. */
static void
write_options(struct wire_writer *writer, const struct cert_request *request,
    const char *addresses)
{
	size_t critical, extensions, value;

	critical = wire_write_begin_string(writer);
	wire_write_cstring(writer, "source-address");
	value = wire_write_begin_string(writer);
	wire_write_cstring(writer, addresses);
	wire_write_end_string(writer, value);
	wire_write_end_string(writer, critical);

	extensions = wire_write_begin_string(writer);
	if ((request->flags & CERT_FORWARD_AGENT) != 0) {
		wire_write_cstring(writer, "permit-agent-forwarding");
		wire_write_cstring(writer, "");
	}
	if ((request->flags & CERT_FORWARD_PORTS) != 0) {
		wire_write_cstring(writer, "permit-port-forwarding");
		wire_write_cstring(writer, "");
	}
	wire_write_cstring(writer, "permit-pty");
	wire_write_cstring(writer, "");
	wire_write_end_string(writer, extensions);
}

static int
write_signature(struct wire_writer *writer, size_t from, EVP_PKEY *ca)
{
	AUTO(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[ED25519_SIGNATURE_LEN];
	size_t len = sizeof(raw), signature;

	if (ctx == NULL)
		return -ENOMEM;
	if (writer->error != 0)
		return writer->error;
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, ca) != 1 ||
	    EVP_DigestSign(ctx, raw, &len, writer->data + from,
	        writer->len - from) != 1)
		return ENS_E_CRYPTO;
	signature = wire_write_begin_string(writer);
	wire_write_cstring(writer, "ssh-ed25519");
	wire_write_string(writer, raw, len);
	wire_write_end_string(writer, signature);
	return writer->error;
}

int
cert_build(const struct cert_request *request, EVP_PKEY *ca,
    const char *addresses, int64_t now, uint64_t serial,
    struct wire_writer *writer)
{
	uint8_t nonce[NONCE_LEN];
	size_t from = writer->len, authority;
	int r;

	r = cert_request_check(request);
	if (r < 0)
		return r;
	r = cert_addresses_check(addresses);
	if (r < 0)
		return r;
	if (now < CERT_BACKDATE)
		return ENS_E_RANGE;
	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return ENS_E_CRYPTO;

	write_key(writer, request, nonce);
	wire_write_u64(writer, serial);
	wire_write_u32(writer, CERT_TYPE_USER);
	write_key_id(writer, request);
	write_principal(writer, request->node);
	wire_write_u64(writer, (uint64_t)(now - CERT_BACKDATE));
	wire_write_u64(writer, (uint64_t)(now + request->lifetime));
	write_options(writer, request, addresses);
	wire_write_string(writer, "", 0); /* reserved */
	authority = wire_write_begin_string(writer);
	r = cert_write_public_key(ca, writer);
	if (r < 0)
		return r;
	wire_write_end_string(writer, authority);
	return write_signature(writer, from, ca);
}
