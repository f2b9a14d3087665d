/* What is said when the follower cannot write (enscale_sync/follow_write.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "tests/unit/follow_fixture.h"

static void
assert_said(int error, const char *text)
{
	char wanted[CONFIG_VALUE_MAX + 256];

	snprintf(wanted, sizeof(wanted), "cannot write below \"%s\": %s",
	    config.state_dir, text);
	assert_string_equal(follow_error_text(follow, error), wanted);
}

static void
a_full_disk_is_named_with_what_will_happen(void **state)
{
	(void)state;
	assert_said(-ENOSPC,
	    "No space left on device; it will go on by itself "
	    "when there is room");
	assert_said(-EDQUOT,
	    "Disk quota exceeded; it will go on by itself "
	    "when there is room");
}

static void
a_disk_that_takes_nothing_is_named_without_a_promise(void **state)
{
	(void)state;
	assert_said(-EROFS, "Read-only file system");
	assert_said(-EIO, "Input/output error");
}

static void
any_other_error_blames_no_disk(void **state)
{
	static const int errors[] = { ENS_E_LIMIT, ENS_E_SYNTAX, -ENOMEM };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		assert_string_equal(follow_error_text(follow, errors[i]),
		    error_text(errors[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOW_TEST(a_full_disk_is_named_with_what_will_happen),
		FOLLOW_TEST(
		    a_disk_that_takes_nothing_is_named_without_a_promise),
		FOLLOW_TEST(any_other_error_blames_no_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
