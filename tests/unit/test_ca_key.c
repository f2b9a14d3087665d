/* Unit tests of enscalectl/ca_key; ssh-keygen judges what it makes. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
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
#include "enscalectl/ca_key.h"

static char folder[] = "/tmp/enscale-ca-XXXXXX";
static char path[64], public_path[128];
static const struct file_owner mine = { (uid_t)-1, (gid_t)-1, 0400 };

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/ca/key", folder);
	snprintf(public_path, sizeof(public_path), "%s.pub", path);
	return 0;
}

static int
remove_files(void **state)
{
	char ca[128];

	(void)state;
	unlink(path);
	unlink(public_path);
	snprintf(ca, sizeof(ca), "%s/ca", folder);
	/* Fails, and so does the test, when a temporary file is left. */
	return rmdir(ca) != 0 && errno != ENOENT;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int
create(void)
{
	return ca_key_create(path, &mine, "enscale-ca@test");
}

/* The first line of a command's output. */
static void
run(const char *command, char line[512])
{
	FILE *pipe = popen(command, "r");

	assert_non_null(pipe);
	if (fgets(line, 512, pipe) == NULL)
		line[0] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static char *
read_file(const char *name)
{
	AUTO_FILE FILE *file = fopen(name, "re");
	char *text = calloc(1, 4096);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 4095, file) > 0);
	return text;
}

static void
ssh_keygen_takes_the_public_key(void **state)
{
	char command[256], line[512];

	(void)state;
	assert_int_equal(create(), 0);
	snprintf(command, sizeof(command), "ssh-keygen -l -f %s", public_path);
	run(command, line);
	assert_int_equal(strncmp(line, "256 SHA256:", 11), 0);
	assert_non_null(strstr(line, " enscale-ca@test (ED25519)\n"));
}

static void
the_private_key_is_its_owners_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(create(), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(stat(public_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void
the_private_key_is_whose_it_is_said_to_be(void **state)
{
	const struct file_owner owner = { 0, 4711, 0440 };
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(ca_key_create(path, &owner, "c"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 4711);
	assert_int_equal(st.st_mode & 07777, 0440);
	assert_int_equal(stat(public_path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
}

static void
the_private_key_is_pkcs8(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(create(), 0);
	text = read_file(path);
	assert_int_equal(strncmp(text, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
}

static void
a_key_is_never_replaced(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL;

	(void)state;
	assert_int_equal(create(), 0);
	before = read_file(path);
	assert_int_equal(create(), -EEXIST);
	assert_int_equal(unlink(public_path), 0);
	assert_int_equal(create(), -EEXIST);
	after = read_file(path);
	assert_string_equal(before, after);
}

static void
a_public_key_that_nodes_may_trust_is_not_replaced(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL;

	(void)state;
	assert_int_equal(create(), 0);
	before = read_file(public_path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(create(), -EEXIST);
	after = read_file(public_path);
	assert_string_equal(before, after);
	assert_int_equal(access(path, F_OK), -1);
}

static void
the_two_files_belong_together(void **state)
{
	struct ssh_key key, other;
	char moved[160];

	(void)state;
	assert_int_equal(create(), 0);
	assert_int_equal(ca_key_read_public(path, &key), 0);
	assert_string_equal(key.comment, "enscale-ca@test");
	assert_int_equal(ca_key_check_pair(path, &key), 0);
	/* Another key in its place is noticed. */
	snprintf(moved, sizeof(moved), "%s.old", path);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(unlink(public_path), 0);
	assert_int_equal(create(), 0);
	assert_int_equal(ca_key_read_public(path, &other), 0);
	assert_int_equal(ca_key_check_pair(moved, &other), ENS_E_CORRUPT);
	assert_int_equal(ca_key_check_pair(moved, &key), 0);
	assert_int_equal(unlink(moved), 0);
	assert_int_equal(ca_key_check_pair(moved, &key), -ENOENT);
}

static void
a_key_is_restored_from_a_copy(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL;
	struct ssh_key key, restored;
	char copy[160];

	(void)state;
	assert_int_equal(create(), 0);
	before = read_file(path);
	assert_int_equal(ca_key_read_public(path, &key), 0);
	snprintf(copy, sizeof(copy), "%s/copy", folder);
	assert_int_equal(rename(path, copy), 0);
	/* A public key that is there may be of another one. */
	assert_int_equal(ca_key_restore(path, copy, &mine, "c"), -EEXIST);
	assert_int_equal(unlink(public_path), 0);
	assert_int_equal(ca_key_check(copy), 0);
	assert_int_equal(ca_key_restore(path, copy, &mine, "c"), 0);
	after = read_file(path);
	assert_string_equal(before, after);
	assert_int_equal(ca_key_read_public(path, &restored), 0);
	assert_int_equal(key.blob_len, restored.blob_len);
	assert_memory_equal(key.blob, restored.blob, key.blob_len);
	assert_int_equal(ca_key_same(path, copy), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(public_path), 0);
	assert_int_equal(create(), 0);
	assert_int_equal(ca_key_same(path, copy), ENS_E_CORRUPT);
	assert_int_equal(unlink(copy), 0);
	assert_int_equal(ca_key_restore(path, copy, &mine, "c"), -ENOENT);
}

/* Of another kind, or with a passphrase, which nobody is asked for. */
static void
nothing_else_is_restored(void **state)
{
	static const char *const commands[] = {
		"openssl genpkey -algorithm X25519 -out $f",
		"openssl genpkey -algorithm ED25519 -aes256 -pass pass:x -out $f",
		"rm $f; ssh-keygen -q -t ed25519 -N '' -f $f; rm $f.pub",
		"echo >$f",
	};
	char other[160], command[512];
	size_t i;

	(void)state;
	snprintf(other, sizeof(other), "%s/other", folder);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(command, sizeof(command), "f=%s; %s", other,
		    commands[i]);
		assert_int_equal(system(command), 0);
		assert_int_equal(ca_key_check(other), ENS_E_KEY_FORMAT);
		assert_int_equal(ca_key_restore(path, other, &mine, "c"),
		    ENS_E_KEY_FORMAT);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(unlink(other), 0);
}

static void
a_missing_folder_above_is_an_error(void **state)
{
	char far[160];

	(void)state;
	snprintf(far, sizeof(far), "%s/no/such/key", folder);
	assert_int_equal(ca_key_create(far, &mine, "c"), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, remove_files)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ssh_keygen_takes_the_public_key),
		TEST(the_private_key_is_its_owners_alone),
		TEST(the_private_key_is_whose_it_is_said_to_be),
		TEST(the_private_key_is_pkcs8),
		TEST(a_key_is_never_replaced),
		TEST(a_public_key_that_nodes_may_trust_is_not_replaced),
		TEST(the_two_files_belong_together),
		TEST(a_key_is_restored_from_a_copy),
		TEST(nothing_else_is_restored),
		TEST(a_missing_folder_above_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
