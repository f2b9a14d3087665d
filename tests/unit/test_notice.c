/*
 * What operators have said, as files: they are read as they were written, and
 * what is anything else is refused.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/errors.h"
#include "common/protocol/notice.h"

#define GOOD \
	"enscale-notice 1\nsince 1763850000\nuid 0\nby ada (root)\ntext Wait.\n"

static char folder[] = "/tmp/enscale-notice-XXXXXX";
static char path[sizeof(folder) + sizeof("/drain.new")];

static int
make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/drain", folder);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* nothing else was left */
}

static void
put(const char *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
what_was_written_is_read(void **state)
{
	const struct notice said = { .since = 1763850000,
		.uid = 1000,
		.by = "ada (root)",
		.text = "Maintenance until 14:00 UTC, \"perhaps\" é." };
	const struct notice silent = { .since = 1, .by = "root" };
	struct notice read;
	struct stat st;

	(void)state;
	assert_int_equal(notice_write(path, &said), 0);
	assert_int_equal(notice_read(path, &read), 0);
	assert_int_equal(read.since, said.since);
	assert_int_equal(read.uid, said.uid);
	assert_string_equal(read.by, said.by);
	assert_string_equal(read.text, said.text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(notice_write(path, &silent), 0);
	assert_int_equal(notice_read(path, &read), 0);
	assert_string_equal(read.text, "");
	assert_int_equal(notice_remove(path), 0);
	assert_int_equal(notice_read(path, &read), ENS_E_NOTFOUND);
	assert_int_equal(notice_remove(path), 0);
}

static void
a_file_that_was_cut_or_has_another_byte_is_no_notice(void **state)
{
	char text[] = GOOD;
	struct notice read;

	(void)state;
	put(text, strlen(text));
	assert_int_equal(notice_read(path, &read), 0);
	for (size_t len = 0; len < strlen(text); len++) {
		put(text, len);
		assert_true(notice_read(path, &read) < 0);
	}
	for (size_t at = 0; at < strlen(text); at++) {
		/* no UTF-8 any more, and no digit */
		text[at] = (char)(text[at] ^ 0x80);
		put(text, strlen(text));
		assert_true(notice_read(path, &read) < 0);
		text[at] = (char)(text[at] ^ 0x80);
	}
	put(text, sizeof(text)); /* a NUL behind it */
	assert_int_equal(notice_read(path, &read), ENS_E_CORRUPT);
	put("enscale-notice 2\n", 17);
	assert_int_equal(notice_read(path, &read), ENS_E_VERSION);
	put(GOOD GOOD, strlen(GOOD GOOD));
	assert_int_equal(notice_read(path, &read), ENS_E_CORRUPT);
}

static void
only_a_file_is_read(void **state)
{
	struct notice read;

	(void)state;
	put(GOOD, strlen(GOOD));
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(notice_read(path, &read), -ELOOP);
	unlink(path);
	/* It would wait for a writer. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(notice_read(path, &read), ENS_E_CORRUPT);
	unlink(path);
	assert_int_equal(notice_read("/nonexistent/drain", &read),
	    ENS_E_NOTFOUND);
}

static void
texts_are_short_and_can_be_shown(void **state)
{
	struct notice notice = { .since = 1, .by = "root" };
	char text[NOTICE_TEXT_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[NOTICE_TEXT_MAX + 1] = '\0';
	assert_false(notice_text_is_valid(text));
	text[NOTICE_TEXT_MAX] = '\0';
	assert_true(notice_text_is_valid(text));
	assert_true(notice_text_is_valid(""));
	assert_false(notice_text_is_valid("two\nlines"));
	assert_false(notice_text_is_valid("\033[31mred"));
	snprintf(notice.text, sizeof(notice.text), "two\nlines");
	assert_int_equal(notice_write(path, &notice), ENS_E_SYNTAX);
	assert_int_equal(notice_read(path, &notice), ENS_E_NOTFOUND);
}

static void
accounts_are_let_in_by_their_whole_number(void **state)
{
	(void)state;
	assert_true(notice_drain_allows("25880", 25880));
	assert_true(notice_drain_allows("21296, 25880", 25880));
	assert_true(notice_drain_allows(" 21296,,25880 ", 21296));
	assert_false(notice_drain_allows("", 25880));
	assert_false(notice_drain_allows("258801", 25880));
	assert_false(notice_drain_allows("2588, 125880", 25880));
	assert_false(notice_drain_allows("99999999999999", 25880));
	assert_false(notice_drain_allows("25880x", 25880));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(
		    a_file_that_was_cut_or_has_another_byte_is_no_notice),
		cmocka_unit_test(only_a_file_is_read),
		cmocka_unit_test(texts_are_short_and_can_be_shown),
		cmocka_unit_test(accounts_are_let_in_by_their_whole_number),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
