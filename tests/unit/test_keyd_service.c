/* keyd.sock: who is served, what is answered, and how often. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_keyd/key_rate.h"
#include "enscale_keyd/service.h"

static uint8_t request_bytes[512];
static size_t request_len;
static int answered;

static int
setup(void **state)
{
	const struct keyd_request request = {
		.op = KEYD_ADD,
		.account = 25880,
		.title = "title",
		.key = "key",
	};
	struct wire_writer writer;

	(void)state;
	wire_write_init(&writer, request_bytes, sizeof(request_bytes));
	keyd_request_encode(&writer, &request);
	request_len = writer.len;
	answered = 0;
	return writer.error;
}

static void
answer(const struct keyd_request *request, struct keyd_reply *ret_reply,
    void *arg)
{
	assert_ptr_equal(arg, &answered);
	assert_int_equal(request->account, 25880);
	assert_string_equal(request->title, "title");
	ret_reply->result = KEYD_KEY_EXISTS;
	memset(ret_reply->fingerprint, 7, SHA256_LEN);
	answered++;
}

/* Sends len bytes, hangs up if wanted, and has the other end served. */
static int
serve(const void *data, size_t len, bool hang_up, uid_t client,
    struct keyd_reply *ret_reply)
{
	uint8_t buf[KEYD_HEADER_LEN + KEYD_REPLY_LEN + 1];
	int fds[2], r;
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(send(fds[0], data, len, MSG_NOSIGNAL), len);
	if (hang_up)
		shutdown(fds[0], SHUT_WR);
	r = service_connection(fds[1], client, answer, &answered);
	n = recv(fds[0], buf, sizeof(buf), 0);
	if (n == KEYD_HEADER_LEN + KEYD_REPLY_LEN)
		assert_int_equal(
		    keyd_reply_decode(
		        (struct bytes){ buf + KEYD_HEADER_LEN, KEYD_REPLY_LEN },
		        ret_reply),
		    0);
	else
		/* Closed, or reset because what we sent was not read. */
		assert_true(n <= 0);
	close(fds[0]);
	return r;
}

static void
the_one_client_gets_its_answer(void **state)
{
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };

	(void)state;
	assert_int_equal(
	    serve(request_bytes, request_len, false, getuid(), &reply), 0);
	assert_int_equal(answered, 1);
	assert_int_equal(reply.result, KEYD_KEY_EXISTS);
	assert_int_equal(reply.fingerprint[31], 7);
}

static void
another_user_is_not_even_read(void **state)
{
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };

	(void)state;
	assert_int_equal(
	    serve(request_bytes, request_len, false, getuid() + 1, &reply),
	    ENS_E_DENIED);
	assert_int_equal(answered, 0);
	assert_int_equal(reply.result, KEYD_UNKNOWN);
}

static void
a_request_that_is_cut_changes_nothing(void **state)
{
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };

	(void)state;
	for (size_t len = 0; len < request_len; len++)
		assert_int_equal(
		    serve(request_bytes, len, true, getuid(), &reply), -EPIPE);
	assert_int_equal(answered, 0);
	assert_int_equal(reply.result, KEYD_UNKNOWN);
}

static void
who_gave_up_gets_no_change(void **state)
{
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };

	(void)state;
	assert_int_equal(
	    serve(request_bytes, request_len, true, getuid(), &reply), -EPIPE);
	assert_int_equal(answered, 0);
}

static void
what_is_no_request_is_told_so(void **state)
{
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff };
	static const uint8_t empty[] = { 0, 0, 0, 0 };
	struct keyd_reply reply = { .result = KEYD_UNKNOWN };

	(void)state;
	assert_int_equal(serve(huge, sizeof(huge), false, getuid(), &reply),
	    ENS_E_PROTOCOL);
	assert_int_equal(reply.result, KEYD_BAD_REQUEST);
	reply.result = KEYD_UNKNOWN;
	assert_int_equal(serve(empty, sizeof(empty), false, getuid(), &reply),
	    ENS_E_PROTOCOL);
	assert_int_equal(reply.result, KEYD_BAD_REQUEST);
	request_bytes[KEYD_HEADER_LEN]++; /* another version */
	assert_int_equal(
	    serve(request_bytes, request_len, false, getuid(), &reply),
	    ENS_E_PROTOCOL);
	assert_int_equal(reply.result, KEYD_BAD_REQUEST);
	assert_int_equal(answered, 0);
}

static void
an_account_changes_its_keys_only_so_often(void **state)
{
	struct key_rate rate = { 0 };

	(void)state;
	for (int i = 0; i < KEY_CHANGES_MAX; i++)
		assert_true(key_rate_take(&rate, 25880, 1000 + i));
	assert_false(key_rate_take(&rate, 25880, 1000 + KEY_CHANGES_MAX));
	/* Others may, and so may he when the time is over. */
	assert_true(key_rate_take(&rate, 21296, 1000));
	assert_false(
	    key_rate_take(&rate, 25880, 1000 + KEY_CHANGES_SECONDS - 1));
	assert_true(key_rate_take(&rate, 25880, 1000 + KEY_CHANGES_SECONDS));
	assert_int_equal(rate.count, 1);
	/* Many accounts at once, all of them forgotten later. */
	for (uint32_t account = 1; account <= 1000; account++)
		assert_true(key_rate_take(&rate, account, 10000));
	assert_true(key_rate_take(&rate, 1, 10000 + KEY_CHANGES_SECONDS));
	assert_int_equal(rate.count, 1);
	key_rate_clear(&rate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_one_client_gets_its_answer, setup),
		cmocka_unit_test_setup(another_user_is_not_even_read, setup),
		cmocka_unit_test_setup(a_request_that_is_cut_changes_nothing,
		    setup),
		cmocka_unit_test_setup(who_gave_up_gets_no_change, setup),
		cmocka_unit_test_setup(what_is_no_request_is_told_so, setup),
		cmocka_unit_test(an_account_changes_its_keys_only_so_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
