#include <config.h>

#include "tests/unit/nss_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/enscale-nss-XXXXXX";
const uint32_t known[KNOWN] = { 21296, 25880, 30311, 40404 };

void
write_map(uint32_t uid_base, uint32_t flags)
{
	struct account_map_writer *writer = NULL;
	bool replaced;

	assert_int_equal(account_map_create(ENS_NSS_MAP_FILE, uid_base, flags,
	                     &writer, &replaced),
	    0);
	for (size_t i = 0; i < KNOWN; i++)
		assert_int_equal(account_map_set(writer, known[i], true), 0);
	account_map_writer_close(writer);
}

int
nss_fixture_make(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	write_map(BASE, 0);
	return 0;
}

int
nss_fixture_remove(void **state)
{
	(void)state;
	unlink(ENS_NSS_MAP_FILE);
	unlink(ENS_NSS_MAP_FILE ".lock");
	return chdir("/") != 0 ? -1 : rmdir(dir);
}

int
overwrite(off_t at, uint32_t value)
{
	int fd = open(ENS_NSS_MAP_FILE, O_WRONLY);
	ssize_t n = pwrite(fd, &value, sizeof(value), at);

	close(fd);
	return n == sizeof(value) ? 0 : -1;
}

void
in_a_child_of(const char *file, int (*test)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int line = test();

		if (line != 0)
			fprintf(stderr, "%s:%d: not so\n", file, line);
		_exit(line != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- asking ------------------------------------------------------------ */

void
ask_name(struct answer *answer, const char *name)
{
	answer->error = UNTOUCHED;
	errno = UNTOUCHED + 1;
	answer->status = _nss_enscale_getpwnam_r(name, &answer->pw,
	    answer->buffer, sizeof(answer->buffer), &answer->error);
	answer->errno_after = errno;
}

void
ask_uid(struct answer *answer, uid_t uid)
{
	answer->error = UNTOUCHED;
	errno = UNTOUCHED + 1;
	answer->status = _nss_enscale_getpwuid_r(uid, &answer->pw,
	    answer->buffer, sizeof(answer->buffer), &answer->error);
	answer->errno_after = errno;
}

bool
answered(const struct answer *answer, enum nss_status status, int error)
{
	return answer->status == status && answer->error == error &&
	    answer->errno_after == UNTOUCHED + 1;
}

bool
succeeded(const struct answer *answer)
{
	return answered(answer, NSS_STATUS_SUCCESS, UNTOUCHED);
}

bool
not_found(const struct answer *answer)
{
	return answered(answer, NSS_STATUS_NOTFOUND, ENOENT);
}

static bool
inside(const struct answer *answer, const char *text)
{
	return text >= answer->buffer &&
	    text + strlen(text) < answer->buffer + sizeof(answer->buffer);
}

bool
is_entry(const struct answer *answer, const char *name, uint32_t account)
{
	const struct passwd *pw = &answer->pw;

	return succeeded(answer) && strcmp(pw->pw_name, name) == 0 &&
	    strcmp(pw->pw_passwd, "*") == 0 && *pw->pw_gecos == '\0' &&
	    strcmp(pw->pw_dir, HOME) == 0 && strcmp(pw->pw_shell, SHELL) == 0 &&
	    pw->pw_uid == BASE + account && pw->pw_gid == BASE + account &&
	    inside(answer, pw->pw_name) && inside(answer, pw->pw_passwd) &&
	    inside(answer, pw->pw_gecos) && inside(answer, pw->pw_dir) &&
	    inside(answer, pw->pw_shell);
}
