/* Unit tests of enscale_shell/forwarded_agent, on real sockets in /tmp. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/forwarded_agent.h"

static char folder[] = "/tmp/ssh-XXXXXXXXXX";
static char path[FORWARDED_AGENT_MAX];
static int listener = -1;

static int
make_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/agent.77", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(listener, (struct sockaddr *)&address, sizeof(address));
}

static int
remove_socket(void **state)
{
	(void)state;
	close(listener);
	unlink(path);
	return rmdir(folder);
}

static void
sshds_own_socket_is_forwarded(void **state)
{
	char found[FORWARDED_AGENT_MAX] = "";

	(void)state;
	assert_true(
	    forwarded_agent_find(path, FORWARDED_AGENT_HOME, getuid(), found));
	assert_string_equal(found, path);
}

static void
a_socket_of_somebody_else_is_not(void **state)
{
	char found[FORWARDED_AGENT_MAX] = "untouched";

	(void)state;
	assert_false(forwarded_agent_find(path, FORWARDED_AGENT_HOME,
	    getuid() + 1, found));
	assert_string_equal(found, "untouched");
}

static void
a_folder_open_to_others_is_not(void **state)
{
	char found[FORWARDED_AGENT_MAX] = "untouched";

	(void)state;
	assert_int_equal(chmod(folder, 0711), 0);
	assert_false(
	    forwarded_agent_find(path, FORWARDED_AGENT_HOME, getuid(), found));
	assert_int_equal(chmod(folder, 0700), 0);
	assert_string_equal(found, "untouched");
}

static void
a_file_or_a_link_is_no_socket(void **state)
{
	char found[FORWARDED_AGENT_MAX] = "untouched";
	char other[FORWARDED_AGENT_MAX];

	(void)state;
	snprintf(other, sizeof(other), "%.40s/agent.78", folder);
	assert_int_equal(symlink(path, other), 0);
	assert_false(
	    forwarded_agent_find(other, FORWARDED_AGENT_HOME, getuid(), found));
	assert_int_equal(unlink(other), 0);
	assert_string_equal(found, "untouched");
}

/* As sshd of OpenSSH 10.1 has it, in a folder that is made for all. */
static void
a_socket_below_the_home_is_forwarded_from_a_folder_that_keeps_it(void **state)
{
	char home[] = "/tmp/enscale-test-home-XXXXXX", agents[64];
	char socket_path[FORWARDED_AGENT_MAX], found[FORWARDED_AGENT_MAX] = "";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(home));
	snprintf(agents, sizeof(agents), "%s/.ssh", home);
	assert_int_equal(mkdir(agents, 0755), 0);
	snprintf(agents, sizeof(agents), "%s/.ssh/agent", home);
	assert_int_equal(mkdir(agents, 0700), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/s.0aZ.sshd.9bY", agents);
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	/* Only root can make such a folder. */
	assert_int_equal(chmod(agents, 01733), 0);
	assert_int_equal(
	    forwarded_agent_find(socket_path, home, getuid(), found),
	    getuid() == 0);
	assert_string_equal(found, getuid() == 0 ? socket_path : "");
	found[0] = '\0';
	assert_false(forwarded_agent_find(socket_path, FORWARDED_AGENT_HOME,
	    getuid(), found));
	assert_false(
	    forwarded_agent_find(socket_path, home, getuid() + 1, found));
	assert_int_equal(chmod(agents, 0733), 0);
	assert_false(forwarded_agent_find(socket_path, home, getuid(), found));
	assert_string_equal(found, "");
	close(fd);
	assert_int_equal(unlink(socket_path), 0);
	assert_int_equal(rmdir(agents), 0);
	snprintf(agents, sizeof(agents), "%s/.ssh", home);
	assert_int_equal(rmdir(agents), 0);
	assert_int_equal(rmdir(home), 0);
}

static void
no_other_path_is_even_looked_at(void **state)
{
	static const char *const bad[] = { "", "/run/enscale/guard/agent.sock",
		"/tmp/ssh-/agent.1", "/tmp/ssh-abc", "/tmp/ssh-abc/agent.",
		"/tmp/ssh-abc/agent.1x", "/tmp/ssh-a/../b/agent.1",
		"/tmp/ssh-a b/agent.1", "/tmp/ssh-abc/agent.1\n",
		"tmp/ssh-abc/agent.1", "/tmp//ssh-abc/agent.1",
		"/tmp/ssh-$HOME/agent.1", "/tmp/ssh-%d/agent.1",
		ENS_STATE_DIR "/empty/.ssh/agent/s.a.sshd.b",
		ENS_STATE_DIR "/empty/.ssh/agent/s.a.sshd.",
		ENS_STATE_DIR "/empty/.ssh/agent/../s.a.sshd.b" };
	char found[FORWARDED_AGENT_MAX], endless[4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(forwarded_agent_find(bad[i], FORWARDED_AGENT_HOME,
		    getuid(), found));
	assert_false(
	    forwarded_agent_find(NULL, FORWARDED_AGENT_HOME, getuid(), found));
	memset(endless, 'a', sizeof(endless));
	memcpy(endless, "/tmp/ssh-", 9);
	memcpy(endless + sizeof(endless) - 9, "/agent.1", 9);
	assert_false(forwarded_agent_find(endless, FORWARDED_AGENT_HOME,
	    getuid(), found));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sshds_own_socket_is_forwarded),
		cmocka_unit_test(a_socket_of_somebody_else_is_not),
		cmocka_unit_test(a_folder_open_to_others_is_not),
		cmocka_unit_test(a_file_or_a_link_is_no_socket),
		cmocka_unit_test(
		    a_socket_below_the_home_is_forwarded_from_a_folder_that_keeps_it),
		cmocka_unit_test(no_other_path_is_even_looked_at),
	};

	return cmocka_run_group_tests(tests, make_socket, remove_socket);
}
