/* The state until it is durable: its name, its child, a disk that refuses. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sync_fixture.h"

#define SUFFIX        "dc=enscale,dc=com"
#define ACCOUNT_DN(n) "enscaleAccountId=" n ",ou=accounts," SUFFIX
#define ACCOUNT(n)    "objectClass: enscaleAccount\nenscaleAccountId: " n "\n"

static struct sync_fixture f;

static int
make(void **state)
{
	(void)state;
	sync_fixture_make(&f);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	sync_fixture_free(&f);
	return 0;
}

/*
 * A disk that refuses: instead of libc's, for the state and for LMDB. In the
 * child (which has the file as its fourth descriptor), for the folder, for the
 * mapping, and when the file gets its name.
 */
static enum refusal {
	NOTHING,
	THE_CHILD,
	THE_CHILDS_LIFE,
	THE_FOLDER,
	THE_MAPPING,
	THE_NAME,
} refused;

int
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (refused == THE_CHILDS_LIFE && S_ISREG(st.st_mode))
		_exit(1);
	if ((refused == THE_CHILD && S_ISREG(st.st_mode)) ||
	    (refused == THE_FOLDER && S_ISDIR(st.st_mode))) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* LMDB has to see it, in a library of its own. */
__attribute__((visibility("default"))) int
msync(void *at, size_t len, int flags)
{
	if (refused == THE_MAPPING) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_msync, at, len, flags);
}

int
rename(const char *from, const char *to)
{
	if (refused == THE_NAME) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_rename, from, to);
}

/* Until a child has written the file. */
static void
settle(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	assert_false(state_is_settled(f.state));
	for (int i = 0; i < 10000 && !state_is_settled(f.state); i++) {
		assert_int_equal(state_settle(f.state), 0);
		(void)nanosleep(&pause, NULL);
	}
	assert_true(state_is_settled(f.state));
}

static const char *
path_of(const char *name)
{
	static char path[sizeof(f.folder) + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", f.folder, name);
	return path;
}

/* ---- tests ------------------------------------------------------------- */

static void
a_first_refresh_that_was_not_completed_is_forgotten(void **state)
{
	struct stat st;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, f.folder);
	sync_put(&f, 1, ACCOUNT_DN("25880"), ACCOUNT("25880"));
	assert_int_equal(stat(path, &st), -1);
	sync_fixture_reopen(&f);
	assert_int_equal(state_entry_count(f.state), 0);
	sync_put(&f, 1, ACCOUNT_DN("25880"), ACCOUNT("25880"));
	sync_complete(&f);
	settle();
	assert_int_equal(stat(path, &st), 0);
	/* And goes on under the same name. */
	sync_put(&f, 2, ACCOUNT_DN("2"), ACCOUNT("2"));
	sync_fixture_reopen(&f);
	assert_int_equal(state_entry_count(f.state), 2);
}

