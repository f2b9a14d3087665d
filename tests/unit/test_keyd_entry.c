/* What enscale-keyd lets into the directory, and under which name. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint_text.h"
#include "enscale_keyd/key_entry.h"
#include "tests/unit/sample_keys.h"

#define NOW 1763850000 /* 2025-11-22 */
#define ED25519_HEX \
	"0b8016e4709089a9d76ace0baf5ee91a522629b5b307b67f2b1b70bf374a8111"
#define ACCOUNT_DN "enscaleAccountId=25880,ou=accounts,dc=enscale,dc=example"

static struct key_entry entry;

static enum keyd_result
add(uint32_t account, const char *title, const char *key)
{
	const struct keyd_request request = {
		.op = KEYD_ADD,
		.account = account,
		.title = title,
		.key = key,
	};

	memset(&entry, 0, sizeof(entry));
	return key_entry_check(&request, false, NOW, &entry);
}

static void
a_good_key_is_written_anew_without_its_comment(void **state)
{
	(void)state;
	assert_int_equal(add(25880, "My laptop", SAMPLE_ED25519 " me@home\r\n"),
	    KEYD_DONE);
	assert_int_equal(entry.op, KEYD_ADD);
	assert_int_equal(entry.account, 25880);
	assert_string_equal(entry.title, "My laptop");
	assert_string_equal(entry.line, SAMPLE_ED25519);
	assert_string_equal(entry.hex, ED25519_HEX);
	assert_string_equal(entry.expires, "");
}

static void
every_accepted_type_can_be_added(void **state)
{
	static const char *const keys[] = { SAMPLE_ED25519, SAMPLE_RSA2048,
		SAMPLE_ECDSA256, SAMPLE_ECDSA384, SAMPLE_ECDSA521 };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_int_equal(add(1, "t", keys[i]), KEYD_DONE);
		assert_string_equal(entry.line, keys[i]);
	}
}

static void
limits_of_a_key_are_kept(void **state)
{
	(void)state;
	assert_int_equal(
	    add(25880, "t",
	        "from=\"198.18.0.0/15,!198.18.0.9\",expiry-time=\"20301231235959Z\" " SAMPLE_ED25519),
	    KEYD_DONE);
	assert_string_equal(entry.line,
	    "from=\"198.18.0.0/15,!198.18.0.9\" " SAMPLE_ED25519);
	assert_string_equal(entry.expires, "20301231235959Z");
	assert_int_equal(
	    add(25880, "t", "expiry-time=\"20200101Z\" " SAMPLE_ED25519),
	    KEYD_KEY_EXPIRED);
}

static void
options_are_written_anew_and_touch_is_a_setting(void **state)
{
	const struct keyd_request request = { .op = KEYD_ADD,
		.account = 1,
		.title = "t",
		.key =
		    "# mine\n\tNO-TOUCH-required,no-user-rc,restrict,from=\"::1\"\t" SAMPLE_ED25519
		    "\r\n" };

	(void)state;
	assert_int_equal(key_entry_check(&request, false, NOW, &entry),
	    KEYD_KEY_OPTION);
	assert_int_equal(key_entry_check(&request, true, NOW, &entry),
	    KEYD_DONE);
	assert_string_equal(entry.line,
	    "no-pty,no-agent-forwarding,no-port-forwarding,no-touch-required,"
	    "from=\"::1\" " SAMPLE_ED25519);
	assert_int_equal(add(1, "t", "verify-required " SAMPLE_ED25519),
	    KEYD_DONE);
	assert_string_equal(entry.line, "verify-required " SAMPLE_ED25519);
}

