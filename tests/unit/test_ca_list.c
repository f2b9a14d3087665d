/* Unit tests of enscalectl/ca_list. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscalectl/ca_list.h"

#define ONE \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"

static char folder[] = "/tmp/enscale-list-XXXXXX";
static char path[64], lock[64];

static struct ssh_key
key_of(const char *line)
{
	struct ssh_key key;

	assert_int_equal(ssh_key_parse(line, strlen(line), &key), 0);
	return key;
}

static int
add(const char *line)
{
	struct ssh_key key = key_of(line);

	return ca_list_add(path, &key);
}

static int
find(const char *line, struct ssh_key *ret_key)
{
	struct ssh_key key = key_of(line);
	uint8_t digest[SHA256_LEN];

	assert_int_equal(fingerprint_sha256(
	                     (struct bytes){ key.blob, key.blob_len }, digest),
	    0);
	return ca_list_find(path, digest, ret_key);
}

static void
write_file(const char *text)
{
	AUTO_FILE FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void
holds(const char *wanted)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	char text[1024];
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	assert_string_equal(text, wanted);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/list", folder);
	snprintf(lock, sizeof(lock), "%s/.lock", folder);
	return 0;
}

/* Fails, and so does the test, when a temporary file is left. */
static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(lock);
	return rmdir(folder);
}

static void
a_key_is_found_once_it_was_added(void **state)
{
	struct ssh_key key;

	(void)state;
	assert_int_equal(find(ONE, &key), ENS_E_NOTFOUND);
	assert_int_equal(add(ONE " a comment"), 0);
	assert_int_equal(find(ONE, &key), 0);
	assert_string_equal(key.comment, "a comment");
	assert_int_equal(find(OTHER, &key), ENS_E_NOTFOUND);
	assert_int_equal(add(OTHER), 0);
	assert_int_equal(find(OTHER, &key), 0);
	holds(ONE " a comment\n" OTHER "\n");
}

static void
a_key_is_on_the_list_once(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(add(ONE " a"), 0);
	assert_int_equal(add(ONE " b"), 0);
	holds(ONE " a\n");
}

static void
nodes_take_the_list_so_everybody_reads_it(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(add(ONE), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

/* What somebody wrote there by hand stays, and hides nothing. */
static void
other_lines_stay_as_they_are(void **state)
{
	struct ssh_key key;

	(void)state;
	write_file("# why\n\nnonsense\n" ONE);
	assert_int_equal(find(ONE, &key), 0);
	assert_int_equal(add(OTHER), 0);
	holds("# why\n\nnonsense\n" ONE "\n" OTHER "\n");
}

static void
a_list_that_cannot_be_finished_stays_as_it_was(void **state)
{
	char blocker[96];

	(void)state;
	write_file(ONE "\n");
	snprintf(blocker, sizeof(blocker), "%s.new", path);
	assert_int_equal(mkdir(blocker, 0700), 0);
	assert_int_equal(add(OTHER), -EISDIR);
	holds(ONE "\n");
	assert_int_equal(rmdir(blocker), 0);
}

/* Others may open the folder, and lock what they can open. */
static void
nobody_else_can_keep_a_key_from_being_added(void **state)
{
	AUTO_FD int theirs = open(folder, O_RDONLY | O_DIRECTORY);
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(flock(theirs, LOCK_EX), 0);
	assert_int_equal(add(ONE), 0);
	holds(ONE "\n");
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_file_of_one_key_is_read(void **state)
{
	struct ssh_key key;

	(void)state;
	write_file("# ED25519 SHA256:...\n" ONE " a\n");
	assert_int_equal(ca_list_read_only_key(path, &key), 0);
	assert_string_equal(key.comment, "a");
}

static void
a_file_of_no_key_or_of_two_is_refused(void **state)
{
	static const char *const texts[] = { "", "# none\n", "nonsense\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n", ONE "\n" OTHER "\n",
		ONE "\nnonsense\n" };
	struct ssh_key key;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(texts[i]);
		assert_int_equal(ca_list_read_only_key(path, &key),
		    ENS_E_KEY_FORMAT);
	}
	unlink(path);
	assert_int_equal(ca_list_read_only_key(path, &key), -ENOENT);
}

static void
a_line_without_an_end_is_not_read_to_its_end(void **state)
{
	AUTO_FREE char *line = malloc(KEY_LINE_MAX + 4);
	struct ssh_key key;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', KEY_LINE_MAX + 3);
	line[KEY_LINE_MAX + 3] = '\0';
	write_file(line);
	assert_int_equal(ca_list_read_only_key(path, &key), ENS_E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_once_it_was_added),
		cmocka_unit_test(a_key_is_on_the_list_once),
		cmocka_unit_test(nodes_take_the_list_so_everybody_reads_it),
		cmocka_unit_test(other_lines_stay_as_they_are),
		cmocka_unit_test(
		    a_list_that_cannot_be_finished_stays_as_it_was),
		cmocka_unit_test(nobody_else_can_keep_a_key_from_being_added),
		cmocka_unit_test(a_file_of_one_key_is_read),
		cmocka_unit_test(a_file_of_no_key_or_of_two_is_refused),
		cmocka_unit_test(a_line_without_an_end_is_not_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
