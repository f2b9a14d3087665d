/*
 * The guard and the account's keys: who may change them, what is listed, and
 * what becomes of a change at an enscale-keyd that this test plays.
 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_guard/guard.h"
#include "enscale_guard/guard_socket.h"
#include "enscale_guard/key_change.h"
#include "enscale_guard/request.h"
#include "view_fixture.h"

#define ACCOUNT 25880U
#define ADD \
	"{\"op\":\"key-add\",\"title\":\"My laptop\",\"key\":\"ssh-ed25519 AAAA\"}"
#define DELETE \
	"{\"op\":\"key-delete\",\"fingerprint\":\"SHA256:C4AW5HCQianXas4Lr17pGlImKbWzB7Z/KxtwvzdKgRE\"}"

static struct {
	struct view_fixture fixture;
	struct view *view;
	struct config config;
	struct session session;
	struct hop hop;
	struct request request;
	bool refuse_charge, closes, later;
	int handed_on, hand_on_error;
	struct keyd_request change; /* its text is not kept */
	json_t *answer;
} around;

static bool
charge(void *arg, uint32_t cost)
{
	(void)arg, (void)cost;
	return !around.refuse_charge;
}

static int
change_keys(void *arg, const struct keyd_request *request)
{
	(void)arg;
	around.handed_on++;
	around.change = *request;
	assert_int_equal(request->account, ACCOUNT);
	if (request->op == KEYD_ADD) {
		assert_string_equal(request->title, "My laptop");
		assert_string_equal(request->key, "ssh-ed25519 AAAA");
	}
	return around.hand_on_error;
}

/* ---- a view with two keys ---------------------------------------------- */

static void
put_list(const struct fixture_key *keys, size_t count)
{
	const struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS,
	    ACCOUNT);
	uint8_t rows[2][SHA256_LEN];
	struct wire_writer record;
	bool turn = count == 2 &&
	    memcmp(keys[0].fingerprint, keys[1].fingerprint, SHA256_LEN) > 0;

	for (size_t i = 0; i < count; i++)
		memcpy(rows[turn ? 1 - i : i], keys[i].fingerprint, SHA256_LEN);
	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_account_keys(&record, ACCOUNT,
	                     (const uint8_t(*)[SHA256_LEN])rows,
	                     (uint32_t)count),
	    0);
	view_fixture_put_raw(&around.fixture, &key, record.data, record.len);
	wire_write_free(&record);
}

static void
publish(enum account_status status, const char *from, int64_t expires)
{
	const struct fixture_key keys[] = { view_fixture_key(ACCOUNT, 0),
		view_fixture_key(ACCOUNT, 1) };

	view_close(around.view);
	around.view = NULL;
	view_fixture_begin(&around.fixture, true);
	view_fixture_put_account(&around.fixture, ACCOUNT, status, 0, 0);
	view_fixture_put_key(&around.fixture, ACCOUNT, 0, from, expires);
	view_fixture_put_key(&around.fixture, ACCOUNT, 1, "198.18.0.0/15", 0);
	put_list(keys, 2);
	view_fixture_commit(&around.fixture);
	assert_int_equal(view_open(around.fixture.view, &around.view), 0);
	around.request.view = around.view;
}

static int
set_up(void **state)
{
	const struct fixture_key key = view_fixture_key(ACCOUNT, 0);

	(void)state;
	memset(&around, 0, sizeof(around));
	view_fixture_make(&around.fixture);
	config_init(&around.config);
	around.config.manage = true;
	around.session = (struct session){ .id = "abcdefghij234567",
		.account = ACCOUNT,
		.address = "198.18.0.10" };
	memcpy(around.session.fingerprint, key.fingerprint, SHA256_LEN);
	hop_clear(&around.hop);
	around.request = (struct request){ .config = &around.config,
		.agent_socket = "",
		.session = &around.session,
		.hop = &around.hop,
		.charge = charge,
		.change_keys = change_keys };
	publish(ACCOUNT_ACTIVE, "", 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(around.answer);
	view_close(around.view);
	view_fixture_free(&around.fixture);
	return 0;
}

/* ---- asking ------------------------------------------------------------ */

static const json_t *
ask(const char *line)
{
	struct reply reply = request_answer(&around.request, line,
	    strlen(line));

	json_decref(around.answer);
	around.answer = reply.line;
	around.closes = reply.close;
	around.later = reply.later;
	return around.answer;
}

static bool
is_answered_later(const char *line)
{
	return ask(line) == NULL && around.later;
}

static const char *
text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "(none)";
}

