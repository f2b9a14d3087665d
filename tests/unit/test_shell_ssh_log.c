/* Unit tests of enscale_shell/ssh_log. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enscale_shell/ssh_log.h"

static void
feed(struct ssh_log *log, const char *text)
{
	ssh_log_feed(log, text, strlen(text));
}

static void
a_login_is_seen_in_what_ssh_says(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log, "sshconnect2.c:ssh_userauth2():580 (pid=7): Authent");
	assert_false(log.is_login);
	feed(&log,
	    "icated to 198.19.0.18 ([198.19.0.18]:22) using \"publickey\".\r\n");
	assert_true(log.is_login);
}

static void
other_lines_are_no_login(void **state)
{
	static const char *const lines[] = {
		"Received disconnect from 1.2.3.4:2: Authenticated to x\n",
		"Authenticated to x\n", "ssh_userauth2():\n",
		"Authenticated to x ssh_userauth2():\n", "\n", ""
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct ssh_log log = { 0 };

		feed(&log, lines[i]);
		assert_false(log.is_login);
	}
}

static void
the_last_line_gives_the_reason(void **state)
{
	static const struct {
		const char *said, *reason;
	} cases[] = {
		{ "ssh: connect to host 198.19.0.18 port 22: Connection "
		  "refused\r\n",
		    "it refuses connections" },
		{ "ssh: connect to host 198.19.0.18 port 22: Connection timed "
		  "out\r\n",
		    "it does not answer" },
		{ "Host key for node1 has changed\nHost key verification "
		  "failed.\r\n",
		    "its host key is not the one in the directory" },
		{ "connect to host 198.19.0.18 port 22: Operation not "
		  "permitted\n",
		    "Operation not permitted" },
		{ "packet.c:sshpkt_vfatal():1943 (pid=1887): banner exchange: "
		  "Connection to 198.19.0.19 port 22: invalid format\r\n",
		    "what answers there does not speak SSH" },
		{ "packet.c:sshpkt_vfatal():1943 (pid=1): "
		  "ssh_dispatch_run_fatal: Connection to 198.19.0.19 port 22: "
		  "message authentication code incorrect\r\n",
		    "what arrives from it is damaged" },
		{ "packet.c:sshpkt_vfatal():1943 (pid=1): "
		  "ssh_dispatch_run_fatal: Connection to 198.19.0.19 port 22: "
		  "incorrect signature\r\n",
		    "incorrect signature" },
		{ "packet.c:sshpkt_vfatal():1916 (pid=1): Disconnected from "
		  "198.19.0.19 port 22\r\n",
		    "it closed the connection" },
		{ "kex_exchange_identification: read: Protocol error\r\n",
		    "read: Protocol error" },
		{ "ssh: half a line", "ssh gave no reason" },
		{ "a.c:f():7 (pid=8): \n", "ssh gave no reason" },
		{ "Connection to 198.19.0.19 port 22\n", "ssh gave no reason" },
		{ "subsystem request failed on channel 0\r\n",
		    "it has no such subsystem" },
		{ "clientloop.c:server_alive_check():711 (pid=7): Timeout, "
		  "server 198.19.0.18 not responding.\r\n",
		    "it does not answer" },
		{ "something new\n", "something new" },
		{ "", "ssh gave no reason" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ssh_log log = { 0 };

		feed(&log, cases[i].said);
		assert_string_equal(ssh_log_reason(&log), cases[i].reason);
	}
}

static void
a_refused_login_is_told_from_a_refused_connection(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log, "connect to host 198.19.0.18 port 22: Permission denied\n");
	assert_false(ssh_log_is_denied(&log));
	assert_string_equal(ssh_log_reason(&log), "Permission denied");
	feed(&log, "apache@node124718: Permission denied (publickey).\r\n");
	assert_true(ssh_log_is_denied(&log));
	feed(&log,
	    "Received disconnect from 198.19.0.18 port 22:2: Too many "
	    "authentication failures\r\n");
	assert_true(ssh_log_is_denied(&log));
}

static void
a_node_without_a_key_exchange_for_us_is_told_from_others(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log,
	    "Unable to negotiate with UNKNOWN port 65535: no matching key "
	    "exchange method found. Their offer: sntrup761x25519-sha512\r\n");
	assert_true(ssh_log_lacks_exchange(&log));
	log = (struct ssh_log){ 0 };
	feed(&log,
	    "Unable to negotiate with UNKNOWN port 65535: no matching cipher "
	    "found. Their offer: 3des-cbc\r\n");
	assert_false(ssh_log_lacks_exchange(&log));
	log = (struct ssh_log){ 0 };
	feed(&log, "a.c:ssh_userauth2():1: Authenticated to x\n");
	feed(&log, "no matching key exchange method\n");
	assert_false(ssh_log_lacks_exchange(&log));
}

static void
what_was_said_before_the_login_is_no_reason_after_it(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log, "Connection refused\n");
	feed(&log, "a.c:ssh_userauth2():1: Authenticated to x\n");
	assert_true(log.is_login);
	assert_string_equal(log.last, "");
	feed(&log, "clientloop.c: broken\n");
	assert_true(log.is_login);
	assert_string_equal(log.last, "clientloop.c: broken");
}

static void
the_node_says_how_the_command_ended(void **state)
{
	static const char login[] =
	    "a.c:ssh_userauth2():1: Authenticated to x\n";
	static const char asked[] =
	    "debug1: clientloop.c:client_input_channel_req():1821 (pid=38): "
	    "client_input_channel_req: channel 0 rtype ";
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log, asked);
	feed(&log, "exit-status reply 0\n");
	assert_false(log.is_exit); /* not before the login */
	feed(&log, login);
	assert_string_equal(ssh_log_reason(&log), "it closed the connection");
	feed(&log, asked);
	feed(&log, "keepalive@openssh.com reply 1\n");
	feed(&log, "client_input_channel_req: rtype exit-signal reply 0\n");
	assert_false(log.is_exit);
	feed(&log, asked);
	feed(&log, "exit-signal reply 0\n");
	assert_true(log.is_exit);
}

