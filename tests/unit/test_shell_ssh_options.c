/* Unit tests of enscale_shell/ssh_options. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscale_shell/ssh_options.h"

static const struct ssh_options good = {
	.address = "198.19.0.18",
	.port = 22,
	.user = "apache",
	.node = 124718,
	.connect_timeout = 10,
	.agent = "/run/enscale/guard/agent.sock",
	.known_hosts = "/proc/77/fd/4",
	.log = "/proc/77/fd/6",
};

static size_t
count(char **argv)
{
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	return n;
}

static size_t
place(char **argv, const char *text)
{
	size_t i;

	for (i = 0; argv[i] != NULL; i++)
		if (strcmp(argv[i], text) == 0)
			return i;
	return SIZE_MAX;
}

static bool
has(char **argv, const char *text)
{
	return place(argv, text) != SIZE_MAX;
}

static void
the_command_is_one_argument_behind_the_nodes_name(void **state)
{
	static const char *const commands[] = { "id -un; exit 7",
		"-oProxyCommand=touch /tmp/pwned", "--", "-t", "a\nb\033[2J",
		" ", "'\"$(id)" };
	struct ssh_options options = good;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		AUTO(cleanup_ssh_options) char **argv = NULL;

		options.command = commands[i];
		assert_int_equal(ssh_options_build(&options, &argv), 0);
		n = count(argv);
		assert_string_equal(argv[n - 1], commands[i]);
		assert_string_equal(argv[n - 2], "node124718");
		/* The first "--" is the one before the name. */
		assert_int_equal(place(argv, "--"), n - 3);
	}
}

static void
every_argument_before_the_dashes_is_an_option(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	size_t i;

	(void)state;
	assert_int_equal(ssh_options_build(&good, &argv), 0);
	assert_string_equal(argv[0], "ssh");
	for (i = 1; strcmp(argv[i], "--") != 0; i++)
		assert_int_equal(argv[i][0], '-');
	assert_int_equal(count(argv), i + 2);
}

static void
no_file_and_no_program_of_anybody_is_used(void **state)
{
	static const char *const wanted[] = { "-Fnone", "-oBatchMode=yes",
		"-oProxyUseFdpass=yes", "-oPermitLocalCommand=no",
		"-oStrictHostKeyChecking=yes",
		"-oGlobalKnownHostsFile=/dev/null",
		"-oUserKnownHostsFile=/proc/77/fd/4",
		"-oHostKeyAlias=node124718", "-oCheckHostIP=no",
		"-oUpdateHostKeys=no", "-oIdentitiesOnly=no",
		"-oIdentityFile=none",
		"-oIdentityAgent=/run/enscale/guard/agent.sock",
		"-oPreferredAuthentications=publickey",
		"-oPasswordAuthentication=no", "-oClearAllForwardings=yes",
		"-oForwardX11=no", "-oForwardAgent=no", "-oControlMaster=no",
		"-oControlPath=none", "-oEscapeChar=none",
		"-oSendEnv=LANG LC_* COLORTERM GIT_PROTOCOL", "-E/proc/77/fd/6",
		"-p22", "-lapache", "-T" };
	AUTO(cleanup_ssh_options) char **argv = NULL;
	size_t i;

	(void)state;
	assert_int_equal(ssh_options_build(&good, &argv), 0);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!has(argv, wanted[i]))
			fail_msg("%s is missing", wanted[i]);
}

static void
sntrup_is_left_to_whom_nothing_else_can_reach(void **state)
{
	AUTO(cleanup_ssh_options) char **fast = NULL;
	AUTO(cleanup_ssh_options) char **slow = NULL;
	struct ssh_options options = good;

	(void)state;
	assert_int_equal(ssh_options_build(&options, &fast), 0);
	assert_true(has(fast, "-oKexAlgorithms=-sntrup761*"));
	options.slow_exchange = true;
	assert_int_equal(ssh_options_build(&options, &slow), 0);
	assert_false(has(slow, "-oKexAlgorithms=-sntrup761*"));
	assert_int_equal(count(slow), count(fast) - 1);
}

static void
nobody_is_told_to_upgrade_what_is_not_his(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;

	(void)state;
	assert_int_equal(ssh_options_build(&good, &argv), 0);
	assert_true(has(argv, "-oWarnWeakCrypto=no"));
	/* Before the word that an older ssh does not know. */
	assert_true(place(argv, "-oIgnoreUnknown=WarnWeakCrypto") <
	    place(argv, "-oWarnWeakCrypto=no"));
}

