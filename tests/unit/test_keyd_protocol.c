/* The guard's requests to enscale-keyd and its replies: every cut, every
 * bit. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/protocol/keyd_protocol.h"

static const struct keyd_request an_add = {
	.op = KEYD_ADD,
	.account = 25880,
	.title = "Enscale Demo Key",
	.key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
};
static const struct keyd_request a_delete = {
	.op = KEYD_DELETE,
	.account = 268435455,
	.fingerprint = { 1, 2, 3, [31] = 0xff },
};

/* A copy of exactly that many bytes, so that a sanitizer sees a step
 * beyond. */
static uint8_t *
copy(const uint8_t *data, size_t len)
{
	uint8_t *bytes = malloc(len + (len == 0));

	assert_non_null(bytes);
	if (len > 0)
		memcpy(bytes, data, len);
	return bytes;
}

static int
decode(const uint8_t *data, size_t len, struct keyd_request *ret_request)
{
	return keyd_request_decode((struct bytes){ data, len }, ret_request);
}

/* The message without its length. */
static struct bytes
encode(const struct keyd_request *request, uint8_t *buf, size_t size)
{
	struct wire_writer writer;
	struct wire_reader reader;
	struct bytes message;

	wire_write_init(&writer, buf, size);
	keyd_request_encode(&writer, request);
	assert_int_equal(writer.error, 0);
	wire_read_init(&reader, buf, writer.len);
	message = wire_read_string(&reader);
	assert_int_equal(wire_read_end(&reader), 0);
	return message;
}

static void
what_is_encoded_is_decoded_again(void **state)
{
	struct keyd_request request;
	struct bytes message;
	uint8_t buf[512];

	(void)state;
	message = encode(&an_add, buf, sizeof(buf));
	assert_int_equal(decode(message.data, message.len, &request), 0);
	assert_int_equal(request.op, KEYD_ADD);
	assert_int_equal(request.account, 25880);
	assert_string_equal(request.title, an_add.title);
	assert_string_equal(request.key, an_add.key);

	message = encode(&a_delete, buf, sizeof(buf));
	assert_int_equal(decode(message.data, message.len, &request), 0);
	assert_int_equal(request.op, KEYD_DELETE);
	assert_int_equal(request.account, 268435455);
	assert_memory_equal(request.fingerprint, a_delete.fingerprint,
	    SHA256_LEN);
}

static void
try_every_cut(const struct keyd_request *request)
{
	struct keyd_request got;
	struct bytes message;
	uint8_t buf[512], *cut;

	message = encode(request, buf, sizeof(buf));
	for (size_t len = 0; len < message.len; len++) {
		cut = copy(message.data, len);
		memset(&got, 0x5a, sizeof(got));
		assert_int_equal(decode(cut, len, &got), ENS_E_CORRUPT);
		assert_int_equal(got.account, 0x5a5a5a5a);
		free(cut);
	}
	cut = copy(message.data, message.len + 1);
	assert_int_equal(decode(cut, message.len + 1, &got), ENS_E_CORRUPT);
	free(cut);
}

static void
a_request_that_is_cut_or_too_long_is_none(void **state)
{
	(void)state;
	try_every_cut(&an_add);
	try_every_cut(&a_delete);
}

