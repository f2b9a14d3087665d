/* The password file, and how long libldap waits; connections are opened in the
 * system tests. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openldap.h>

#include "common/base/errors.h"
#include "ldap/ldap_connection.h"

static char root[64];

static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static int
make(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "%s",
	    "/tmp/enscale-test-password-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(mkdir(path_of("creds"), 0700), 0);
	assert_int_equal(mkdir(path_of("creds/sub"), 0700), 0);
	assert_int_equal(mkdir(path_of("other"), 0700), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", path_of("creds"), 1),
	    0);
	return 0;
}

static int
unmake(void **state)
{
	char command[96];

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
	return 0;
}

static void
write_file(const char *name, mode_t mode, const char *text, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* want: 0 when it is read. */
static void
assert_mode(const char *name, mode_t mode, int want)
{
	char password[LDAP_PASSWORD_MAX] = "as before";

	write_file(name, mode, "secret\n", 7);
	assert_int_equal(ldap_password_read(path_of(name), password), want);
	assert_string_equal(password, want == 0 ? "secret" : "as before");
	assert_int_equal(unlink(path_of(name)), 0);
}

static void
a_file_of_ours_alone_is_read(void **state)
{
	(void)state;
	assert_mode("password", 0600, 0);
	assert_mode("password", 0400, 0);
}

static void
a_file_that_others_may_read_or_run_is_not(void **state)
{
	static const mode_t wrong[] = { 0440, 0640, 0604, 0620, 0700, 04600 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_mode("password", wrong[i], ENS_E_CONFIG);
}

static void
a_credential_may_have_a_group_that_reads(void **state)
{
	(void)state;
	assert_mode("creds/password", 0440, 0);
	assert_mode("creds/password", 0640, 0);
}

static void
a_credential_is_for_nobody_else(void **state)
{
	(void)state;
	assert_mode("creds/password", 0444, ENS_E_CONFIG);
	assert_mode("creds/password", 0460, ENS_E_CONFIG);
	assert_mode("creds/password", 0550, ENS_E_CONFIG);
}

static void
only_what_lies_right_in_the_folder_is_a_credential(void **state)
{
	(void)state;
	assert_mode("creds/sub/password", 0440, ENS_E_CONFIG);
	assert_mode("creds/../password", 0440, ENS_E_CONFIG);
	assert_mode("other/password", 0440, ENS_E_CONFIG);
	assert_mode("creds.password", 0440, ENS_E_CONFIG);
}

static void
without_credentials_there_is_no_such_folder(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_mode("creds/password", 0440, ENS_E_CONFIG);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "", 1), 0);
	assert_mode("creds/password", 0440, ENS_E_CONFIG);
}

static void
a_link_or_a_folder_is_no_password_file(void **state)
{
	char password[LDAP_PASSWORD_MAX], target[128];

	(void)state;
	write_file("password", 0600, "secret\n", 7);
	(void)snprintf(target, sizeof(target), "%s", path_of("password"));
	assert_int_equal(symlink(target, path_of("link")), 0);
	assert_int_equal(ldap_password_read(path_of("link"), password), -ELOOP);
	assert_int_equal(chmod(path_of("creds/sub"), 0600), 0);
	assert_int_equal(ldap_password_read(path_of("creds/sub"), password),
	    ENS_E_CONFIG);
	assert_int_equal(ldap_password_read(path_of("none"), password),
	    -ENOENT);
}

static void
a_file_of_somebody_else_is_not_read(void **state)
{
	char password[LDAP_PASSWORD_MAX];

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file("password", 0600, "secret\n", 7);
	assert_int_equal(chown(path_of("password"), 1, 1), 0);
	assert_int_equal(ldap_password_read(path_of("password"), password),
	    ENS_E_CONFIG);
}

static void
assert_text(const char *text, size_t len, int want, const char *password)
{
	char got[LDAP_PASSWORD_MAX] = "";

	write_file("password", 0600, text, len);
	assert_int_equal(ldap_password_read(path_of("password"), got), want);
	assert_string_equal(got, password);
	assert_int_equal(unlink(path_of("password")), 0);
}

static void
the_first_line_is_the_password(void **state)
{
	(void)state;
	assert_text("a b", 3, 0, "a b");
	assert_text("one\r\ntwo\n", 9, 0, "one");
	assert_text("", 0, ENS_E_CONFIG, "");
	assert_text("\nsecret\n", 8, ENS_E_CONFIG, "");
	assert_text("a\0b\n", 4, ENS_E_CONFIG, "");
}

static void
a_password_that_is_too_long_is_refused_and_not_cut(void **state)
{
	char text[LDAP_PASSWORD_MAX + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[LDAP_PASSWORD_MAX - 1] = '\0';
	assert_text(text, LDAP_PASSWORD_MAX - 1, 0, text);
	text[LDAP_PASSWORD_MAX - 1] = 'a';
	assert_text(text, LDAP_PASSWORD_MAX, ENS_E_LIMIT, "");
	assert_text(text, LDAP_PASSWORD_MAX + 1, ENS_E_LIMIT, "");
}

/* Of a server that never answers. Half a second has no whole one in it. */
static void
libldap_waits_as_long_as_it_is_told(void **state)
{
	struct timeval patience = ldap_connection_patience(500);
	LDAPMessage *result = NULL;
	struct timespec begin, end;
	struct berval password = { 0, NULL };
	int fds[2], message, code;
	LDAP *ld = NULL;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(ldap_init_fd(fds[0], LDAP_PROTO_IPC, NULL, &ld), 0);
	assert_int_equal(ldap_sasl_bind(ld, "", LDAP_SASL_SIMPLE, &password,
	                     NULL, NULL, &message),
	    0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	code = ldap_result(ld, message, LDAP_MSG_ALL, &patience, &result);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(code, 0);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 +
	        (end.tv_nsec - begin.tv_nsec) / 1000000 >=
	    450);
	ldap_connection_close(ld);
	close(fds[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_ours_alone_is_read),
		TEST(a_file_that_others_may_read_or_run_is_not),
		TEST(a_credential_may_have_a_group_that_reads),
		TEST(a_credential_is_for_nobody_else),
		TEST(only_what_lies_right_in_the_folder_is_a_credential),
		TEST(without_credentials_there_is_no_such_folder),
		TEST(a_link_or_a_folder_is_no_password_file),
		TEST(a_file_of_somebody_else_is_not_read),
		TEST(the_first_line_is_the_password),
		TEST(a_password_that_is_too_long_is_refused_and_not_cut),
		TEST(libldap_waits_as_long_as_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