static void
the_state_is_readable_by_its_owner_only(void **state)
{
	struct stat st;
	char path[128];

	(void)state;
	sync_complete(&f);
	settle();
	(void)snprintf(path, sizeof(path), "%s/" STATE_FILE, f.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
what_was_built_has_its_name_and_no_room_to_spare(void **state)
{
	struct stat st;

	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	assert_int_equal(state_settle(f.state), 0);
	assert_int_equal(access(path_of(STATE_FILE), F_OK), -1);
	sync_complete(&f);
	assert_int_equal(access(path_of(STATE_FILE), F_OK), -1);
	settle();
	assert_int_equal(stat(path_of(STATE_FILE), &st), 0);
	assert_int_equal(st.st_size, state_bytes(f.state));
	assert_true(st.st_size < 1 << 20);
	assert_int_equal(access(path_of(STATE_FILE ".new"), F_OK), -1);
	/* It is the same to whoever goes on with it. */
	sync_put(&f, 2, ACCOUNT_DN("2"), ACCOUNT("2"));
	assert_int_equal(state_entry_count(f.state), 2);
}

static void
what_changes_before_the_state_has_its_name_is_in_it(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	assert_int_equal(state_settle(f.state), 0); /* a child is at it */
	sync_put(&f, 2, ACCOUNT_DN("2"), ACCOUNT("2"));
	settle();
	sync_put(&f, 3, ACCOUNT_DN("3"), ACCOUNT("3"));
	sync_fixture_reopen(&f);
	assert_int_equal(state_entry_count(f.state), 3);
}

static void
no_state_gets_its_name_within_a_transaction(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	assert_int_equal(state_begin_write(f.state), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(state_settle(f.state), 0);
	assert_false(state_is_settled(f.state));
	assert_int_equal(state_commit(f.state), 0);
	settle();
}

static void
who_ends_while_the_state_is_written_keeps_it(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	assert_int_equal(state_settle(f.state), 0);
	sync_fixture_reopen(&f);
	assert_int_equal(access(path_of(STATE_FILE), F_OK), 0);
	assert_int_equal(state_entry_count(f.state), 1);
	assert_false(state_is_new(f.state));
}

/* Whatever it is: nothing is filed any more, nothing gets the name, and who
 * begins again asks anew. */
static void
a_disk_that_refuses_once_is_not_believed_again(void **state)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	enum refusal was;
	bool kept;

	(void)state;
	for (refused = THE_CHILD; refused <= THE_NAME; refused++) {
		int r = 0;

		if (refused == THE_CHILDS_LIFE)
			continue;
		sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
		sync_complete(&f);
		for (int i = 0; i < 10000 && r == 0; i++) {
			r = state_settle(f.state);
			(void)nanosleep(&pause, NULL);
		}
		assert_int_equal(r, -EIO);
		assert_true(state_is_stuck(f.state));
		/* Now the disk says that all is well. */
		kept = refused == THE_FOLDER;
		was = refused;
		refused = NOTHING;
		assert_int_equal(state_settle(f.state), 0);
		assert_int_equal(access(path_of(STATE_FILE), F_OK),
		    kept ? 0 : -1);
		sync_fixture_reopen(&f);
		/* In that case it was all written before it had its name. */
		assert_int_equal(state_entry_count(f.state), kept ? 1 : 0);
		assert_int_equal(state_discard(f.state), 0);
		sync_fixture_reopen(&f);
		refused = was;
	}
	refused = NOTHING;
}

static void
a_child_that_dies_leaves_its_work_to_us(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	refused = THE_CHILDS_LIFE;
	assert_int_equal(state_settle(f.state), 0); /* it begins */
	refused = NOTHING;
	settle();
	sync_fixture_reopen(&f);
	assert_int_equal(state_entry_count(f.state), 1);
}

static void
discard_and_begin_anew(void)
{
	assert_int_equal(state_discard(f.state), 0);
	assert_int_equal(state_discard(f.state), 0);
	sync_fixture_reopen(&f);
	assert_int_equal(state_entry_count(f.state), 0);
	assert_true(state_is_new(f.state));
}

static void
a_discarded_state_begins_anew(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	settle();
	discard_and_begin_anew();
}

static void
so_does_one_that_has_not_its_name_yet(void **state)
{
	(void)state;
	sync_put(&f, 1, ACCOUNT_DN("1"), ACCOUNT("1"));
	sync_complete(&f);
	assert_int_equal(state_settle(f.state), 0);
	discard_and_begin_anew();
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(a_first_refresh_that_was_not_completed_is_forgotten),
		TEST(the_state_is_readable_by_its_owner_only),
		TEST(what_was_built_has_its_name_and_no_room_to_spare),
		TEST(what_changes_before_the_state_has_its_name_is_in_it),
		TEST(no_state_gets_its_name_within_a_transaction),
		TEST(who_ends_while_the_state_is_written_keeps_it),
		TEST(a_disk_that_refuses_once_is_not_believed_again),
		TEST(a_child_that_dies_leaves_its_work_to_us),
		TEST(a_discarded_state_begins_anew),
		TEST(so_does_one_that_has_not_its_name_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
