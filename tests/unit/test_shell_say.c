/* Unit tests of enscale_shell/say. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/say.h"

/* What is written to standard error until heard() takes it. */
static int pipe_fds[2], saved = -1;

static void
listen(void)
{
	assert_int_equal(pipe(pipe_fds), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
	close(pipe_fds[1]);
}

static void
heard(const char *expected)
{
	char text[4096];
	ssize_t n;

	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	close(pipe_fds[0]);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void
a_sentence_without_a_session_stands_alone(void **state)
{
	(void)state;
	listen();
	say("Node %u is %s.", 7U, "away");
	heard("enscale: Node 7 is away.\n");
}

static void
what_is_no_session_id_is_not_named(void **state)
{
	static const char *const ids[] = { "", "short", "ABCDEFGHIJ234567",
		"abcdefghij23456\n", "abcdefghij2345677" };
	size_t i;

	(void)state;
	listen();
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		say_set_session(ids[i]);
	say_set_session(NULL);
	say("No.");
	heard("enscale: No.\n");
}

static void
control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	listen();
	say("a\033[2Jb\nc\r%s", "\x9b\xe2\x80\xae");
	heard("enscale: a?[2Jb?c?????\n");
}

/* From here on there is a session, and somebody to ask. */
static void
a_refusal_names_session_and_support(void **state)
{
	(void)state;
	say_set_session("abcdefghij234567");
	say_set_support("help\033@enscale.example");
	listen();
	say_refusal("No %s.", "entry");
	say("No more.");
	heard("enscale: No entry. (session abcdefghij234567)\n"
	      "enscale: Help: help?@enscale.example\n"
	      "enscale: No more. (session abcdefghij234567)\n");
}

static void
nobody_to_ask_is_no_line(void **state)
{
	(void)state;
	say_set_support("");
	listen();
	say_refusal("No.");
	heard("enscale: No. (session abcdefghij234567)\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_without_a_session_stands_alone),
		cmocka_unit_test(what_is_no_session_id_is_not_named),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(a_refusal_names_session_and_support),
		cmocka_unit_test(nobody_to_ask_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
