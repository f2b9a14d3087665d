/* The shell's words for keys: which are ours, what is read, what is shown. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/errors.h"
#include "enscale_shell/keys.h"
#include "enscale_shell/words.h"

static void
only_whole_words_are_ours(void **state)
{
	static const char *const others[] = { "", "key", "keysx", "keys\n",
		"Keys", " keys", "keys;id", "keys\tadd", "-keys",
		"/usr/libexec/enscale/sftp" };

	(void)state;
	assert_true(words_is_command("keys"));
	assert_true(words_is_command("keys add My laptop"));
	assert_true(words_is_command("keys "));
	assert_true(words_is_command("nodes --json"));
	assert_true(words_is_command("whoami"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(words_is_command(others[i]));
}

static const char *
take(const char *input, size_t len, const char **ret_line)
{
	static char text[512];

	assert_true(len < sizeof(text));
	memcpy(text, input, len);
	*ret_line = NULL;
	return keys_take_line(text, len, ret_line);
}

static void
expect_line(const char *input, const char *want)
{
	const char *line, *wrong = take(input, strlen(input), &line);

	assert_null(wrong);
	assert_string_equal(line, want);
}

static void
expect_wrong(const char *input, size_t len, const char *part)
{
	const char *line, *wrong = take(input, len, &line);

	assert_non_null(wrong);
	assert_non_null(strstr(wrong, part));
	assert_null(line);
}

static void
one_line_is_taken_from_the_input(void **state)
{
	(void)state;
	expect_line("ssh-ed25519 AAAA me@home\n", "ssh-ed25519 AAAA me@home");
	expect_line("ssh-ed25519 AAAA", "ssh-ed25519 AAAA");
	expect_line("\n# mine\r\n\r\n  ssh-ed25519 AAAA \t\r\n\n",
	    "ssh-ed25519 AAAA");
}

static void
what_is_not_one_printable_line_is_refused(void **state)
{
	static const char nul[] = "ssh-ed25519 AAAA\0command=\"id\" ssh";
	static const char escape[] = "ssh-ed25519 AAAA \033[31m";

	(void)state;
	expect_wrong("", 0, "no key on standard input");
	expect_wrong("\n\n# a\n", 6, "no key on standard input");
	expect_wrong("a b\nc d\n", 8, "more than one line");
	expect_wrong(nul, sizeof(nul) - 1, "not a public key");
	expect_wrong(escape, sizeof(escape) - 1, "not a public key");
}

static void
a_private_key_goes_nowhere(void **state)
{
	static const char openssh[] =
	    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n";

	(void)state;
	expect_wrong(openssh, sizeof(openssh) - 1, "private key");
	expect_wrong("-----BEGIN RSA PRIVATE KEY-----", 31, "private key");
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
		cmocka_unit_test(one_line_is_taken_from_the_input),
		cmocka_unit_test(what_is_not_one_printable_line_is_refused),
		cmocka_unit_test(a_private_key_goes_nowhere),
		cmocka_unit_test(a_key_is_one_line_of_fields),
		cmocka_unit_test(no_text_makes_another_field_or_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