/* What still decodes is another request, and its only encoding. */
static void
try_every_bit(const struct keyd_request *request)
{
	uint8_t buf[512], again[512], *turned;
	struct keyd_request got;
	struct bytes message, encoded;

	message = encode(request, buf, sizeof(buf));
	for (size_t bit = 0; bit < message.len * 8; bit++) {
		turned = copy(message.data, message.len);
		turned[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		if (decode(turned, message.len, &got) == 0) {
			encoded = encode(&got, again, sizeof(again));
			assert_int_equal(encoded.len, message.len);
			assert_memory_equal(encoded.data, turned, message.len);
		}
		free(turned);
	}
}

static void
a_turned_bit_gives_no_request_or_another(void **state)
{
	(void)state;
	try_every_bit(&an_add);
	try_every_bit(&a_delete);
}

static void
other_versions_and_operations_are_refused(void **state)
{
	struct keyd_request request;
	struct bytes message;
	uint8_t buf[512];

	(void)state;
	message = encode(&a_delete, buf + 4, sizeof(buf) - 4);
	memmove(buf, message.data, message.len);
	for (unsigned op = 0; op < 256; op++) {
		buf[1] = (uint8_t)op;
		assert_int_equal(decode(buf, message.len, &request),
		    op == KEYD_DELETE ? 0 : ENS_E_CORRUPT);
	}
	buf[1] = KEYD_DELETE;
	buf[0] = KEYD_VERSION + 1;
	assert_int_equal(decode(buf, message.len, &request), ENS_E_VERSION);
}

static void
what_is_over_its_limit_is_not_sent(void **state)
{
	static uint8_t buf[2 * KEYD_REQUEST_MAX];
	static char title[NAME_TEXT_MAX + 2], key[KEY_LINE_MAX + 2];
	struct keyd_request request = an_add;
	struct wire_writer writer;

	(void)state;
	memset(title, 't', sizeof(title) - 1);
	memset(key, 'k', sizeof(key) - 1);
	request.title = title;
	wire_write_init(&writer, buf, sizeof(buf));
	keyd_request_encode(&writer, &request);
	assert_int_equal(writer.error, ENS_E_LIMIT);

	title[NAME_TEXT_MAX] = '\0';
	request.key = key;
	wire_write_init(&writer, buf, sizeof(buf));
	keyd_request_encode(&writer, &request);
	assert_int_equal(writer.error, ENS_E_LIMIT);

	key[KEY_LINE_MAX] = '\0';
	wire_write_init(&writer, buf, sizeof(buf));
	keyd_request_encode(&writer, &request);
	assert_int_equal(writer.error, 0);
	assert_true(writer.len <= KEYD_HEADER_LEN + KEYD_REQUEST_MAX);
}

static void
replies_are_read_whole_or_not_at_all(void **state)
{
	uint8_t buf[KEYD_HEADER_LEN + KEYD_REPLY_LEN], *turned;
	struct keyd_reply reply = { .result = KEYD_KEY_WEAK,
		.fingerprint = { 9, [31] = 8 } };
	struct wire_writer writer;
	struct keyd_reply got;

	(void)state;
	wire_write_init(&writer, buf, sizeof(buf));
	keyd_reply_encode(&writer, &reply);
	assert_int_equal(writer.error, 0);
	assert_int_equal(writer.len, sizeof(buf));
	for (size_t len = 0; len <= KEYD_REPLY_LEN; len++) {
		turned = copy(buf + KEYD_HEADER_LEN, len);
		assert_int_equal(
		    keyd_reply_decode((struct bytes){ turned, len }, &got),
		    len == KEYD_REPLY_LEN ? 0 : ENS_E_CORRUPT);
		free(turned);
	}
	assert_int_equal(got.result, KEYD_KEY_WEAK);
	assert_memory_equal(got.fingerprint, reply.fingerprint, SHA256_LEN);
	for (size_t result = 0; result < 256; result++) {
		buf[KEYD_HEADER_LEN + 1] = (uint8_t)result;
		assert_int_equal(
		    keyd_reply_decode(
		        (struct bytes){ buf + KEYD_HEADER_LEN, KEYD_REPLY_LEN },
		        &got),
		    result < KEYD_RESULTS ? 0 : ENS_E_CORRUPT);
	}
}

static void
every_result_has_a_word_and_a_sentence_of_its_own(void **state)
{
	const char *text, *sentence;

	(void)state;
	for (int i = 0; i < KEYD_RESULTS; i++) {
		text = keyd_result_text((enum keyd_result)i);
		sentence = keyd_result_sentence((enum keyd_result)i);
		assert_non_null(text);
		assert_non_null(sentence);
		assert_true(text_is_printable(sentence));
		assert_int_equal(sentence[strlen(sentence) - 1], '.');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(text,
			    keyd_result_text((enum keyd_result)j));
	}
	assert_string_equal(keyd_result_text((enum keyd_result)200), "unknown");
	assert_non_null(
	    strstr(keyd_result_sentence(KEYD_KEY_WEAK), "2048 bits"));
	assert_non_null(strstr(keyd_result_sentence(KEYD_TOO_MANY), "100"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded_again),
		cmocka_unit_test(a_request_that_is_cut_or_too_long_is_none),
		cmocka_unit_test(a_turned_bit_gives_no_request_or_another),
		cmocka_unit_test(other_versions_and_operations_are_refused),
		cmocka_unit_test(what_is_over_its_limit_is_not_sent),
		cmocka_unit_test(replies_are_read_whole_or_not_at_all),
		cmocka_unit_test(
		    every_result_has_a_word_and_a_sentence_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
