/* What PAM tells the guard of a refused login: as it was, or not at all. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/protocol/admin_act.h"
#include "common/protocol/login_refusal.h"

static const struct login_refusal good = {
	.session = { .id = "abcdefghij234567",
	    .account = 25880,
	    .node = 124718,
	    .fingerprint = "thirty-two bytes of a user's key",
	    .address = "198.18.0.10",
	    .port = 50022 },
	.has_key = true,
	.verdict = "session-limit",
	.sentence = "Account 25880 has 32 open sessions and may not have more.",
};

static size_t
encode(const struct login_refusal *refusal, uint8_t buf[LOGIN_REFUSAL_MAX])
{
	struct wire_writer writer;

	wire_write_init(&writer, buf, LOGIN_REFUSAL_MAX);
	login_refusal_encode(&writer, refusal);
	assert_int_equal(writer.error, 0);
	return writer.len;
}

static int
decode(const struct login_refusal *refusal)
{
	struct login_refusal decoded;
	uint8_t buf[LOGIN_REFUSAL_MAX];
	const size_t len = encode(refusal, buf);

	return login_refusal_decode((struct bytes){ buf, len }, &decoded);
}

static void
what_is_told_arrives(void **state)
{
	struct login_refusal decoded;
	uint8_t buf[LOGIN_REFUSAL_MAX];
	const size_t len = encode(&good, buf);

	(void)state;
	assert_int_equal(
	    login_refusal_decode((struct bytes){ buf, len }, &decoded), 0);
	assert_int_equal(decoded.session.account, 25880);
	assert_int_equal(decoded.session.node, 124718);
	assert_int_equal(decoded.session.port, 50022);
	assert_true(decoded.has_key);
	assert_memory_equal(decoded.session.fingerprint,
	    good.session.fingerprint, SHA256_LEN);
	assert_string_equal(decoded.session.id, good.session.id);
	assert_string_equal(decoded.session.address, good.session.address);
	assert_string_equal(decoded.verdict, good.verdict);
	assert_string_equal(decoded.sentence, good.sentence);
}

static void
the_longest_of_all_fits(void **state)
{
	struct login_refusal longest = good;

	(void)state;
	memset(longest.verdict, 'v', LOGIN_VERDICT_MAX);
	memset(longest.sentence, 's', LOGIN_SENTENCE_MAX);
	memset(longest.session.address, '1', ADDRESS_TEXT_MAX);
	assert_int_equal(decode(&longest), 0);
}

static void
what_is_cut_or_has_more_is_none(void **state)
{
	struct login_refusal decoded;
	uint8_t buf[LOGIN_REFUSAL_MAX] = { 0 };
	const size_t len = encode(&good, buf);

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(
		    login_refusal_decode((struct bytes){ buf, n }, &decoded),
		    ENS_E_CORRUPT);
	assert_int_equal(
	    login_refusal_decode((struct bytes){ buf, len + 1 }, &decoded),
	    ENS_E_CORRUPT);
}

/* Whatever comes of a bit that flips, it can be shown. */
static void
a_bit_that_flips_brings_nothing_that_cannot_be_shown(void **state)
{
	struct login_refusal decoded;
	uint8_t buf[LOGIN_REFUSAL_MAX];
	const size_t len = encode(&good, buf);

	(void)state;
	for (size_t i = 0; i < 8 * len; i++) {
		buf[i / 8] ^= (uint8_t)(1U << i % 8);
		if (login_refusal_decode((struct bytes){ buf, len },
		        &decoded) == 0) {
			assert_in_range(decoded.session.account, 1,
			    ACCOUNT_ID_MAX);
			for (const char *at = decoded.sentence; *at != '\0';
			     at++)
				assert_true((uint8_t)*at >= ' ');
		}
		buf[i / 8] ^= (uint8_t)(1U << i % 8);
	}
}

static void
what_is_no_session_of_ours_is_none(void **state)
{
	struct login_refusal other = good;

	(void)state;
	other.session.account = 0;
	assert_int_equal(decode(&other), ENS_E_CORRUPT);
	other = good;
	other.session.id[0] = 'A';
	assert_int_equal(decode(&other), ENS_E_CORRUPT);
	other = good;
	other.sentence[0] = '\n';
	assert_int_equal(decode(&other), ENS_E_CORRUPT);
}

static void
an_administrator_s_act_arrives_whole_or_not_at_all(void **state)
{
	const struct admin_act act = { "alice by sudo", "account suspend",
		"enscaleAccountId=25880,ou=accounts", "changed" };
	struct admin_act decoded;
	uint8_t buf[ADMIN_ACT_MAX];
	struct wire_writer writer;

	(void)state;
	wire_write_init(&writer, buf, sizeof(buf));
	admin_act_encode(&writer, &act);
	assert_int_equal(writer.error, 0);
	for (size_t n = 0; n < writer.len; n++)
		assert_int_equal(
		    admin_act_decode((struct bytes){ buf, n }, &decoded),
		    ENS_E_CORRUPT);
	assert_int_equal(
	    admin_act_decode((struct bytes){ buf, writer.len }, &decoded), 0);
	assert_string_equal(decoded.by, act.by);
	assert_string_equal(decoded.op, act.op);
	assert_string_equal(decoded.what, act.what);
	assert_string_equal(decoded.result, act.result);
	/* Neither is taken for the other. */
	assert_int_equal(login_refusal_decode((struct bytes){ buf, writer.len },
	                     &(struct login_refusal){ .has_key = false }),
	    ENS_E_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_arrives),
		cmocka_unit_test(the_longest_of_all_fits),
		cmocka_unit_test(what_is_cut_or_has_more_is_none),
		cmocka_unit_test(
		    a_bit_that_flips_brings_nothing_that_cannot_be_shown),
		cmocka_unit_test(what_is_no_session_of_ours_is_none),
		cmocka_unit_test(
		    an_administrator_s_act_arrives_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
