#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/base64.h"
#include "common/base/errors.h"

static const struct {
	const char *plain, *text;
} vectors[] = { /* RFC 4648, section 10 */
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }
};

static void
the_vectors_of_rfc_4648_pass_both_ways(void **state)
{
	uint8_t bytes[16];
	char text[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t n = strlen(vectors[i].plain),
		       m = strlen(vectors[i].text);

		assert_int_equal(
		    base64_encode(vectors[i].plain, n, text, sizeof(text)), m);
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(base64_decode(text, m, bytes, n, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(bytes, vectors[i].plain, n);
		if (n > 0)
			assert_int_equal(
			    base64_decode(text, m, bytes, n - 1, &len),
			    ENS_E_LIMIT);
		memset(text, '#', sizeof(text));
		assert_int_equal(base64_encode(vectors[i].plain, n, text, m),
		    0);
		assert_int_equal(text[0], '#');
	}
}

static void
all_lengths_and_bytes_come_back(void **state)
{
	uint8_t in[256], out[256];
	char text[BASE64_LEN(256) + 1];
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 151 + 7);
	for (size_t i = 1; i <= sizeof(in); i++) {
		n = base64_encode(in, i, text, sizeof(text));
		assert_int_equal(n, BASE64_LEN(i));
		assert_int_equal(base64_decode(text, n, out, sizeof(out), &len),
		    0);
		assert_int_equal(len, i);
		assert_memory_equal(in, out, i);
		n = base64_encode_unpadded(in, i, text, sizeof(text));
		assert_int_equal(n, (i * 8 + 5) / 6);
		memset(out, 0, sizeof(out));
		assert_int_equal(base64_decode_unpadded(text, out, i), 0);
		assert_memory_equal(in, out, i);
		assert_int_equal(base64_decode_unpadded(text, out, i + 1),
		    ENS_E_SYNTAX);
		assert_int_equal(base64_decode_unpadded(text, out, i - 1),
		    ENS_E_SYNTAX);
	}
}

static void
stray_bytes_padding_and_bits_are_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Z===",
		"====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9\n",
		"=Zg=", "Zm-_", "Zm9\x80" };
	uint8_t bytes[16];
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), bytes,
		                     sizeof(bytes), &len),
		    ENS_E_SYNTAX);
	assert_int_equal(base64_decode("Zm\0v", 4, bytes, sizeof(bytes), &len),
	    ENS_E_SYNTAX);
	assert_int_equal(len, 77);
}

static void
hex_is_lower_case_and_exact(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x9f, 0xab };
	uint8_t out[3];
	char text[7];

	(void)state;
	hex_encode(bytes, 3, text);
	assert_string_equal(text, "009fab");
	assert_int_equal(hex_decode(text, out, 3), 0);
	assert_memory_equal(out, bytes, 3);
	assert_int_equal(hex_decode("009FAB", out, 3), ENS_E_SYNTAX);
	assert_int_equal(hex_decode("009fa", out, 3), ENS_E_SYNTAX);
	assert_int_equal(hex_decode("009fab0", out, 3), ENS_E_SYNTAX);
	assert_int_equal(hex_decode("009fag", out, 3), ENS_E_SYNTAX);
	assert_int_equal(hex_decode("", out, 3), ENS_E_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648_pass_both_ways),
		cmocka_unit_test(all_lengths_and_bytes_come_back),
		cmocka_unit_test(stray_bytes_padding_and_bits_are_refused),
		cmocka_unit_test(hex_is_lower_case_and_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
