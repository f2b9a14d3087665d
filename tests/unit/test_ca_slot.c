/* Unit tests of enscalectl/ca_slot. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "enscalectl/ca_slot.h"

static char folder[] = "/tmp/enscale-slot-XXXXXX";
static char ca[64];

static void
make(enum ca_slot slot)
{
	const struct file_owner mine = { (uid_t)-1, (gid_t)-1, 0400 };
	char path[CONFIG_PATH_MAX];

	assert_int_equal(ca_slot_path(ca, slot, path), 0);
	assert_int_equal(ca_key_create(path, &mine, "test"), 0);
}

static void
blob(enum ca_slot slot, struct ssh_key *ret_key)
{
	char path[CONFIG_PATH_MAX];

	assert_int_equal(ca_slot_path(ca, slot, path), 0);
	assert_int_equal(ca_key_read_public(path, ret_key), 0);
	assert_int_equal(ca_key_check_pair(path, ret_key), 0);
}

static bool
same(const struct ssh_key *a, const struct ssh_key *b)
{
	return a->blob_len == b->blob_len &&
	    memcmp(a->blob, b->blob, a->blob_len) == 0;
}

static int
make_current(void **state)
{
	(void)state;
	make(CA_CURRENT);
	return 0;
}

static int
clear(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -f %s/*", folder);
	return system(command);
}

static void
the_next_key_takes_the_place_of_the_current_one(void **state)
{
	struct ssh_key current, next, now;

	(void)state;
	make(CA_NEXT);
	blob(CA_CURRENT, &current);
	blob(CA_NEXT, &next);
	assert_int_equal(ca_slot_switch(ca), 0);
	blob(CA_CURRENT, &now);
	assert_true(same(&now, &next));
	blob(CA_PREVIOUS, &now);
	assert_true(same(&now, &current));
	assert_false(ca_slot_exists(ca, CA_NEXT));
}

static void
without_a_next_key_nothing_is_switched(void **state)
{
	(void)state;
	assert_int_equal(ca_slot_switch(ca), -ENOENT);
	assert_true(ca_slot_exists(ca, CA_CURRENT));
	assert_false(ca_slot_exists(ca, CA_PREVIOUS));
}

/* The steps of a switch, in order; what was done before a kill is given. */
static void
a_switch_that_was_cut_off_anywhere_is_finished(void **state)
{
	static const char *const steps[] = {
		"ln ca ca.previous",
		"mv ca.next ca",
		"ln ca.pub ca.previous.pub",
	};
	static struct ssh_key current, next, now;
	char command[512];
	size_t done, i;

	for (done = 1; done <= 3; done++) {
		make(CA_NEXT);
		blob(CA_CURRENT, &current);
		blob(CA_NEXT, &next);
		for (i = 0; i < done; i++) {
			snprintf(command, sizeof(command), "cd %s && %s",
			    folder, steps[i]);
			assert_int_equal(system(command), 0);
		}
		assert_int_equal(ca_slot_switch(ca), 0);
		blob(CA_CURRENT, &now);
		assert_true(same(&now, &next));
		blob(CA_PREVIOUS, &now);
		assert_true(same(&now, &current));
		clear(state);
		make(CA_CURRENT);
	}
}

static void
a_stranger_in_the_place_of_the_previous_key_is_not_replaced(void **state)
{
	struct ssh_key current, now;

	(void)state;
	make(CA_NEXT);
	make(CA_PREVIOUS);
	blob(CA_CURRENT, &current);
	assert_int_equal(ca_slot_switch(ca), -EEXIST);
	blob(CA_CURRENT, &now);
	assert_true(same(&now, &current));
}

/* As a kill leaves it while the next key is made, or is taken away. */
static void
a_key_without_its_public_one_does_not_become_current(void **state)
{
	static const char *const lost[] = { "ca.next.pub", "ca.next" };
	struct ssh_key current, now;
	char command[128];
	size_t i;

	(void)state;
	blob(CA_CURRENT, &current);
	for (i = 0; i < 2; i++) {
		make(CA_NEXT);
		assert_false(ca_slot_is_unfinished(ca, CA_NEXT));
		snprintf(command, sizeof(command), "rm %s/%s", folder, lost[i]);
		assert_int_equal(system(command), 0);
		assert_int_equal(ca_slot_is_unfinished(ca, CA_NEXT), i == 0);
		assert_int_equal(ca_slot_switch(ca), ENS_E_CORRUPT);
		blob(CA_CURRENT, &now);
		assert_true(same(&now, &current));
		assert_false(ca_slot_exists(ca, CA_PREVIOUS));
		assert_int_equal(ca_slot_delete(ca, CA_NEXT), 0);
	}
}

static void
the_current_key_is_never_deleted(void **state)
{
	(void)state;
	assert_int_equal(ca_slot_delete(ca, CA_CURRENT), -EPERM);
	assert_true(ca_slot_exists(ca, CA_CURRENT));
	make(CA_PREVIOUS);
	assert_int_equal(ca_slot_delete(ca, CA_PREVIOUS), 0);
	assert_false(ca_slot_exists(ca, CA_PREVIOUS));
	assert_int_equal(ca_slot_delete(ca, CA_PREVIOUS), 0);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(ca, sizeof(ca), "%s/ca", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_current, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_key_takes_the_place_of_the_current_one),
		TEST(without_a_next_key_nothing_is_switched),
		TEST(a_switch_that_was_cut_off_anywhere_is_finished),
		TEST(
		    a_stranger_in_the_place_of_the_previous_key_is_not_replaced),
		TEST(a_key_without_its_public_one_does_not_become_current),
		TEST(the_current_key_is_never_deleted),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