static json_int_t
number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
expect_refusal(const char *line, int code, const char *verdict)
{
	const json_t *answer = ask(line);

	assert_non_null(answer);
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_int_equal(number(answer, "code"), code);
	assert_string_equal(text(answer, "verdict"), verdict);
	assert_string_equal(text(answer, "session"), around.session.id);
	assert_string_not_equal(text(answer, "sentence"), "(none)");
}

/* ---- many --------------------------------------------------------------- */

#define MANY 2000U

static int
compare_rows(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

static void
publish_many(void)
{
	const struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS,
	    ACCOUNT);
	static uint8_t rows[MANY][SHA256_LEN];
	char from[FROM_TEXT_MAX + 1];
	struct wire_writer record;

	/* As long a text as there may be. */
	memset(from, '1', FROM_TEXT_MAX);
	from[FROM_TEXT_MAX] = '\0';
	view_close(around.view);
	around.view = NULL;
	view_fixture_begin(&around.fixture, true);
	view_fixture_put_account(&around.fixture, ACCOUNT, ACCOUNT_ACTIVE, 0,
	    0);
	for (uint32_t i = 0; i < MANY; i++) {
		view_fixture_put_key(&around.fixture, ACCOUNT, i,
		    i == 0 ? "" : from, 0);
		memcpy(rows[i], view_fixture_key(ACCOUNT, i).fingerprint,
		    SHA256_LEN);
	}
	qsort(rows, MANY, SHA256_LEN, compare_rows);
	wire_write_init_growing(&record, RECORD_SIZE_MAX);
	assert_int_equal(record_encode_account_keys(&record, ACCOUNT,
	                     (const uint8_t(*)[SHA256_LEN])rows, MANY),
	    0);
	view_fixture_put_raw(&around.fixture, &key, record.data, record.len);
	wire_write_free(&record);
	view_fixture_commit(&around.fixture);
	assert_int_equal(view_open(around.fixture.view, &around.view), 0);
	around.request.view = around.view;
}

static void
many_keys_come_in_pages_that_miss_nothing(void **state)
{
	char line[256] = "{\"op\":\"keys\"}";
	uint32_t pages = 0;
	size_t count = 0;
	const json_t *answer;

	(void)state;
	publish_many();
	do {
		answer = ask(line);
		assert_true(json_is_true(json_object_get(answer, "ok")));
		assert_true(json_dumpb(answer, NULL, 0, JSON_COMPACT) <
		    2 * GUARD_PAGE_SIZE);
		count += json_array_size(json_object_get(answer, "keys"));
		pages++;
		(void)snprintf(line, sizeof(line),
		    "{\"op\":\"keys\",\"after\":\"%s\"}", text(answer, "more"));
	} while (json_object_get(answer, "more") != NULL);
	assert_int_equal(count, MANY);
	assert_true(pages > 4);
	expect_refusal("{\"op\":\"keys\",\"after\":\"MD5:00\"}",
	    GUARD_EXIT_FAULT, "bad-request");
}

