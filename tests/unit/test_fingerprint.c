#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "tests/unit/sample_keys.h"

static void
check(const char *line, const char *want)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	uint8_t digest[SHA256_LEN], again[SHA256_LEN];
	struct ssh_key key;

	assert_int_equal(ssh_key_parse(line, strlen(line), &key), 0);
	assert_int_equal(fingerprint_sha256(
	                     (struct bytes){ key.blob, key.blob_len }, digest),
	    0);
	fingerprint_format_sha256(digest, text);
	assert_string_equal(text, want);
	assert_int_equal(fingerprint_parse(text, again), 0);
	assert_memory_equal(digest, again, SHA256_LEN);
}

static void
fingerprints_are_those_of_ssh_keygen(void **state)
{
	char text[FINGERPRINT_MD5_TEXT_LEN + 1];
	uint8_t digest[MD5_LEN];
	struct ssh_key key;

	(void)state;
	check(SAMPLE_ED25519, SAMPLE_ED25519_SHA256);
	check(SAMPLE_RSA2048, SAMPLE_RSA2048_SHA256);
	check(SAMPLE_ECDSA256, SAMPLE_ECDSA256_SHA256);
	check(SAMPLE_ECDSA384, SAMPLE_ECDSA384_SHA256);
	check(SAMPLE_ECDSA521, SAMPLE_ECDSA521_SHA256);
	assert_int_equal(
	    ssh_key_parse(SAMPLE_ED25519, strlen(SAMPLE_ED25519), &key), 0);
	assert_int_equal(
	    fingerprint_md5((struct bytes){ key.blob, key.blob_len }, digest),
	    0);
	fingerprint_format_md5(digest, text);
	assert_string_equal(text, SAMPLE_ED25519_MD5);
}

static void
only_whole_sha256_fingerprints_parse(void **state)
{
	char text[] = SAMPLE_ED25519_SHA256, longer[sizeof(text) + 1];
	uint8_t digest[SHA256_LEN] = { 0 }, zero[SHA256_LEN] = { 0 };

	(void)state;
	assert_int_equal(fingerprint_parse(SAMPLE_ED25519_MD5, digest),
	    ENS_E_SYNTAX);
	assert_int_equal(fingerprint_parse("", digest), ENS_E_SYNTAX);
	assert_int_equal(fingerprint_parse(text + 7, digest), ENS_E_SYNTAX);
	snprintf(longer, sizeof(longer), "%s=", text);
	assert_int_equal(fingerprint_parse(longer, digest), ENS_E_SYNTAX);
	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		memcpy(longer, text, n);
		longer[n] = '\0';
		assert_int_equal(fingerprint_parse(longer, digest),
		    ENS_E_SYNTAX);
	}
	text[sizeof(text) - 2] = 'F'; /* stray bits in the last character */
	assert_int_equal(fingerprint_parse(text, digest), ENS_E_SYNTAX);
	assert_memory_equal(digest, zero, SHA256_LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints_are_those_of_ssh_keygen),
		cmocka_unit_test(only_whole_sha256_fingerprints_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
