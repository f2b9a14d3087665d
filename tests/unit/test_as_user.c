/* Unit tests of enscalectl/as_user: what another user sees. Who cannot become
 * somebody else skips some. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/as_user.h"

#define SOMEBODY     12345
#define OTHERS_GROUP 54321

static char path[] = "/tmp/enscale-as-user-XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return chmod(path, 0600);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* What the child answers. */
struct answer {
	uid_t uid, euid;
	gid_t gid;
	int groups;
	bool can_read;
};

static void
ask(const void *arg, void *answer)
{
	struct answer *found = answer;
	AUTO_FD int fd = open(arg, O_RDONLY | O_CLOEXEC);

	*found = (struct answer){ getuid(), geteuid(), getgid(),
		getgroups(0, NULL), fd >= 0 };
}

static void
die(const void *arg, void *answer)
{
	memset(answer, 0xff, sizeof(struct answer));
	raise(*(const int *)arg);
	_exit(7);
}

static void
hang(const void *arg, void *answer)
{
	(void)arg;
	(void)answer;
	for (;;)
		pause();
}

static int
look(const struct as_user *user, struct answer *answer)
{
	return as_user_ask(user, 30, ask, path, answer, sizeof(*answer));
}

static void
a_file_of_roots_alone_is_not_read_by_somebody_else(void **state)
{
	const struct as_user somebody = { NULL, SOMEBODY, SOMEBODY };
	struct answer answer = { .can_read = true };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(look(&somebody, &answer), 0);
	assert_int_equal(answer.uid, SOMEBODY);
	assert_int_equal(answer.euid, SOMEBODY);
	assert_int_equal(answer.gid, SOMEBODY);
	assert_false(answer.can_read);
	assert_int_equal(getuid(), 0);
	assert_int_equal(look(NULL, &answer), 0);
	assert_true(answer.can_read);
}

/* As root's are a daemon's that root has started by hand. */
static void
groups_of_who_asks_are_not_taken_along(void **state)
{
	const struct as_user somebody = { NULL, SOMEBODY, SOMEBODY };
	const gid_t group = OTHERS_GROUP;
	struct answer answer = { .groups = -1 };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(setgroups(1, &group), 0);
	assert_int_equal(look(&somebody, &answer), 0);
	assert_int_equal(answer.groups, 0);
	assert_int_equal(setgroups(0, NULL), 0);
}

static void
without_an_answer_there_is_an_error_and_nothing_is_changed(void **state)
{
	const int number = SIGKILL, none = 0;
	struct answer answer = { .groups = 4711 };

	(void)state;
	assert_int_equal(
	    as_user_ask(NULL, 30, die, &number, &answer, sizeof(answer)),
	    -EPIPE);
	assert_int_equal(
	    as_user_ask(NULL, 30, die, &none, &answer, sizeof(answer)), -EPIPE);
	assert_int_equal(answer.groups, 4711);
}

static void
who_hangs_is_not_waited_for(void **state)
{
	struct answer answer = { .groups = 4711 };

	(void)state;
	assert_int_equal(
	    as_user_ask(NULL, 1, hang, NULL, &answer, sizeof(answer)),
	    -ETIMEDOUT);
	assert_int_equal(answer.groups, 4711);
}

static void
who_is_no_user_is_not_found(void **state)
{
	struct as_user user;

	(void)state;
	assert_int_equal(as_user_find("nobody of this name", &user),
	    ENS_E_NOTFOUND);
	assert_int_equal(as_user_find("root", &user), 0);
	assert_int_equal(user.uid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_file_of_roots_alone_is_not_read_by_somebody_else),
		cmocka_unit_test(groups_of_who_asks_are_not_taken_along),
		cmocka_unit_test(
		    without_an_answer_there_is_an_error_and_nothing_is_changed),
		cmocka_unit_test(who_hangs_is_not_waited_for),
		cmocka_unit_test(who_is_no_user_is_not_found),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
