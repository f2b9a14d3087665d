/* Unit tests of enscale_guard/last_use. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscale_guard/last_use.h"

#define NOW INT64_MAX

static char folder[64];
static struct last_use *last;

static int
set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/enscale-last-XXXXXX");
	if (mkdtemp(folder) == NULL || rmdir(folder) != 0)
		return -1;
	return last_use_open(folder, &last);
}

static int
tear_down(void **state)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	(void)state;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(folder);
	last_use_close(last);
	return 0;
}

static void
expect(uint32_t account, int64_t before, int64_t opened, const char *address,
    uint32_t node)
{
	struct last_login login;
	uint32_t found;

	assert_int_equal(last_use_find(last, account, before, &login, &found),
	    0);
	assert_int_equal(login.opened, opened);
	assert_string_equal(login.address, address);
	assert_int_equal(found, node);
}

static void
an_account_without_a_past_has_none(void **state)
{
	(void)state;
	expect(25880, NOW, 0, "", 0);
	assert_int_equal(last_use_login(last, 25881, 1000, "198.18.0.10"), 0);
	expect(25880, NOW, 0, "", 0);
	expect(25882, NOW, 0, "", 0);
}

static void
the_login_before_this_one_is_told(void **state)
{
	(void)state;
	assert_int_equal(last_use_login(last, 25880, 1000, "198.18.0.10"), 0);
	assert_int_equal(last_use_login(last, 25880, 2000, "2001:db8::1"), 0);
	expect(25880, NOW, 2000, "2001:db8::1", 0);
	expect(25880, 2000, 1000, "198.18.0.10", 0);
	expect(25880, 1000, 0, "", 0);
}

static void
the_longest_address_is_kept(void **state)
{
	static const char address[] =
	    "2001:0db8:ffff:ffff:ffff:ffff:255.255.255.255";

	(void)state;
	assert_int_equal(strlen(address), ADDRESS_TEXT_MAX);
	assert_int_equal(last_use_login(last, 25880, 1000, address), 0);
	expect(25880, NOW, 1000, address, 0);
}

static void
a_login_that_is_told_again_is_the_same(void **state)
{
	(void)state;
	assert_int_equal(last_use_login(last, 25880, 1000, "198.18.0.10"), 0);
	assert_int_equal(last_use_login(last, 25880, 2000, "198.18.0.11"), 0);
	assert_int_equal(last_use_login(last, 25880, 2000, "198.18.0.11"), 0);
	assert_int_equal(last_use_login(last, 25880, 1500, "198.18.0.12"), 0);
	expect(25880, 2000, 1000, "198.18.0.10", 0);
}

static void
a_clock_that_was_ahead_does_not_hide_later_logins(void **state)
{
	const int64_t now = time(NULL), ahead = now + 86400 * 365;

	(void)state;
	assert_int_equal(last_use_login(last, 25880, now - 20, "198.18.0.10"),
	    0);
	assert_int_equal(last_use_login(last, 25880, ahead, "198.18.0.11"), 0);
	assert_int_equal(last_use_login(last, 25880, now - 10, "198.18.0.12"),
	    0);
	expect(25880, NOW, now - 10, "198.18.0.12", 0);
	expect(25880, now - 10, now - 20, "198.18.0.10", 0);
	/* Two of them. */
	assert_int_equal(last_use_login(last, 25881, ahead, "198.18.0.10"), 0);
	assert_int_equal(last_use_login(last, 25881, ahead + 1, "198.18.0.11"),
	    0);
	assert_int_equal(last_use_login(last, 25881, now, "198.18.0.12"), 0);
	expect(25881, NOW, now, "198.18.0.12", 0);
	expect(25881, now, 0, "", 0);
}

static void
the_node_stands_beside_the_logins(void **state)
{
	(void)state;
	assert_int_equal(last_use_enter(last, 25880, 124718), 0);
	assert_int_equal(last_use_login(last, 25880, 1000, "198.18.0.10"), 0);
	assert_int_equal(last_use_enter(last, 25880, 124719), 0);
	expect(25880, NOW, 1000, "198.18.0.10", 124719);
}

static void
accounts_keep_apart_up_to_the_last_one(void **state)
{
	static const uint32_t accounts[] = { 1, 65535, 65536, 65537,
		ACCOUNT_ID_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(
		    last_use_enter(last, accounts[i], (uint32_t)i + 1), 0);
	for (i = 0; i < 5; i++)
		expect(accounts[i], NOW, 0, "", (uint32_t)i + 1);
}

static void
another_guard_reads_what_this_one_wrote(void **state)
{
	(void)state;
	assert_int_equal(last_use_enter(last, 25880, 124718), 0);
	last_use_close(last);
	assert_int_equal(last_use_open(folder, &last), 0);
	expect(25880, NOW, 0, "", 124718);
}

static void
what_is_no_address_is_not_kept(void **state)
{
	(void)state;
	assert_int_equal(last_use_login(last, 25880, 1000, "UNKNOWN"),
	    ENS_E_SYNTAX);
	expect(25880, NOW, 0, "", 0);
}

static void
a_broken_row_is_not_told_and_begins_anew(void **state)
{
	char path[128];
	int fd;

	(void)state;
	assert_int_equal(last_use_login(last, 25880, 1000, "198.18.0.10"), 0);
	snprintf(path, sizeof(path), "%s/0000", folder);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "\377\377\377\377", 4, 25880 * 128L), 4);
	close(fd);
	assert_int_equal(last_use_find(last, 25880, NOW, NULL, NULL),
	    ENS_E_CORRUPT);
	assert_int_equal(last_use_login(last, 25880, 2000, "198.18.0.10"), 0);
	expect(25880, NOW, 2000, "198.18.0.10", 0);
}

static void
nobody_else_reads_the_files(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	assert_int_equal(last_use_enter(last, 25880, 1), 0);
	snprintf(path, sizeof(path), "%s/0000", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_without_a_past_has_none),
		TEST(the_login_before_this_one_is_told),
		TEST(the_longest_address_is_kept),
		TEST(a_login_that_is_told_again_is_the_same),
		TEST(a_clock_that_was_ahead_does_not_hide_later_logins),
		TEST(the_node_stands_beside_the_logins),
		TEST(accounts_keep_apart_up_to_the_last_one),
		TEST(another_guard_reads_what_this_one_wrote),
		TEST(what_is_no_address_is_not_kept),
		TEST(a_broken_row_is_not_told_and_begins_anew),
		TEST(nobody_else_reads_the_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
