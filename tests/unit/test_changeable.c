/* Unit tests of common/base/changeable. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/changeable.h"

#define SOMEBODY 4711

static char root[] = "/tmp/enscale-changeable-XXXXXX";
static char above[64], folder[64], file[64];

static int
make(void **state)
{
	FILE *made;

	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	snprintf(above, sizeof(above), "%s/a", root);
	snprintf(folder, sizeof(folder), "%s/a/b", root);
	snprintf(file, sizeof(file), "%s/a/b/file", root);
	if (mkdir(above, 0755) != 0 || mkdir(folder, 0755) != 0)
		return -1;
	made = fopen(file, "w");
	return made == NULL || fclose(made) != 0 || chmod(file, 0640) != 0;
}

static int
unmake(void **state)
{
	(void)state;
	unlink(file);
	rmdir(folder);
	rmdir(above);
	return rmdir(root);
}

static void
a_file_of_root_in_folders_of_root_is_nobody_elses(void **state)
{
	(void)state;
	assert_false(changeable_by(file, SOMEBODY));
	assert_true(changeable_by(file, geteuid()));
}

static void
a_writable_mode_of_file_or_folder_opens_it(void **state)
{
	static const mode_t open[] = { 0020, 0002 };
	const char *const parts[] = { file, folder, above };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t k = 0; k < sizeof(open) / sizeof(open[0]); k++) {
			assert_int_equal(chmod(parts[i], 0755 | open[k]), 0);
			assert_true(changeable_by(file, SOMEBODY));
			assert_int_equal(chmod(parts[i], 0755), 0);
			assert_false(changeable_by(file, SOMEBODY));
		}
}

static void
a_sticky_folder_keeps_what_is_others(void **state)
{
	(void)state;
	assert_int_equal(chmod(folder, 01777), 0);
	assert_false(changeable_by(file, SOMEBODY));
	assert_int_equal(chmod(folder, 0755), 0);
}

static void
the_owner_of_a_folder_above_can_replace_it(void **state)
{
	const char *const parts[] = { file, folder, above };

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_int_equal(chown(parts[i], SOMEBODY, 0), 0);
		assert_true(changeable_by(file, SOMEBODY));
		assert_int_equal(chown(parts[i], 0, 0), 0);
	}
}

static void
what_is_not_there_is_nobodys(void **state)
{
	(void)state;
	assert_false(changeable_by("/nonexistent/file", SOMEBODY));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_file_of_root_in_folders_of_root_is_nobody_elses),
		cmocka_unit_test(a_writable_mode_of_file_or_folder_opens_it),
		cmocka_unit_test(a_sticky_folder_keeps_what_is_others),
		cmocka_unit_test(the_owner_of_a_folder_above_can_replace_it),
		cmocka_unit_test(what_is_not_there_is_nobodys),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
