/*
 * Who may ask the guard as an operator: real connections of processes with
 * other uids and groups. Only root can make those.
 */
#include <config.h>

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_guard/operator.h"

#define GROUP   4711U
#define NOBODY  65534U
#define ACCOUNT (UID_BASE_DEFAULT + 25880U)

static char folder[] = "/tmp/enscale-operator-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static int
make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	unlink(address.sun_path);
	return rmdir(folder);
}

static void
become_and_connect(uid_t uid, gid_t gid, gid_t extra)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (setgroups(1, &extra) != 0 || setgid(gid) != 0 || setuid(uid) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		_exit(1);
	/* It is there until it was looked at. */
	_exit(read(fd, &(char){ 0 }, 1) == 0 ? 0 : 1);
}

static bool
may_ask(uid_t uid, gid_t gid, gid_t extra, gid_t group)
{
	int listening = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	bool may;
	pid_t pid;

	unlink(address.sun_path);
	assert_int_equal(
	    bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0)
		become_and_connect(uid, gid, extra);
	fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	may = operator_may_ask(fd, group);
	close(fd);
	close(listening);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return may;
}

static void
root_may_ask_and_members_of_the_group(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_true(may_ask(0, 0, 0, GROUP));
	assert_true(may_ask(0, 0, 0, (gid_t)-1));
	assert_true(may_ask(NOBODY, NOBODY, GROUP, GROUP));
	assert_true(may_ask(NOBODY, GROUP, NOBODY, GROUP));
}

static void
nobody_else_may_ask(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_false(may_ask(NOBODY, NOBODY, NOBODY, GROUP));
	assert_false(may_ask(ACCOUNT, ACCOUNT, ACCOUNT, GROUP));
	assert_false(may_ask(NOBODY, 0, 0, GROUP));
	/* Without the group nobody is in it. */
	assert_false(may_ask(NOBODY, NOBODY, GROUP, (gid_t)-1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_may_ask_and_members_of_the_group),
		cmocka_unit_test(nobody_else_may_ask),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
