/* Who a login name is to the name service, with glibc between. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "pam_enscale/name_service.h"
#include "tests/unit/other_service.h"

static const struct login_name account = { .account = 25880 };
static const struct login_name direct = { .account = 25880, .node = 227028 };

static char cause[NAME_SERVICE_CAUSE_MAX];

static bool
agrees(const struct login_name *name)
{
	cause[0] = '\0';
	return name_service_agrees(name, UID_BASE_DEFAULT, cause);
}

static int
fresh(void **state)
{
	(void)state;
	other_service_reset();
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	other_service_begin();
	return 0;
}

static void
what_our_module_says_is_agreed(void **state)
{
	(void)state;
	assert_true(agrees(&account));
	assert_true(agrees(&direct));
	assert_string_equal(cause, "");
}

/* Each field alone, for both forms of the name. */
static void
another_uid_gid_home_shell_or_name_is_somebody_else(void **state)
{
	static const struct other_answer others[] = {
		{ .uid = 4444 },
		{ .uid = UID_BASE_DEFAULT + 25881 },
		{ .gid = 27 },
		{ .home = "/home/walter" },
		{ .shell = "/bin/bash" },
		{ .name = "walter" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		other_by_name = others[i];
		assert_false(agrees(&account));
		assert_false(agrees(&direct));
	}
}

static void
the_cause_says_who_the_name_is(void **state)
{
	(void)state;
	other_by_name = (struct other_answer){ .uid = 4444,
		.gid = 100,
		.home = "/home/\033[31mwalter",
		.shell = "/bin/bash" };
	assert_false(agrees(&direct));
	assert_string_equal(cause,
	    "user \"227028-25880\" is \"227028-25880\", uid 4444, gid 100, "
	    "home \"/home/?[31mwalter\", shell \"/bin/bash\"");
}

/* Programs of the session ask for their own uid; its files are another's. */
static void
a_uid_that_is_somebody_elses_is_refused(void **state)
{
	(void)state;
	other_by_uid.name = "walter";
	assert_false(agrees(&direct));
	other_by_uid.home = "/home/walter";
	other_by_uid.shell = "/bin/zsh";
	assert_false(agrees(&direct));
	assert_string_equal(cause,
	    "uid 1879074072 is \"walter\", uid 1879074072, gid 1879074072, "
	    "home \"/home/walter\", shell \"/bin/zsh\"");
	other_by_uid = (struct other_answer){ .shell = "/bin/bash" };
	assert_false(agrees(&account));
}

static void
a_group_beside_the_private_one_is_refused(void **state)
{
	(void)state;
	other_group = 27;
	assert_false(agrees(&account));
	assert_string_equal(cause, "user \"25880\" is a member of group 27");
	assert_false(agrees(&direct));
}

static void
a_name_without_an_answer_is_refused(void **state)
{
	(void)state;
	other_by_name.error = -ENOENT;
	assert_false(agrees(&account));
	assert_string_equal(cause, "user \"25880\": not found");
	other_by_name.error = 0;
	other_by_uid.error = -ENOENT;
	assert_false(agrees(&account));
	assert_string_equal(cause, "uid 1879074072: not found");
}

/* A long line of somebody else's in /etc/passwd; but not for ever. */
static void
room_grows_until_no_entry_needs_it(void **state)
{
	(void)state;
	other_by_name.need = PASSWD_ENTRY_MAX;
	assert_true(agrees(&account));
	other_by_name.need = PASSWD_ENTRY_MAX + 1;
	assert_false(agrees(&account));
	assert_string_equal(cause, "user \"25880\": larger than allowed");
}

static void
another_uid_base_is_somebody_elses(void **state)
{
	(void)state;
	assert_false(name_service_agrees(&account, UID_BASE_MIN, cause));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fresh)
	const struct CMUnitTest tests[] = {
		TEST(what_our_module_says_is_agreed),
		TEST(another_uid_gid_home_shell_or_name_is_somebody_else),
		TEST(the_cause_says_who_the_name_is),
		TEST(a_uid_that_is_somebody_elses_is_refused),
		TEST(a_group_beside_the_private_one_is_refused),
		TEST(a_name_without_an_answer_is_refused),
		TEST(room_grows_until_no_entry_needs_it),
		TEST(another_uid_base_is_somebody_elses),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