static void
every_key_of_the_account_is_listed(void **state)
{
	const struct fixture_key second = view_fixture_key(ACCOUNT, 1);
	const json_t *answer, *keys, *key;
	bool found = false;

	(void)state;
	answer = ask("{\"op\":\"keys\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_true(json_is_true(json_object_get(answer, "manage")));
	keys = json_object_get(answer, "keys");
	assert_int_equal(json_array_size(keys), 2);
	for (size_t i = 0; i < 2; i++) {
		key = json_array_get(keys, i);
		assert_string_equal(text(key, "type"), "ED25519");
		assert_int_equal(number(key, "bits"), 256);
		assert_int_equal(strncmp(text(key, "md5"), "MD5:", 4), 0);
		if (strcmp(text(key, "sha256"), second.fingerprint_text) != 0)
			continue;
		found = true;
		assert_string_equal(text(key, "from"), "198.18.0.0/15");
	}
	assert_true(found);
	assert_int_equal(around.handed_on, 0);
}

static void
the_list_says_when_keys_cannot_be_changed(void **state)
{
	const json_t *answer;

	(void)state;
	around.config.manage = false;
	answer = ask("{\"op\":\"keys\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_true(json_is_false(json_object_get(answer, "manage")));
}

static void
a_change_is_handed_on_and_answered_later(void **state)
{
	uint8_t fingerprint[SHA256_LEN];

	(void)state;
	assert_true(is_answered_later(ADD));
	assert_false(around.closes);
	assert_int_equal(around.handed_on, 1);
	assert_int_equal(around.change.op, KEYD_ADD);
	assert_true(is_answered_later(DELETE));
	assert_int_equal(around.handed_on, 2);
	assert_int_equal(around.change.op, KEYD_DELETE);
	assert_int_equal(
	    fingerprint_parse(
	        "SHA256:C4AW5HCQianXas4Lr17pGlImKbWzB7Z/KxtwvzdKgRE",
	        fingerprint),
	    0);
	assert_memory_equal(around.change.fingerprint, fingerprint, SHA256_LEN);
}

static void
expect_both_refused(int code, const char *verdict)
{
	expect_refusal(ADD, code, verdict);
	expect_refusal(DELETE, code, verdict);
	assert_int_equal(around.handed_on, 0);
}

static void
where_it_is_off_a_change_is_refused(void **state)
{
	(void)state;
	around.config.manage = false;
	expect_both_refused(120, "keys-off");
}

static void
policy_is_asked_before_anything_else(void **state)
{
	(void)state;
	publish(ACCOUNT_SUSPENDED, "", 0);
	expect_both_refused(120, "account-suspended");
	expect_refusal("{\"op\":\"keys\"}", 120, "account-suspended");
	around.config.manage = false;
	expect_both_refused(120, "account-suspended");
	around.request.view = NULL;
	around.request.view_error = ENS_E_VIEW;
	expect_both_refused(122, "cannot-tell");
}

static void
a_limited_key_does_not_widen_itself(void **state)
{
	(void)state;
	publish(ACCOUNT_ACTIVE, "198.18.0.0/15", 0);
	expect_both_refused(120, "key-limited");
	publish(ACCOUNT_ACTIVE, "", INT32_MAX);
	expect_both_refused(120, "key-limited");
	view_fixture_begin(&around.fixture, false);
	view_fixture_put_options(&around.fixture, ACCOUNT, 0, KEY_NO_AGENT);
	view_fixture_commit(&around.fixture);
	view_close(around.view);
	around.view = NULL;
	assert_int_equal(view_open(around.fixture.view, &around.view), 0);
	around.request.view = around.view;
	expect_both_refused(120, "key-limited");
}

static void
a_session_of_one_node_changes_no_keys(void **state)
{
	(void)state;
	around.session.node = 124718;
	expect_both_refused(120, "other-node");
	assert_non_null(
	    strstr(text(around.answer, "sentence"), "log in as 25880"));
}

static void
who_asks_too_often_is_told_to_wait(void **state)
{
	(void)state;
	around.refuse_charge = true;
	expect_both_refused(122, "too-many-requests");
	expect_refusal("{\"op\":\"keys\"}", 122, "too-many-requests");
	around.refuse_charge = false;
	around.hand_on_error = -EBUSY;
	expect_refusal(ADD, 122, "too-many-requests");
}

static void
without_keyd_nothing_is_changed_and_said_so(void **state)
{
	(void)state;
	around.hand_on_error = -ECONNREFUSED;
	expect_refusal(ADD, 122, "directory-unavailable");
	expect_refusal(DELETE, 122, "directory-unavailable");
}

static void
what_is_no_request_for_keys_is_refused(void **state)
{
	static const char *const lines[] = {
		"{\"op\":\"keys\",\"account\":21296}",
		"{\"op\":\"key-add\"}",
		"{\"op\":\"key-add\",\"title\":\"t\"}",
		"{\"op\":\"key-add\",\"title\":1,\"key\":\"k\"}",
		"{\"op\":\"key-add\",\"title\":\"t\",\"key\":\"k\",\"account\":21296}",
		"{\"op\":\"key-add\",\"title\":\"t\\u0000\",\"key\":\"k\"}",
		"{\"op\":\"key-delete\"}",
		"{\"op\":\"key-delete\",\"fingerprint\":\"x\",\"account\":21296}",
	};
	char line[1024], title[NAME_TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		expect_refusal(lines[i], 122, "bad-request");
		assert_true(around.closes);
	}
	expect_refusal("{\"op\":\"key-delete\",\"fingerprint\":\"MD5:00\"}",
	    123, "bad-fingerprint");
	memset(title, 't', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	snprintf(line, sizeof(line),
	    "{\"op\":\"key-add\",\"title\":\"%s\",\"key\":\"k\"}", title);
	expect_refusal(line, 120, "bad-title");
	assert_int_equal(around.handed_on, 0);
}

/* ---- a change under way ------------------------------------------------ */

static struct {
	struct guard guard;
	struct shell *shell;
	struct session_entry entry;
	int peer;      /* the shell's end */
	int listening; /* enscale-keyd's */
	char path[100];
} way;

static void
on_shell_closed(struct stream *stream, void *arg)
{
	(void)stream, (void)arg;
}

static ssize_t
on_shell_data(struct stream *stream, struct bytes in, void *arg)
{
	(void)stream, (void)arg;
	return (ssize_t)in.len;
}

static void
listen_as_keyd(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(way.path, sizeof(way.path), "%s/keyd.sock",
	    around.fixture.root);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", way.path);
	way.listening = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(way.listening >= 0);
	assert_int_equal(bind(way.listening, (const struct sockaddr *)&address,
	                     sizeof(address)),
	    0);
	assert_int_equal(listen(way.listening, 8), 0);
	snprintf(way.guard.keyd_socket, sizeof(way.guard.keyd_socket), "%s",
	    way.path);
}

static int
set_out(void **state)
{
	int fds[2];

	set_up(state);
	memset(&way, 0, sizeof(way));
	listen_as_keyd();
	assert_true(sd_event_new(&way.guard.event) >= 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	way.peer = fds[1];
	way.shell = calloc(1, sizeof(*way.shell));
	assert_non_null(way.shell);
	way.entry.session = around.session;
	way.shell->guard = &way.guard;
	way.shell->entry = &way.entry;
	way.shell->handler = (struct stream_handler){ .data = on_shell_data,
		.closed = on_shell_closed,
		.in_max = 64,
		.out_max = 4096 };
	assert_int_equal(stream_new(way.guard.event, fds[0],
	                     &way.shell->handler, &way.shell->stream),
	    0);
	return 0;
}

static int
come_back(void **state)
{
	key_change_close(&way.guard);
	if (way.shell != NULL)
		stream_free(way.shell->stream);
	free(way.shell);
	sd_event_unref(way.guard.event);
	close(way.peer);
	if (way.listening >= 0)
		close(way.listening);
	unlink(way.path);
	return tear_down(state);
}

static void
turn(void)
{
	while (sd_event_run(way.guard.event, 10000) > 0)
		continue;
}

static int
begin_change(void)
{
	const struct keyd_request request = { .op = KEYD_ADD,
		.account = ACCOUNT,
		.title = "My laptop",
		.key = "ssh-ed25519 AAAA" };

	return key_change_start(way.shell, &request);
}

/* Reads the request as enscale-keyd does. */
static int
take_request(void)
{
	uint8_t buf[512];
	struct keyd_request request;
	struct wire_reader reader;
	int fd = accept(way.listening, NULL, NULL);
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	assert_true(n > 0);
	wire_read_init(&reader, buf, (size_t)n);
	assert_int_equal(
	    keyd_request_decode(wire_read_string(&reader), &request), 0);
	assert_int_equal(wire_read_end(&reader), 0);
	assert_int_equal(request.account, ACCOUNT);
	assert_string_equal(request.title, "My laptop");
	return fd;
}

/* The line that the shell got; NULL when there is none. */
static json_t *
told(void)
{
	char buf[4096];
	ssize_t n = recv(way.peer, buf, sizeof(buf), 0);
	json_t *line;

	if (n <= 0)
		return NULL;
	assert_int_equal(buf[n - 1], '\n');
	line = json_loadb(buf, (size_t)n, 0, NULL);
	assert_non_null(line);
	return line;
}

static size_t
make_reply(enum keyd_result result, uint8_t *buf, size_t size)
{
	const struct keyd_reply reply = { .result = result,
		.fingerprint = { 1 } };
	struct wire_writer writer;

	wire_write_init(&writer, buf, size);
	keyd_reply_encode(&writer, &reply);
	assert_int_equal(writer.error, 0);
	return writer.len;
}

static void
the_outcome_is_told_when_it_is_there(void **state)
{
	uint8_t reply[64];
	size_t len = make_reply(KEYD_DONE, reply, sizeof(reply));
	json_t *line;
	int fd;

	(void)state;
	assert_int_equal(begin_change(), 0);
	assert_non_null(way.shell->change);
	turn();
	fd = take_request();
	for (size_t i = 0; i < len; i++) {
		assert_null(told());
		assert_int_equal(send(fd, reply + i, 1, 0), 1);
		turn();
	}
	line = told();
	assert_true(json_is_true(json_object_get(line, "ok")));
	assert_int_equal(strncmp(text(line, "fingerprint"), "SHA256:AQAA", 11),
	    0);
	json_decref(line);
	assert_null(way.shell->change);
	assert_true(LIST_EMPTY(&way.guard.key_changes));
	close(fd);
}

static void
each_refusal_of_keyd_has_its_sentence(void **state)
{
	uint8_t reply[64];
	json_t *line;
	int fd;

	(void)state;
	for (int i = 1; i < KEYD_RESULTS; i++) {
		size_t len = make_reply((enum keyd_result)i, reply,
		    sizeof(reply));

		assert_int_equal(begin_change(), 0);
		turn();
		fd = take_request();
		assert_int_equal(send(fd, reply, len, 0), len);
		turn();
		line = told();
		assert_true(json_is_false(json_object_get(line, "ok")));
		assert_string_equal(text(line, "verdict"),
		    keyd_result_text((enum keyd_result)i));
		assert_string_equal(text(line, "sentence"),
		    keyd_result_sentence((enum keyd_result)i));
		json_decref(line);
		close(fd);
	}
}

static void
a_reply_that_is_cut_or_wrong_leaves_it_unknown(void **state)
{
	uint8_t reply[64];
	size_t len = make_reply(KEYD_DONE, reply, sizeof(reply));
	json_t *line;
	int fd;

	(void)state;
	for (size_t cut = 0; cut < 2 * len; cut++) {
		bool turned = cut >= len;

		make_reply(KEYD_DONE, reply, sizeof(reply));
		/* Lengths, version and result; what follows is the digest. */
		if (turned && cut - len > KEYD_HEADER_LEN + 1)
			break;
		if (turned)
			reply[cut - len] ^= 0x80;
		assert_int_equal(begin_change(), 0);
		turn();
		fd = take_request();
		assert_int_equal(send(fd, reply, turned ? len : cut, 0),
		    turned ? len : cut);
		close(fd);
		turn();
		line = told();
		assert_string_equal(text(line, "verdict"), "outcome-unknown");
		assert_int_equal(number(line, "code"), GUARD_EXIT_FAULT);
		json_decref(line);
	}
}

static void
one_change_of_an_account_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(begin_change(), 0);
	assert_int_equal(begin_change(), -EBUSY);
	way.entry.session.account = 21296;
	way.shell->change = NULL;
	assert_int_equal(key_change_start(way.shell,
	                     &(struct keyd_request){ .op = KEYD_DELETE,
	                         .account = 21296,
	                         .title = "",
	                         .key = "" }),
	    0);
	way.shell->change = NULL;
	/* Both go with the guard. */
}

static void
nobody_at_the_socket_is_told_at_once(void **state)
{
	(void)state;
	close(way.listening);
	way.listening = -1;
	assert_int_equal(begin_change(), -ECONNREFUSED);
	assert_null(way.shell->change);
	unlink(way.path);
	assert_int_equal(begin_change(), -ENOENT);
	assert_true(LIST_EMPTY(&way.guard.key_changes));
}

static void
a_shell_that_goes_away_leaves_the_change_to_end(void **state)
{
	uint8_t reply[64];
	size_t len = make_reply(KEYD_DONE, reply, sizeof(reply));
	int fd;

	(void)state;
	assert_int_equal(begin_change(), 0);
	turn();
	fd = take_request();
	key_change_forget(way.shell);
	stream_free(way.shell->stream);
	free(way.shell);
	way.shell = NULL;
	assert_int_equal(send(fd, reply, len, 0), len);
	turn();
	assert_true(LIST_EMPTY(&way.guard.key_changes));
	close(fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WAY(name)  cmocka_unit_test_setup_teardown(name, set_out, come_back)
	const struct CMUnitTest tests[] = {
		TEST(many_keys_come_in_pages_that_miss_nothing),
		TEST(every_key_of_the_account_is_listed),
		TEST(the_list_says_when_keys_cannot_be_changed),
		TEST(a_change_is_handed_on_and_answered_later),
		TEST(where_it_is_off_a_change_is_refused),
		TEST(policy_is_asked_before_anything_else),
		TEST(a_limited_key_does_not_widen_itself),
		TEST(a_session_of_one_node_changes_no_keys),
		TEST(who_asks_too_often_is_told_to_wait),
		TEST(without_keyd_nothing_is_changed_and_said_so),
		TEST(what_is_no_request_for_keys_is_refused),
		WAY(the_outcome_is_told_when_it_is_there),
		WAY(each_refusal_of_keyd_has_its_sentence),
		WAY(a_reply_that_is_cut_or_wrong_leaves_it_unknown),
		WAY(one_change_of_an_account_at_a_time),
		WAY(nobody_at_the_socket_is_told_at_once),
		WAY(a_shell_that_goes_away_leaves_the_change_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
