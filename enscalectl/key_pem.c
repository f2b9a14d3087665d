/* See key_pem.h. It refuses what ssh_key_check_blob() refuses of any key. */
#include <config.h>

#include "enscalectl/key_pem.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

#define BLANKS " \t\r\n"

bool
key_pem_is(const char *text)
{
	text += strspn(text, BLANKS);
	return strncmp(text, "-----BEGIN PUBLIC KEY", 21) == 0 ||
	    strncmp(text, "-----BEGIN RSA PUBLIC KEY", 25) == 0;
}

static void
cleanup_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static EVP_PKEY *
decode(const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text;
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM",
	    NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);

	if (decoder == NULL || OSSL_DECODER_from_data(decoder, &at, &len) != 1)
		pkey = NULL;
	OSSL_DECODER_CTX_free(decoder);
	return pkey;
}

/* ---- as SSH writes them (RFC 4253, RFC 5656, RFC 8709) ------------------ */

static void
write_number(struct wire_writer *out, const EVP_PKEY *pkey, const char *name)
{
	unsigned char bytes[1 + KEY_BLOB_MAX];
	BIGNUM *number = NULL;
	int len = 0;

	if (EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
	    BN_num_bytes(number) < KEY_BLOB_MAX)
		len = BN_bn2bin(number, bytes + 1);
	BN_free(number);
	bytes[0] = 0; /* else the first bit would be a sign */
	if (len > 0 && (bytes[1] & 0x80) == 0)
		wire_write_string(out, bytes + 1, (size_t)len);
	else
		wire_write_string(out, bytes, (size_t)len + 1);
}

static void
write_rsa(struct wire_writer *out, const EVP_PKEY *pkey)
{
	wire_write_cstring(out, "ssh-rsa");
	write_number(out, pkey, OSSL_PKEY_PARAM_RSA_E);
	write_number(out, pkey, OSSL_PKEY_PARAM_RSA_N);
}

static void
write_ed25519(struct wire_writer *out, const EVP_PKEY *pkey)
{
	unsigned char raw[64];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
		len = 0;
	wire_write_cstring(out, "ssh-ed25519");
	wire_write_string(out, raw, len);
}

static void
write_ecdsa(struct wire_writer *out, EVP_PKEY *pkey)
{
	static const struct {
		const char *theirs, *type, *curve;
	} curves[] = {
		{ "prime256v1", "ecdsa-sha2-nistp256", "nistp256" },
		{ "secp384r1", "ecdsa-sha2-nistp384", "nistp384" },
		{ "secp521r1", "ecdsa-sha2-nistp521", "nistp521" },
	};
	unsigned char point[256];
	char group[64] = "";
	size_t len = 0, i;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
	    EVP_PKEY_set_utf8_string_param(pkey,
	        OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
	        "uncompressed") != 1 ||
	    EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
	        point, sizeof(point), &len) != 1)
		return;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (strcmp(curves[i].theirs, group) != 0)
			continue;
		wire_write_cstring(out, curves[i].type);
		wire_write_cstring(out, curves[i].curve);
		wire_write_string(out, point, len);
	}
}

int
key_pem_read(const char *text, size_t len, struct ssh_key *ret_key)
{
	AUTO(cleanup_pkey) EVP_PKEY *pkey = decode(text, len);
	struct ssh_key key = { .blob_len = 0 };
	struct wire_writer out;
	int r;

	if (pkey == NULL)
		return ENS_E_KEY_FORMAT;
	wire_write_init(&out, key.blob, sizeof(key.blob));
	if (EVP_PKEY_is_a(pkey, "RSA"))
		write_rsa(&out, pkey);
	else if (EVP_PKEY_is_a(pkey, "ED25519"))
		write_ed25519(&out, pkey);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		write_ecdsa(&out, pkey);
	if (out.error != 0)
		return out.error;
	if (out.len == 0)
		return ENS_E_KEY_TYPE;
	key.blob_len = out.len;
	r = ssh_key_check_blob((struct bytes){ key.blob, key.blob_len },
	    &key.type, &key.bits);
	if (r == 0)
		*ret_key = key;
	return r;
}