static void
what_a_node_asks_for_is_no_reason(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log, "a.c:ssh_userauth2():1: Authenticated to x\n");
	feed(&log,
	    "c.c:client_input_channel_req():1: rtype Buy more! reply 0\n");
	assert_string_equal(log.last, "");
}

static void
an_endless_line_takes_no_more_room(void **state)
{
	struct ssh_log log = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		feed(&log, "x");
	feed(&log, "\n");
	assert_int_equal(strlen(ssh_log_reason(&log)), SSH_LOG_LINE_MAX - 1);
}

static void
what_the_connector_said_is_the_reason(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log,
	    "connect to host 198.19.0.18 port 22: Connection refused\n"
	    "mm_receive_fd: recvmsg: expected received 1 got 0\r\n"
	    "proxy dialer did not pass back a connection\r\n");
	assert_string_equal(ssh_log_reason(&log), "it refuses connections");
}

static void
that_a_node_could_not_be_told_is_no_reason(void **state)
{
	struct ssh_log log = { 0 };

	(void)state;
	feed(&log,
	    "a.c:ssh_userauth2():1: Authenticated to x\n"
	    "send disconnect: Broken pipe\r\n");
	assert_string_equal(ssh_log_reason(&log), "it closed the connection");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_seen_in_what_ssh_says),
		cmocka_unit_test(other_lines_are_no_login),
		cmocka_unit_test(the_last_line_gives_the_reason),
		cmocka_unit_test(
		    a_refused_login_is_told_from_a_refused_connection),
		cmocka_unit_test(
		    a_node_without_a_key_exchange_for_us_is_told_from_others),
		cmocka_unit_test(
		    what_was_said_before_the_login_is_no_reason_after_it),
		cmocka_unit_test(that_a_node_could_not_be_told_is_no_reason),
		cmocka_unit_test(the_node_says_how_the_command_ended),
		cmocka_unit_test(what_a_node_asks_for_is_no_reason),
		cmocka_unit_test(what_the_connector_said_is_the_reason),
		cmocka_unit_test(an_endless_line_takes_no_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
