/*
 * A peer's connection: messages, limits and ends over a socket; and the
 * bucket that says how often it may ask.
 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_guard/bucket.h"
#include "enscale_guard/stream.h"

static struct {
	sd_event *event;
	struct stream *stream;
	int fd; /* the client's end */
	bool closed;
	unsigned messages;
	size_t answer_len;
	bool finishes;
} line;

/* A message is four bytes here. */
static ssize_t
on_data(struct stream *stream, struct bytes in, void *arg)
{
	static uint8_t answer[1 << 20];

	(void)arg;
	if (in.len < 4)
		return 0;
	line.messages++;
	if (in.data[0] == '!')
		return -EPROTO;
	stream_write(stream, answer, line.answer_len);
	if (line.finishes)
		stream_finish(stream);
	return 4;
}

static void
on_closed(struct stream *stream, void *arg)
{
	(void)arg;
	stream_free(stream);
	line.stream = NULL;
	line.closed = true;
}

static const struct stream_handler handler = { .data = on_data,
	.closed = on_closed,
	.in_max = 8,
	.out_max = 4 << 20 };

static int
connect_line(void **state)
{
	int fds[2];

	(void)state;
	line.closed = line.finishes = false;
	line.messages = 0;
	line.answer_len = 1;
	assert_int_equal(socketpair(AF_UNIX,
	                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	                     fds),
	    0);
	assert_true(sd_event_new(&line.event) >= 0);
	assert_int_equal(stream_new(line.event, fds[0], &handler, &line.stream),
	    0);
	line.fd = fds[1];
	return 0;
}

static int
hang_up(void **state)
{
	(void)state;
	stream_free(line.stream);
	line.stream = NULL;
	if (line.fd >= 0)
		close(line.fd);
	sd_event_unref(line.event);
	return 0;
}

/* Runs the loop until there is nothing to do. */
static void
turn(void)
{
	while (sd_event_run(line.event, 20000) > 0)
		;
}

static void
send_text(const char *message)
{
	assert_int_equal(send(line.fd, message, strlen(message), 0),
	    (ssize_t)strlen(message));
}

static size_t
receive_all(void)
{
	static uint8_t buf[1 << 16];
	size_t all = 0;
	ssize_t n;

	for (;;) {
		turn();
		n = recv(line.fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n <= 0)
			return all;
		all += (size_t)n;
	}
}

static void
a_message_may_come_byte_by_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		send_text("a");
		turn();
	}
	assert_int_equal(line.messages, 0);
	send_text("a");
	turn();
	assert_int_equal(line.messages, 1);
	assert_int_equal(receive_all(), 1);
}

static void
several_messages_at_once_are_answered_each(void **state)
{
	(void)state;
	send_text("aaaabbbbccccdddd");
	assert_int_equal(receive_all(), 4);
	assert_int_equal(line.messages, 4);
}

static void
who_does_not_read_is_not_read_from(void **state)
{
	(void)state;
	line.answer_len = 1 << 20;
	send_text("aaaabbbbcccc");
	turn();
	assert_int_equal(line.messages, 1);
	assert_int_equal(receive_all(), 3 << 20);
	assert_int_equal(line.messages, 3);
	assert_false(line.closed);
}

static void
a_message_over_the_limit_closes(void **state)
{
	static const struct stream_handler hungry = { .data = on_data,
		.closed = on_closed,
		.in_max = 2,
		.out_max = 16 };
	int fds[2];

	(void)state;
	stream_free(line.stream);
	close(line.fd);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(stream_new(line.event, fds[0], &hungry, &line.stream),
	    0);
	line.fd = fds[1];
	send_text("aaa");
	turn();
	assert_true(line.closed);
	assert_int_equal(line.messages, 0);
}

static void
a_broken_message_closes(void **state)
{
	(void)state;
	send_text("!aaa");
	turn();
	assert_true(line.closed);
}

static void
the_last_answer_goes_out_before_the_end(void **state)
{
	(void)state;
	line.answer_len = 1 << 20;
	line.finishes = true;
	send_text("aaaabbbb");
	assert_int_equal(receive_all(), 1 << 20);
	assert_int_equal(line.messages, 1);
	assert_true(line.closed);
}

static void
a_client_that_goes_away_is_let_go(void **state)
{
	(void)state;
	line.answer_len = 1 << 20;
	send_text("aaaa");
	turn();
	close(line.fd);
	line.fd = -1;
	turn();
	assert_true(line.closed);
}

static void
a_deadline_closes(void **state)
{
	(void)state;
	stream_set_deadline(line.stream, bucket_now() + 10000);
	turn();
	for (int i = 0; i < 50 && !line.closed; i++)
		turn();
	assert_true(line.closed);
}

/* ---- the bucket -------------------------------------------------------- */

static void
a_bucket_gives_what_flows_in_and_no_more(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 10, 5, 0);
	for (int i = 0; i < 5; i++)
		assert_true(bucket_take(&bucket, 1, 0));
	assert_false(bucket_take(&bucket, 1, 0));
	assert_false(bucket_take(&bucket, 1, BUCKET_SECOND / 10 - 1));
	assert_true(bucket_take(&bucket, 1, BUCKET_SECOND / 10));
	assert_false(bucket_take(&bucket, 6, UINT64_MAX));
	assert_true(bucket_take(&bucket, 5, UINT64_MAX));
	assert_false(bucket_is_full(&bucket, UINT64_MAX));
}

int
main(void)
{
#define LINE(name) cmocka_unit_test_setup_teardown(name, connect_line, hang_up)
	const struct CMUnitTest tests[] = {
		LINE(a_message_may_come_byte_by_byte),
		LINE(several_messages_at_once_are_answered_each),
		LINE(who_does_not_read_is_not_read_from),
		LINE(a_message_over_the_limit_closes),
		LINE(a_broken_message_closes),
		LINE(the_last_answer_goes_out_before_the_end),
		LINE(a_client_that_goes_away_is_let_go),
		LINE(a_deadline_closes),
		cmocka_unit_test(a_bucket_gives_what_flows_in_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
