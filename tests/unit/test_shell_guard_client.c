/*
 * Unit tests of enscale_shell/guard_client and enscale_shell/shell, against
 * a guard that says, for every question, the next of its prepared pieces.
 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_shell/guard_client.h"
#include "enscale_shell/listing.h"
#include "enscale_shell/shell.h"

#define HELLO                                                              \
	"{\"ok\":true,\"session\":\"abcdefghij234567\",\"account\":25880," \
	"\"node\":124718,\"name\":\"A\\u001bB\",\"host\":\"gw.example\","  \
	"\"port\":3022,\"as_of\":1}\n"

static char folder[] = "/tmp/enscale-guard-XXXXXX";
static char path[64];
static pid_t server;

/* Answers one line of a connection with each piece, then hangs up. */
static void
serve(int listener, const char *const *pieces)
{
	char buf[8192];
	int fd = accept(listener, NULL, NULL);

	for (; *pieces != NULL && strcmp(*pieces, "hang up") != 0; pieces++) {
		if (read(fd, buf, sizeof(buf)) <= 0)
			break;
		if (write(fd, *pieces, strlen(*pieces)) < 0)
			break;
	}
	close(fd);
	if (*pieces != NULL)
		serve(listener, pieces + 1);
}

static void
start(const char *const *pieces)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		serve(listener, pieces);
		_exit(0);
	}
	close(listener);
}

static void
stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int
ask(struct guard_client *client, json_t **ret_reply)
{
	json_t *request = json_pack("{s:s}", "op", "hello");
	int r = guard_client_ask(client, request, ret_reply);

	json_decref(request);
	return r;
}

static void
an_answer_is_one_line(void **state)
{
	static const char *const pieces[] = { "{\"ok\":true}\n", NULL };
	struct guard_client *client = NULL;
	json_t *reply = NULL;

	(void)state;
	start(pieces);
	assert_int_equal(guard_client_connect(path, &client), 0);
	assert_int_equal(ask(client, &reply), 0);
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	reply = NULL;
	assert_int_not_equal(ask(client, &reply), 0);
	assert_null(reply);
	guard_client_close(client);
	stop();
}

static void
an_event_before_the_answer_is_kept(void **state)
{
	static const char *const pieces[] = {
		"{\"event\":\"new\"}\n"
		"{\"event\":\"end-hop\",\"code\":120,\"sentence\":\"Hop.\"}\n"
		"{\"event\":\"end\",\"code\":122,\"sentence\":\"a\\u001bb\"}\n"
		"{\"event\":\"end-hop\",\"sentence\":\"late\"}\n"
		"{\"ok\":true}\n",
		"{\"ok\":true}\n", NULL
	};
	struct guard_client *client = NULL;
	struct guard_event event;
	json_t *reply;

	(void)state;
	start(pieces);
	assert_int_equal(guard_client_connect(path, &client), 0);
	assert_int_equal(guard_client_event(client, &event), -EAGAIN);
	assert_int_equal(ask(client, &reply), 0);
	json_decref(reply);
	assert_int_equal(guard_client_event(client, &event), 0);
	assert_true(event.ends_session);
	assert_int_equal(event.code, 122);
	assert_string_equal(event.sentence, "a?b");
	assert_int_equal(guard_client_event(client, &event), -EAGAIN);
	guard_client_close(client);
	stop();
}

static void
what_is_no_object_breaks_the_protocol(void **state)
{
	static const char *const bad[] = { "[]\n", "\n", "{\n", "null\n",
		"{\"ok\":true,\"ok\":false}\n", "{\"a\":\"\xff\"}\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const pieces[] = { bad[i], NULL };
		struct guard_client *client = NULL;
		json_t *reply = NULL;

		start(pieces);
		assert_int_equal(guard_client_connect(path, &client), 0);
		assert_int_equal(ask(client, &reply), ENS_E_PROTOCOL);
		assert_null(reply);
		guard_client_close(client);
		stop();
	}
}

static void
a_long_answer_arrives_whole(void **state)
{
	size_t len = 300000;
	char *text = malloc(len + 32);
	const char *pieces[] = { text, NULL };
	struct guard_client *client = NULL;
	json_t *reply = NULL;

	(void)state;
	assert_non_null(text);
	memcpy(text, "{\"long\":\"", 9);
	memset(text + 9, 'x', len);
	memcpy(text + 9 + len, "\"}\n", 4);
	start(pieces);
	assert_int_equal(guard_client_connect(path, &client), 0);
	assert_int_equal(ask(client, &reply), 0);
	assert_int_equal(json_string_length(json_object_get(reply, "long")),
	    len);
	json_decref(reply);
	guard_client_close(client);
	stop();
	free(text);
}

static void
hello_says_who_we_are(void **state)
{
	static const char *const pieces[] = { HELLO, NULL };
	struct refusal refusal;
	struct shell shell;

	(void)state;
	start(pieces);
	assert_int_equal(shell_init(&shell, path), 0);
	assert_int_equal(shell_hello(&shell, &refusal), 0);
	assert_int_equal(shell.account, 25880);
	assert_int_equal(shell.node, 124718);
	assert_int_equal(shell.port, 3022);
	assert_string_equal(shell.host, "gw.example");
	assert_string_equal(shell.name, "A?B");
	assert_string_equal(shell.session, "abcdefghij234567");
	shell_close(&shell);
	stop();
}

