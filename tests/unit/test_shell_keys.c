/* The shell's words for keys: which are ours, what is read, what is shown. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_shell/commands.h"
#include "enscale_shell/keys.h"

static void
only_whole_words_are_ours(void **state)
{
	static const char *const others[] = { "", "key", "keysx", "keys\n",
		"Keys", " keys", "keys;id", "keys\tadd", "-keys",
		"/usr/libexec/enscale/sftp" };

	(void)state;
	assert_true(commands_has("keys"));
	assert_true(commands_has("keys add My laptop"));
	assert_true(commands_has("keys "));
	assert_true(commands_has("nodes --json"));
	assert_true(commands_has("whoami"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(commands_has(others[i]));
}

static const char *
check(const char *input, size_t len)
{
	static char text[512];

	assert_true(len < sizeof(text));
	memcpy(text, input, len);
	return keys_check_text(text, len);
}

static void
expect_wrong(const char *input, size_t len, const char *part)
{
	const char *wrong = check(input, len);

	assert_non_null(wrong);
	assert_non_null(strstr(wrong, part));
}

static void
any_form_of_a_public_key_is_handed_on(void **state)
{
	static const char *const good[] = { "ssh-ed25519 AAAA me@home\n",
		"\n# mine\r\n\r\n\tssh-ed25519\tAAAA \t\r\n\n",
		"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n" };
	char latin[] = "ssh-ed25519 AAAA Zo\xeb\n";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(check(good[i], strlen(good[i])));
	assert_null(keys_check_text(latin, strlen(latin)));
	assert_string_equal(latin, "ssh-ed25519 AAAA Zo?\n");
}

static void
what_holds_no_key_is_not_handed_on(void **state)
{
	static const char nul[] = "ssh-ed25519 AAAA\0command=\"id\" ssh";

	(void)state;
	expect_wrong("", 0, "no key on standard input");
	expect_wrong("\n\n# a\n", 6, "no key on standard input");
	expect_wrong(nul, sizeof(nul) - 1, "not an SSH public key");
}

static void
a_private_key_goes_nowhere(void **state)
{
	static const char openssh[] =
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n";
	static const char putty[] =
	    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n";

	(void)state;
	expect_wrong(openssh, sizeof(openssh) - 1, "private key");
	expect_wrong("-----BEGIN RSA PRIVATE KEY-----", 31, "private key");
	expect_wrong(putty, sizeof(putty) - 1, "private key");
}

static json_t *
make_key(const char *title, const char *sha256)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s}", "title",
	    title, "type", "RSA", "bits", 3072, "added", 1763850000, "expires",
	    0, "from", "", "sha256", sha256, "md5", "MD5:00");
}

static void
a_key_is_one_line_of_fields(void **state)
{
	json_t *key = make_key("My laptop", "SHA256:abc");
	char line[256];

	(void)state;
	assert_int_equal(keys_format(key, line, sizeof(line)), 0);
	assert_string_equal(line,
	    "SHA256:abc\tRSA\t3072\t2025-11-22T22:20:00Z\t-\t-\tMD5:00\tMy laptop");
	assert_int_equal(keys_format(key, line, 20), ENS_E_PROTOCOL);
	json_decref(key);
}

static void
no_text_makes_another_field_or_line(void **state)
{
	json_t *key = make_key("a\tb\nc\033[2J", "SHA256:abc");
	char line[256];

	(void)state;
	assert_int_equal(keys_format(key, line, sizeof(line)), 0);
	assert_string_equal(strrchr(line, '\t'), "\ta?b?c?[2J");
	json_decref(key);
	key = make_key("t", "SHA256:\033");
	assert_int_equal(keys_format(key, line, sizeof(line)), ENS_E_PROTOCOL);
	json_object_del(key, "md5");
	assert_int_equal(keys_format(key, line, sizeof(line)), ENS_E_PROTOCOL);
	json_decref(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_whole_words_are_ours),
		cmocka_unit_test(any_form_of_a_public_key_is_handed_on),
		cmocka_unit_test(what_holds_no_key_is_not_handed_on),
		cmocka_unit_test(a_private_key_goes_nowhere),
		cmocka_unit_test(a_key_is_one_line_of_fields),
		cmocka_unit_test(no_text_makes_another_field_or_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