static void
bad_keys_are_told_apart(void **state)
{
	static const struct {
		const char *key;
		enum keyd_result result;
	} rows[] = {
		{ "", KEYD_KEY_FORMAT },
		{ "hello", KEYD_KEY_FORMAT },
		{ "ssh-ed25519 AAAA", KEYD_KEY_FORMAT },
		{ SAMPLE_ED25519 "\n" SAMPLE_ED25519, KEYD_KEY_SEVERAL },
		{ "command=\"id\" " SAMPLE_ED25519, KEYD_KEY_OPTION },
		{ "no-touch-required " SAMPLE_ED25519, KEYD_KEY_OPTION },
		{ "from=\"a\"b\" " SAMPLE_ED25519, KEYD_KEY_FORMAT },
		{ SAMPLE_RSA1024, KEYD_KEY_WEAK },
		{ SAMPLE_DSA, KEYD_KEY_WEAK },
		{ SAMPLE_CERTIFICATE, KEYD_KEY_TYPE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(add(1, "t", rows[i].key), rows[i].result);
}

static void
titles_are_short_and_printable(void **state)
{
	char title[NAME_TEXT_MAX + 2];

	(void)state;
	memset(title, 't', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	assert_int_equal(add(1, title, SAMPLE_ED25519), KEYD_BAD_TITLE);
	title[NAME_TEXT_MAX] = '\0';
	assert_int_equal(add(1, title, SAMPLE_ED25519), KEYD_DONE);
	assert_string_equal(entry.title, title);
	assert_int_equal(add(1, "Zo\xc3\xab, \"quoted\"", SAMPLE_ED25519),
	    KEYD_DONE);
	for (int c = 1; c < ' '; c++) {
		const char text[] = { 'a', (char)c, '\0' };

		assert_int_equal(add(1, text, SAMPLE_ED25519), KEYD_BAD_TITLE);
	}
	assert_int_equal(add(1, "", SAMPLE_ED25519), KEYD_BAD_TITLE);
	assert_int_equal(add(1, "   ", SAMPLE_ED25519), KEYD_BAD_TITLE);
	assert_int_equal(add(1, "\xc3", SAMPLE_ED25519), KEYD_BAD_TITLE);
	assert_int_equal(add(1, "\xe2\x80\xae", SAMPLE_ED25519),
	    KEYD_BAD_TITLE);
}

static void
accounts_that_cannot_exist_are_refused(void **state)
{
	const struct keyd_request request = { .op = KEYD_DELETE, .account = 0 };

	(void)state;
	assert_int_equal(add(0, "t", SAMPLE_ED25519), KEYD_NO_ACCOUNT);
	assert_int_equal(add(ACCOUNT_ID_MAX, "t", SAMPLE_ED25519), KEYD_DONE);
	assert_int_equal(add(ACCOUNT_ID_MAX + 1, "t", SAMPLE_ED25519),
	    KEYD_NO_ACCOUNT);
	assert_int_equal(add(UINT32_MAX, "t", SAMPLE_ED25519), KEYD_NO_ACCOUNT);
	assert_int_equal(key_entry_check(&request, false, NOW, &entry),
	    KEYD_NO_ACCOUNT);
}

static void
what_is_refused_names_its_fingerprint_and_nothing_else(void **state)
{
	(void)state;
	memset(&entry, 0x5a, sizeof(entry));
	assert_int_equal(key_entry_check(&(struct keyd_request){ .op = KEYD_ADD,
	                                     .account = 1,
	                                     .title = "\n",
	                                     .key = SAMPLE_ED25519 },
	                     false, NOW, &entry),
	    KEYD_BAD_TITLE);
	for (size_t i = 0; i < SHA256_LEN; i++)
		assert_int_equal(entry.fingerprint[i], 0);
	assert_int_equal(entry.account, 0x5a5a5a5a);
}

static void
the_dn_is_the_digest_below_the_account(void **state)
{
	char dn[KEY_ENTRY_DN_MAX];

	(void)state;
	assert_int_equal(add(25880, "cn=admin,dc=evil", SAMPLE_ED25519),
	    KEYD_DONE);
	assert_int_equal(key_entry_dn(&entry, ACCOUNT_DN, dn), 0);
	assert_string_equal(dn,
	    "enscaleKeyFingerprint=" ED25519_HEX "," ACCOUNT_DN);
}

static void
a_deletion_needs_nothing_but_the_digest(void **state)
{
	struct keyd_request request = { .op = KEYD_DELETE, .account = 25880 };
	char dn[KEY_ENTRY_DN_MAX];

	(void)state;
	assert_int_equal(
	    fingerprint_parse(SAMPLE_ED25519_SHA256, request.fingerprint), 0);
	assert_int_equal(key_entry_check(&request, false, NOW, &entry),
	    KEYD_DONE);
	assert_int_equal(key_entry_dn(&entry, ACCOUNT_DN, dn), 0);
	assert_string_equal(dn,
	    "enscaleKeyFingerprint=" ED25519_HEX "," ACCOUNT_DN);
}

static void
a_dn_without_an_account_or_too_long_is_not_built(void **state)
{
	static char long_dn[ENTRY_DN_MAX + 2];
	char dn[KEY_ENTRY_DN_MAX];

	(void)state;
	assert_int_equal(add(25880, "t", SAMPLE_ED25519), KEYD_DONE);
	assert_int_equal(key_entry_dn(&entry, "", dn), ENS_E_LIMIT);
	memset(long_dn, 'x', ENTRY_DN_MAX + 1);
	assert_int_equal(key_entry_dn(&entry, long_dn, dn), ENS_E_LIMIT);
	long_dn[ENTRY_DN_MAX] = '\0';
	assert_int_equal(key_entry_dn(&entry, long_dn, dn), 0);
	assert_true(strlen(dn) > ENTRY_DN_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_good_key_is_written_anew_without_its_comment),
		cmocka_unit_test(every_accepted_type_can_be_added),
		cmocka_unit_test(limits_of_a_key_are_kept),
		cmocka_unit_test(
		    options_are_written_anew_and_touch_is_a_setting),
		cmocka_unit_test(bad_keys_are_told_apart),
		cmocka_unit_test(titles_are_short_and_printable),
		cmocka_unit_test(accounts_that_cannot_exist_are_refused),
		cmocka_unit_test(
		    what_is_refused_names_its_fingerprint_and_nothing_else),
		cmocka_unit_test(the_dn_is_the_digest_below_the_account),
		cmocka_unit_test(a_deletion_needs_nothing_but_the_digest),
		cmocka_unit_test(
		    a_dn_without_an_account_or_too_long_is_not_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
