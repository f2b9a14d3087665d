#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/base64.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key_text.h"
#include "tests/unit/sample_keys.h"

#define BEGIN "---- BEGIN SSH2 PUBLIC KEY ----\n"
#define END   "---- END SSH2 PUBLIC KEY ----\n"

static struct ssh_key_text text;
static struct ssh_key key;

static void
begin(const char *data)
{
	ssh_key_text_init(&text, data, strlen(data));
}

static void
expect_key(const char *line, uint32_t number)
{
	char written[2 * KEY_BLOB_MAX];

	assert_int_equal(ssh_key_text_next(&text, &key), 0);
	assert_true(ssh_key_format((struct bytes){ key.blob, key.blob_len },
	                written, sizeof(written)) > 0);
	assert_string_equal(written, line);
	assert_int_equal(text.line, number);
}

static void
expect_fault(int error, const char *part, uint32_t number)
{
	assert_int_equal(ssh_key_text_next(&text, &key), error);
	if (strstr(text.reason, part) == NULL)
		fail_msg("%s: not %s", text.reason, part);
	assert_int_equal(text.line, number);
}

static void
expect_end(void)
{
	assert_int_equal(ssh_key_text_next(&text, &key), ENS_E_NOTFOUND);
}

static void
keys_are_found_however_their_lines_are_laid_out(void **state)
{
	(void)state;
	begin("\xef\xbb\xbf \t" SAMPLE_ED25519 " a\t\r\n\r\n# laptop\n \n");
	expect_key(SAMPLE_ED25519, 1);
	assert_string_equal(key.comment, "a");
	expect_end();
	expect_end();

	begin("\n#\r# " SAMPLE_RSA2048 "\r\r\t" SAMPLE_ED25519
	      "\r" SAMPLE_ECDSA256 "\n\n");
	expect_key(SAMPLE_ED25519, 5);
	expect_key(SAMPLE_ECDSA256, 6);
	expect_end();

	begin("");
	expect_end();
	begin(" \t\r\n\n#");
	expect_end();
}

static void
each_fault_has_its_line_and_reason_and_the_rest_is_read(void **state)
{
	(void)state;
	begin("hello\n" SAMPLE_RSA1024 "\n" SAMPLE_ED25519
	      "\ncommand=\"x\" " SAMPLE_ED25519 "\n\n" SAMPLE_CERTIFICATE);
	expect_fault(ENS_E_KEY_FORMAT, "not a public key", 1);
	expect_fault(ENS_E_KEY_WEAK, "too weak", 2);
	expect_key(SAMPLE_ED25519, 3);
	expect_fault(ENS_E_KEY_OPTION, "option not accepted: command", 4);
	expect_fault(ENS_E_KEY_TYPE, "type not accepted", 6);
	expect_end();
}

/* A block of RFC 4716 with this behind its first line. */
static void
begin_block(const char *inside, const char *behind)
{
	static char data[4096];

	(void)snprintf(data, sizeof(data), BEGIN "%s\n" END "%s", inside,
	    behind);
	begin(data);
}

static void
a_block_of_rfc_4716_is_a_key(void **state)
{
	const char *blob = strchr(SAMPLE_ED25519, ' ') + 1;
	char folded[256], cut[3001];

	(void)state;
	(void)snprintf(folded, sizeof(folded),
	    "Comment: \"256-bit ED25519, by me\\\n and more\"\r\n"
	    "X-Other: a\\\nb\\\nc\nSubject: me\n%.20s\n %.30s\r\n%s",
	    blob, blob + 20, blob + 50);
	begin_block(folded, SAMPLE_ECDSA256 "\n");
	expect_key(SAMPLE_ED25519, 1);
	assert_int_equal(key.type, SSH_KEY_ED25519);
	expect_key(SAMPLE_ECDSA256, 12);
	expect_end();

	(void)snprintf(folded, sizeof(folded), "Comment: \"by me\"\n%s", blob);
	begin_block(folded, "");
	expect_key(SAMPLE_ED25519, 1);
	assert_string_equal(key.comment, "by me");

	begin_block("", SAMPLE_ED25519);
	expect_fault(ENS_E_KEY_FORMAT, "not a public key", 1);
	expect_key(SAMPLE_ED25519, 4);
	begin_block("Comment: x", "");
	expect_fault(ENS_E_KEY_FORMAT, "not a public key", 1);
	begin(BEGIN "AAAA\n");
	expect_fault(ENS_E_KEY_FORMAT, "its last line is missing", 1);
	expect_end();
	memset(cut, 'A', sizeof(cut));
	cut[sizeof(cut) - 1] = '\0';
	begin_block(cut, "");
	expect_fault(ENS_E_KEY_FORMAT, "not a public key", 1);
	begin_block(strchr(SAMPLE_RSA1024, ' ') + 1, "");
	expect_fault(ENS_E_KEY_WEAK, "too weak", 1);
}