static void
a_restarted_guard_is_asked_again(void **state)
{
	static const char *const pieces[] = { HELLO, "hang up", HELLO, NULL };
	struct refusal refusal;
	struct shell shell;

	(void)state;
	start(pieces);
	assert_int_equal(shell_init(&shell, path), 0);
	assert_int_equal(shell_hello(&shell, &refusal), 0);
	assert_int_equal(shell_hello(&shell, &refusal), 0);
	shell_close(&shell);
	stop();
}

static void
a_refusal_has_code_and_sentence(void **state)
{
	static const char *const pieces[] = {
		"{\"ok\":false,\"code\":120,\"verdict\":\"node-unknown\","
		"\"sentence\":\"No\\u001b.\",\"session\":\"x\"}\n",
		"{\"ok\":false,\"code\":0}\n", "{}\n", NULL
	};
	struct refusal refusal;
	struct shell shell;

	(void)state;
	start(pieces);
	assert_int_equal(shell_init(&shell, path), 0);
	assert_int_equal(shell_hello(&shell, &refusal), ENS_E_DENIED);
	assert_int_equal(refusal.code, GUARD_EXIT_REFUSED);
	assert_string_equal(refusal.sentence, "No?.");
	/* A code that is none of ours never becomes an exit code. */
	assert_int_equal(shell_hello(&shell, &refusal), ENS_E_DENIED);
	assert_int_equal(refusal.code, GUARD_EXIT_FAULT);
	assert_int_equal(shell_hello(&shell, &refusal), ENS_E_DENIED);
	assert_int_equal(refusal.code, GUARD_EXIT_FAULT);
	shell_close(&shell);
	stop();
}

#define ENVIRONMENT(name, nodes)                                           \
	"{\"name\":\"" name "\",\"state\":\"running\",\"role\":\"owner\"," \
	"\"owner\":1,\"verdict\":\"allowed\",\"node_count\":3,"            \
	"\"nodes\":[" nodes "]}"
#define NODE(id)                                                            \
	"{\"node\":" id ",\"service\":\"apache\",\"address\":\"10.0.0.1\"," \
	"\"user\":\"apache\",\"state\":\"running\"}"
#define PAGE(environments) "{\"ok\":true,\"environments\":[" environments "]"

static void
pages_of_a_list_are_put_together(void **state)
{
	static const char *const pieces[] = {
		PAGE(ENVIRONMENT("a", NODE("9")) "," ENVIRONMENT("b",
		    NODE("1"))) ",\"more\":\"1 b\"}\n",
		/* The account is made to wait, and does. */
		"{\"ok\":false,\"code\":122,\"verdict\":\"too-many-requests\","
		"\"sentence\":\"Wait.\"}\n",
		PAGE(ENVIRONMENT("b", NODE("2"))) ",\"more\":\"2 b\"}\n",
		"hang up", /* the guard was restarted */
		PAGE(ENVIRONMENT("b", NODE("3")) "," ENVIRONMENT("c",
		    NODE("4"))) "}\n",
		NULL
	};
	struct listing *listing = NULL;
	struct refusal refusal;
	struct shell shell;

	(void)state;
	start(pieces);
	assert_int_equal(shell_init(&shell, path), 0);
	assert_int_equal(listing_fetch(&shell, false, &listing, &refusal), 0);
	assert_int_equal(listing->count, 3);
	assert_int_equal(listing->environments[0].node_count, 1);
	assert_int_equal(listing->environments[1].node_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(listing->environments[1].nodes[i].node, i + 1);
	assert_int_equal(listing->environments[2].node_count, 1);
	listing_free(listing);
	shell_close(&shell);
	stop();
}

static void
a_list_that_breaks_off_is_none(void **state)
{
	static const char *const pieces[] = {
		PAGE(ENVIRONMENT("a", NODE("9"))) ",\"more\":\"9 a\"}\n",
		"{\"ok\":false,\"code\":120,\"verdict\":\"account-suspended\","
		"\"sentence\":\"Suspended.\"}\n",
		NULL
	};
	struct listing *listing = NULL;
	struct refusal refusal;
	struct shell shell;

	(void)state;
	start(pieces);
	assert_int_equal(shell_init(&shell, path), 0);
	assert_int_equal(listing_fetch(&shell, false, &listing, &refusal),
	    ENS_E_DENIED);
	assert_null(listing);
	assert_int_equal(refusal.code, GUARD_EXIT_REFUSED);
	assert_string_equal(refusal.sentence, "Suspended.");
	shell_close(&shell);
	stop();
}

static void
a_gateway_without_a_guard_is_unwell(void **state)
{
	struct refusal refusal;
	struct shell shell;

	(void)state;
	assert_int_equal(shell_init(&shell, "/nonexistent/folder/s"), 0);
	assert_int_equal(shell_hello(&shell, &refusal), ENS_E_DENIED);
	assert_int_equal(refusal.code, GUARD_EXIT_FAULT);
	shell_close(&shell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_one_line),
		cmocka_unit_test(an_event_before_the_answer_is_kept),
		cmocka_unit_test(what_is_no_object_breaks_the_protocol),
		cmocka_unit_test(a_long_answer_arrives_whole),
		cmocka_unit_test(hello_says_who_we_are),
		cmocka_unit_test(a_restarted_guard_is_asked_again),
		cmocka_unit_test(a_refusal_has_code_and_sentence),
		cmocka_unit_test(pages_of_a_list_are_put_together),
		cmocka_unit_test(a_list_that_breaks_off_is_none),
		cmocka_unit_test(a_gateway_without_a_guard_is_unwell),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
