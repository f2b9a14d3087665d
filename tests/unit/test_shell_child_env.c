/* Unit tests of enscale_shell/child_env. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "enscale_shell/child_env.h"

#define SHELL "/usr/libexec/enscale/enscale-connect"

static bool
has(char **environment, const char *text)
{
	size_t i;

	for (i = 0; environment[i] != NULL; i++)
		if (strcmp(environment[i], text) == 0)
			return true;
	return false;
}

static size_t
count(char **environment)
{
	size_t n = 0;

	while (environment[n] != NULL)
		n++;
	return n;
}

static void
terminal_locale_and_protocol_pass(void **state)
{
	char term[] = "TERM=xterm-256color", lang[] = "LANG=de_DE.UTF-8";
	char all[] = "LC_ALL=ca_ES@valencia", own[] = "LC_MY_2=a:b+c";
	char git[] = "GIT_PROTOCOL=version=2", color[] = "COLORTERM=truecolor";
	char *given[] = { term, lang, all, own, git, color, NULL };
	AUTO(cleanup_child_env) char **environment = NULL;

	(void)state;
	assert_int_equal(
	    child_env_build(given, SHELL, "/h", "25880", &environment), 0);
	assert_true(has(environment, term));
	assert_true(has(environment, lang));
	assert_true(has(environment, all));
	assert_true(has(environment, own));
	assert_true(has(environment, git));
	assert_true(has(environment, color));
	assert_true(has(environment, "PATH=/usr/bin:/bin"));
	assert_true(has(environment, "SHELL=" SHELL));
	assert_true(has(environment, "HOME=/h"));
	assert_true(has(environment, "USER=25880"));
	assert_int_equal(count(environment), 10);
}

static void
everything_else_is_dropped(void **state)
{
	static char const *const bad[] = { "PATH=/tmp", "SHELL=/tmp/x",
		"HOME=/tmp", "LD_PRELOAD=/tmp/x.so", "SSH_AUTH_SOCK=/tmp/s",
		"SSH_ASKPASS=/tmp/x", "DISPLAY=:0", "TERMCAP=x", "LANGUAGE=de",
		"LC_=x", "LC_a=x", "LC_A B=x", "TERM", "TERM=", "=x", "",
		"TERM=x\ny", "TERM=\033[2J", "LANG=a b", "LANG=$(id)",
		"LC_ALL=../../../tmp/x", "LANG=%n", "GIT_PROTOCOL=a b",
		"GIT_PROTOCOL=$(id)", "GIT_PROTOCOL_X=version=2", "GIT_DIR=x",
		"GIT_SSH_COMMAND=x", "GIT_PROTO=version=2",
		"COLORTERM=", "NO_COLOR=1",
		"LC_ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKL=x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(cleanup_child_env) char **environment = NULL;
		AUTO_FREE char *copy = strdup(bad[i]);
		char *given[] = { copy, NULL };

		assert_int_equal(
		    child_env_build(given, SHELL, "/", "1", &environment), 0);
		if (count(environment) != 4)
			fail_msg("\"%s\" passes", bad[i]);
	}
}

static void
a_long_value_is_dropped(void **state)
{
	AUTO(cleanup_child_env) char **environment = NULL;
	char lang[5 + 65 + 1] = "LANG=", *given[] = { lang, NULL };

	(void)state;
	memset(lang + 5, 'a', 65);
	assert_int_equal(child_env_build(given, SHELL, "/", "1", &environment),
	    0);
	assert_int_equal(count(environment), 4);
}

static void
a_thousand_variables_are_thinned_out(void **state)
{
	AUTO(cleanup_child_env) char **environment = NULL;
	char lang[] = "LC_ALL=C", *given[1001];
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		given[i] = lang;
	given[1000] = NULL;
	assert_int_equal(child_env_build(given, SHELL, "/", "1", &environment),
	    0);
	assert_true(count(environment) < 50);
}

static void
no_environment_is_no_error(void **state)
{
	AUTO(cleanup_child_env) char **environment = NULL;

	(void)state;
	assert_int_equal(child_env_build(NULL, SHELL, "/", "1", &environment),
	    0);
	assert_int_equal(count(environment), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminal_locale_and_protocol_pass),
		cmocka_unit_test(everything_else_is_dropped),
		cmocka_unit_test(a_long_value_is_dropped),
		cmocka_unit_test(a_thousand_variables_are_thinned_out),
		cmocka_unit_test(no_environment_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
