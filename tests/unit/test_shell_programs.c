/* Programs that an update replaces (enscale_shell/programs.c): /usr/bin/ssh, in
 * a mount namespace of the test's own. */
#include <config.h>

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enscale_shell/programs.h"

#define SSH "/usr/bin/ssh"

static void
one_that_was_replaced_is_run_as_it_was(void **state)
{
	char path[PROGRAMS_PATH_SIZE], wanted[PROGRAMS_PATH_SIZE];
	struct stat was, is;

	(void)state;
	if (unshare(CLONE_NEWNS) != 0 || stat(SSH, &was) != 0)
		skip();
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
	    0);
	assert_int_equal(programs_open(), 0);
	assert_string_equal(programs_path(PROGRAM_SSH, path), SSH);
	assert_int_equal(mount("/usr/bin/env", SSH, NULL, MS_BIND, NULL), 0);
	snprintf(wanted, sizeof(wanted), "/proc/%d/fd/%d", (int)getpid(),
	    programs_fd(PROGRAM_SSH));
	assert_string_equal(programs_path(PROGRAM_SSH, path), wanted);
	assert_int_equal(stat(path, &is), 0);
	assert_true(is.st_ino == was.st_ino && is.st_dev == was.st_dev);
	/* and by its name again, when that has come back */
	assert_int_equal(umount2(SSH, MNT_DETACH), 0);
	assert_string_equal(programs_path(PROGRAM_SSH, path), SSH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_was_replaced_is_run_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
