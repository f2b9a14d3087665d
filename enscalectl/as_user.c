/* See as_user.h. */
#include <config.h>

#include "enscalectl/as_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/write_all.h"

int
as_user_find(const char *name, struct as_user *ret_user)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return ENS_E_NOTFOUND;
	*ret_user = (struct as_user){ name, user->pw_uid, user->pw_gid };
	return 0;
}

static int
become(const struct as_user *user)
{
	int r;

	if (user == NULL)
		return 0;
	r = user->name != NULL ? initgroups(user->name, user->gid)
	                       : setgroups(0, NULL);
	if (r != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
		return -errno;
	return 0;
}

static bool
receive_all(int fd, void *data, size_t size)
{
	char *at = data;
	ssize_t n;

	while (size > 0) {
		n = read(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

/* 0, or why it did not come to an answer. */
static int
receive(int fd, void *answer, size_t size)
{
	AUTO_FREE void *whole = malloc(size);
	int r;

	if (whole == NULL)
		return -ENOMEM;
	if (!receive_all(fd, &r, sizeof(r)))
		return -EPIPE;
	if (r == 0 && !receive_all(fd, whole, size))
		return -EPIPE;
	if (r == 0)
		memcpy(answer, whole, size);
	return r;
}

int
as_user_ask(const struct as_user *user, unsigned seconds,
    void (*ask)(const void *arg, void *answer), const void *arg, void *answer,
    size_t size)
{
	int ends[2], r, status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	child = fork();
	if (child == 0) {
		(void)signal(SIGALRM, SIG_DFL);
		(void)alarm(seconds);
		r = become(user);
		if (r == 0)
			ask(arg, answer);
		_exit(write_all(ends[1], &r, sizeof(r)) != 0 ||
		    (r == 0 && write_all(ends[1], answer, size) != 0));
	}
	r = child < 0 ? -errno : 0;
	close(ends[1]);
	if (r == 0)
		r = receive(ends[0], answer, size);
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return r == -EPIPE && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
	    ? -ETIMEDOUT
	    : r;
}
