/*
 * Verifying host key signatures with libcrypto. It takes no private key, and
 * no algorithm that the key's type does not name.
 */
#include <config.h>

#include "enscale_guard/host_key.h"

#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/keys/ssh_key.h"

#define ED25519_SIGNATURE_LEN 64
#define EC_SCALAR_MAX         67 /* 521 bits and a zero in front */
#define ECDSA_DER_MAX         (2 * (EC_SCALAR_MAX + 4) + 4)

static void
free_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void
free_pkey_ctx(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void
free_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void
free_bn(BIGNUM **bn)
{
	BN_free(*bn);
}

static void
free_ecdsa(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

static void
free_params(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

static void
free_builder(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static int
verify(EVP_PKEY *key, const EVP_MD *md, struct bytes signature,
    struct bytes data)
{
	AUTO(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) != 1)
		return ENS_E_CRYPTO;
	if (EVP_DigestVerify(ctx, signature.data, signature.len, data.data,
	        data.len) != 1)
		return ENS_E_CRYPTO;
	return 0;
}

static int
key_from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **ret_key)
{
	AUTO(free_pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	if (ctx == NULL)
		return -ENOMEM;
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, ret_key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return ENS_E_KEY_FORMAT;
	return 0;
}

static int
verify_ed25519(struct wire_reader *key_reader, struct bytes signature,
    struct bytes data)
{
	AUTO(free_pkey) EVP_PKEY *key = NULL;
	struct bytes point = wire_read_string(key_reader);

	if (wire_read_end(key_reader) != 0)
		return ENS_E_KEY_FORMAT;
	if (signature.len != ED25519_SIGNATURE_LEN)
		return ENS_E_CORRUPT;
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data,
	    point.len);
	if (key == NULL)
		return ENS_E_KEY_FORMAT;
	return verify(key, NULL, signature, data);
}

/* A positive mpint (RFC 4251) of at most EC_SCALAR_MAX bytes. */
static BIGNUM *
read_scalar(struct wire_reader *reader)
{
	struct bytes scalar = wire_read_string(reader);

	if (reader->error != 0 || scalar.len == 0 ||
	    scalar.len > EC_SCALAR_MAX || (scalar.data[0] & 0x80) != 0)
		return NULL;
	return BN_bin2bn(scalar.data, (int)scalar.len, NULL);
}

/* SSH's two mpints to the DER that libcrypto wants. */
static int
ecdsa_to_der(struct bytes signature, uint8_t der[ECDSA_DER_MAX],
    struct bytes *ret_der)
{
	AUTO(free_ecdsa) ECDSA_SIG *sig = ECDSA_SIG_new();
	AUTO(free_bn) BIGNUM *r = NULL;
	AUTO(free_bn) BIGNUM *s = NULL;
	struct wire_reader reader;
	uint8_t *at = der;
	int len;

	if (sig == NULL)
		return -ENOMEM;
	wire_read_init(&reader, signature.data, signature.len);
	r = read_scalar(&reader);
	s = read_scalar(&reader);
	if (r == NULL || s == NULL || wire_read_end(&reader) != 0)
		return ENS_E_CORRUPT;
	if (ECDSA_SIG_set0(sig, r, s) != 1)
		return ENS_E_CRYPTO;
	r = s = NULL; /* sig's now */
	len = i2d_ECDSA_SIG(sig, NULL);
	if (len <= 0 || len > ECDSA_DER_MAX)
		return ENS_E_CORRUPT;
	len = i2d_ECDSA_SIG(sig, &at);
	*ret_der = (struct bytes){ .data = der, .len = (size_t)len };
	return 0;
}

static int
verify_ecdsa(struct wire_reader *key_reader, const char *group,
    const EVP_MD *md, struct bytes signature, struct bytes data)
{
	AUTO(free_pkey) EVP_PKEY *key = NULL;
	AUTO(free_params) OSSL_PARAM *params = NULL;
	AUTO(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	uint8_t der[ECDSA_DER_MAX];
	struct bytes point, der_bytes;
	int r;

	if (builder == NULL)
		return -ENOMEM;
	(void)wire_read_string(key_reader); /* the curve: said by the type */
	point = wire_read_string(key_reader);
	if (wire_read_end(key_reader) != 0)
		return ENS_E_KEY_FORMAT;
	if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
	        group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
	        point.data, point.len) != 1)
		return ENS_E_CRYPTO;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (params == NULL)
		return -ENOMEM;
	r = key_from_params("EC", params, &key);
	if (r < 0)
		return r;
	r = ecdsa_to_der(signature, der, &der_bytes);
	if (r < 0)
		return r;
	return verify(key, md, der_bytes, data);
}

static int
verify_rsa(struct wire_reader *key_reader, const EVP_MD *md,
    struct bytes signature, struct bytes data)
{
	AUTO(free_pkey) EVP_PKEY *key = NULL;
	AUTO(free_params) OSSL_PARAM *params = NULL;
	AUTO(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	AUTO(free_bn) BIGNUM *e = NULL;
	AUTO(free_bn) BIGNUM *n = NULL;
	uint8_t padded[RSA_BITS_MAX / 8] = { 0 };
	struct bytes bytes_e, bytes_n;
	size_t size;
	int r;

	if (builder == NULL)
		return -ENOMEM;
	bytes_e = wire_read_string(key_reader);
	bytes_n = wire_read_string(key_reader);
	if (wire_read_end(key_reader) != 0 || bytes_n.len > KEY_BLOB_MAX ||
	    bytes_e.len > KEY_BLOB_MAX)
		return ENS_E_KEY_FORMAT;
	e = BN_bin2bn(bytes_e.data, (int)bytes_e.len, NULL);
	n = BN_bin2bn(bytes_n.data, (int)bytes_n.len, NULL);
	if (e == NULL || n == NULL)
		return -ENOMEM;
	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return ENS_E_CRYPTO;
	params = OSSL_PARAM_BLD_to_param(builder);
	if (params == NULL)
		return -ENOMEM;
	r = key_from_params("RSA", params, &key);
	if (r < 0)
		return r;
	/* RFC 8332 allows a signature without its leading zeros. */
	size = (size_t)EVP_PKEY_get_size(key);
	if (size > sizeof(padded) || signature.len > size || signature.len == 0)
		return ENS_E_CORRUPT;
	memcpy(padded + size - signature.len, signature.data, signature.len);
	return verify(key, md, (struct bytes){ .data = padded, .len = size },
	    data);
}

int
host_key_verify(struct bytes host_key, struct bytes signature,
    struct bytes data)
{
	struct wire_reader key_reader, reader;
	struct bytes algorithm, raw, name;
	enum ssh_key_type type;
	const char *expected;
	int r;

	r = ssh_key_check_blob(host_key, &type, NULL);
	if (r < 0)
		return r;
	wire_read_init(&key_reader, host_key.data, host_key.len);
	name = wire_read_string(&key_reader);
	wire_read_init(&reader, signature.data, signature.len);
	algorithm = wire_read_string(&reader);
	raw = wire_read_string(&reader);
	if (wire_read_end(&reader) != 0)
		return ENS_E_CORRUPT;
	expected = ssh_key_type_name(type);
	if (!bytes_equal_text(name, expected))
		return ENS_E_KEY_TYPE;
	if (type != SSH_KEY_RSA && !bytes_equal_text(algorithm, expected))
		return ENS_E_KEY_TYPE;
	switch (type) {
	case SSH_KEY_ED25519:
		return verify_ed25519(&key_reader, raw, data);
	case SSH_KEY_ECDSA_256:
		return verify_ecdsa(&key_reader, "prime256v1", EVP_sha256(),
		    raw, data);
	case SSH_KEY_ECDSA_384:
		return verify_ecdsa(&key_reader, "secp384r1", EVP_sha384(), raw,
		    data);
	case SSH_KEY_ECDSA_521:
		return verify_ecdsa(&key_reader, "secp521r1", EVP_sha512(), raw,
		    data);
	case SSH_KEY_RSA:
		if (bytes_equal_text(algorithm, "rsa-sha2-256"))
			return verify_rsa(&key_reader, EVP_sha256(), raw, data);
		if (bytes_equal_text(algorithm, "rsa-sha2-512"))
			return verify_rsa(&key_reader, EVP_sha512(), raw, data);
		return ENS_E_KEY_TYPE;
	case SSH_KEY_SK_ED25519:
	case SSH_KEY_SK_ECDSA_256:
	default:
		return ENS_E_KEY_TYPE;
	}
}