/* After one, even "none", OpenSSH's own ssh takes no proxy command. */
static void
the_proxy_command_comes_before_any_jump(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;

	(void)state;
	assert_int_equal(ssh_options_build(&good, &argv), 0);
	assert_memory_equal(argv[1], "-oProxyCommand=", 15);
	assert_true(place(argv, "-oProxyJump=none") > 1);
}

static void
sftp_is_a_subsystem_and_never_has_a_terminal(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	struct ssh_options options = good;

	(void)state;
	options.sftp = true;
	options.tty = true;
	assert_int_equal(ssh_options_build(&options, &argv), 0);
	assert_true(has(argv, "-s"));
	assert_true(has(argv, "-T"));
	assert_false(has(argv, "-t"));
	assert_string_equal(argv[count(argv) - 1], "sftp");
}

static void
a_terminal_is_asked_for_where_there_is_one(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	struct ssh_options options = good;

	(void)state;
	options.tty = true;
	assert_int_equal(ssh_options_build(&options, &argv), 0);
	assert_true(has(argv, "-t"));
	assert_false(has(argv, "-T"));
}

static void
an_empty_command_does_not_become_a_login_shell(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	struct ssh_options options = good;

	(void)state;
	options.command = "";
	assert_int_equal(ssh_options_build(&options, &argv), 0);
	assert_string_equal(argv[count(argv) - 1], ":");
}

static void
the_agent_is_forwarded_by_its_literal_path(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	struct ssh_options options = good;

	(void)state;
	options.forward = "/tmp/ssh-AbCdEf1234/agent.77";
	assert_int_equal(ssh_options_build(&options, &argv), 0);
	assert_true(has(argv, "-oForwardAgent=/tmp/ssh-AbCdEf1234/agent.77"));
	assert_false(has(argv, "-oForwardAgent=no"));
}

static void
refuse_address(const char *address)
{
	struct ssh_options options = good;
	char **argv = NULL;

	options.address = address;
	assert_int_equal(ssh_options_build(&options, &argv), ENS_E_SYNTAX);
	assert_null(argv);
}

static void
refuse_user(const char *user)
{
	struct ssh_options options = good;
	char **argv = NULL;

	options.user = user;
	assert_int_equal(ssh_options_build(&options, &argv), ENS_E_SYNTAX);
	assert_null(argv);
}

static void
refuse_forward(const char *path)
{
	struct ssh_options options = good;
	char **argv = NULL;

	options.forward = path;
	assert_int_equal(ssh_options_build(&options, &argv), ENS_E_SYNTAX);
	assert_null(argv);
}

static void
fields_that_ssh_could_misread_are_refused(void **state)
{
	(void)state;
	refuse_address("");
	refuse_address("-oProxyCommand=id");
	refuse_address("node.example");
	refuse_address("198.19.0.18 ");
	refuse_address("ssh://198.19.0.18");
	refuse_user("");
	refuse_user("-x");
	refuse_user("a b");
	refuse_user("a@b");
	refuse_user("a%h");
	refuse_user("1234567890");
	refuse_user("abcdefghijklmnopqrstuvwxyzabcdefg");
	refuse_forward("");
	refuse_forward("yes");
	refuse_forward("$SSH_AUTH_SOCK");
	refuse_forward("/tmp/%d");
	refuse_forward("/tmp/a b");
}

static void
an_ipv6_address_is_literal_too(void **state)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	struct ssh_options options = good;
	char proxy[128];

	(void)state;
	options.address = "2001:db8::18";
	assert_int_equal(ssh_options_build(&options, &argv), 0);
	snprintf(proxy, sizeof(proxy), "-oProxyCommand=2001:db8::18 %u %u %s",
	    options.port, options.connect_timeout, options.log);
	assert_true(has(argv, proxy));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_command_is_one_argument_behind_the_nodes_name),
		cmocka_unit_test(every_argument_before_the_dashes_is_an_option),
		cmocka_unit_test(no_file_and_no_program_of_anybody_is_used),
		cmocka_unit_test(sntrup_is_left_to_whom_nothing_else_can_reach),
		cmocka_unit_test(nobody_is_told_to_upgrade_what_is_not_his),
		cmocka_unit_test(the_proxy_command_comes_before_any_jump),
		cmocka_unit_test(sftp_is_a_subsystem_and_never_has_a_terminal),
		cmocka_unit_test(a_terminal_is_asked_for_where_there_is_one),
		cmocka_unit_test(
		    an_empty_command_does_not_become_a_login_shell),
		cmocka_unit_test(the_agent_is_forwarded_by_its_literal_path),
		cmocka_unit_test(fields_that_ssh_could_misread_are_refused),
		cmocka_unit_test(an_ipv6_address_is_literal_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