static void
a_block_over_the_limit_is_refused(void **state)
{
	size_t len = BASE64_LEN(KEY_BLOB_MAX) + 70;
	char *data = malloc(len + 128);

	(void)state;
	(void)snprintf(data, len, BEGIN);
	memset(data + strlen(BEGIN), 'A', len);
	(void)snprintf(data + strlen(BEGIN) + len, 64, "\n" END);
	begin(data);
	expect_fault(ENS_E_LIMIT, "larger than allowed", 1);
	expect_end();
	free(data);
}

static void
what_else_is_called_a_key_is_refused_with_what_to_do(void **state)
{
	static const struct {
		const char *data, *part;
	} cases[] = {
		{ "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
		    "-m PKCS8" },
		{ "-----BEGIN RSA PUBLIC KEY-----\nMIIB", "-m PEM" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "remove it" },
		{ "-----BEGIN EC PRIVATE KEY-----\nb3Bl", "remove it" },
		{ "PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 1\n",
		    "PuTTYgen" },
		{ "-----BEGIN CERTIFICATE-----\n", "X.509" },
		{ "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "PGP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].data);
		expect_fault(ENS_E_KEY_FORMAT, cases[i].part, 1);
		assert_non_null(strstr(text.reason, "not a public key: "));
		expect_end();
	}
}

static int
only(const char *data)
{
	begin(data);
	return ssh_key_text_only(&text, &key);
}

static void
the_only_key_is_the_only_one(void **state)
{
	(void)state;
	assert_int_equal(only("# a\n" SAMPLE_ED25519 "\n\n"), 0);
	assert_int_equal(only(SAMPLE_ED25519 "\n" SAMPLE_ECDSA256), -EEXIST);
	assert_string_equal(text.reason, "more than one public key");
	assert_int_equal(only(SAMPLE_ED25519 "\nhello"), ENS_E_KEY_FORMAT);
	assert_int_equal(only("# a\n"), ENS_E_KEY_FORMAT);
	assert_int_equal(only(""), ENS_E_KEY_FORMAT);
	assert_int_equal(only(SAMPLE_DSA), ENS_E_KEY_WEAK);
}

/* Exact copies, for the sanitizer; it always comes to an end. */
static void
a_text_cut_anywhere_or_with_a_bit_turned_is_read_to_its_end(void **state)
{
	static const char good[] = "no-pty " SAMPLE_ED25519 " t\n# c\n" BEGIN
	                           "Comment: \"x\\\ny\"\nAAAA\n" END SAMPLE_DSA;
	char *copy;

	(void)state;
	for (size_t n = 0; n < sizeof(good); n++) {
		copy = malloc(n + 1);
		memcpy(copy, good, n);
		ssh_key_text_init(&text, copy, n);
		for (int i = 0;
		     ssh_key_text_next(&text, &key) != ENS_E_NOTFOUND; i++)
			assert_true(i < 8);
		free(copy);
	}
	for (size_t bit = 0; bit < 8 * (sizeof(good) - 1); bit++) {
		copy = malloc(sizeof(good) - 1);
		memcpy(copy, good, sizeof(good) - 1);
		copy[bit / 8] ^= (char)(1 << bit % 8);
		ssh_key_text_init(&text, copy, sizeof(good) - 1);
		for (int i = 0;
		     ssh_key_text_next(&text, &key) != ENS_E_NOTFOUND; i++)
			assert_true(i < 16);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    keys_are_found_however_their_lines_are_laid_out),
		cmocka_unit_test(
		    each_fault_has_its_line_and_reason_and_the_rest_is_read),
		cmocka_unit_test(a_block_of_rfc_4716_is_a_key),
		cmocka_unit_test(a_block_over_the_limit_is_refused),
		cmocka_unit_test(
		    what_else_is_called_a_key_is_refused_with_what_to_do),
		cmocka_unit_test(the_only_key_is_the_only_one),
		cmocka_unit_test(
		    a_text_cut_anywhere_or_with_a_bit_turned_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
