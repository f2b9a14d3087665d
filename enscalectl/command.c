/* See command.h. Refuses to use a shell. */
#include <config.h>

#include "enscalectl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

#define SIGNALED 128

static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
static char language[] = "LC_ALL=C.UTF-8";
static char *const environment[] = { path, language, NULL };

/* Line by line, since text_printable() takes an end of line for a control. */
static void
keep_said(int fd, char ret_said[COMMAND_SAID_MAX])
{
	char raw[COMMAND_SAID_MAX], *line = raw, *rest;
	ssize_t n = pread(fd, raw, sizeof(raw) - 1, 0);
	size_t used = 0;

	raw[n > 0 ? n : 0] = '\0';
	ret_said[0] = '\0';
	while ((rest = strchr(line, '\n')) != NULL || *line != '\0') {
		if (rest != NULL)
			*rest = '\0';
		if (used > 0 && used < COMMAND_SAID_MAX - 1)
			ret_said[used++] = '\n';
		used += text_printable(line, ret_said + used,
		    COMMAND_SAID_MAX - used);
		if (rest == NULL)
			break;
		line = rest + 1;
	}
}

/* In the child: no signal is blocked, and nothing is read. */
static int
spawn(const char *const argv[], int said, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *const *words;
	sigset_t none;
	int r;

	/* posix_spawn() only reads them. */
	memcpy(&words, &argv, sizeof(words));
	sigemptyset(&none);
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		posix_spawnattr_setsigmask(&attributes, &none);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO,
		    "/dev/null", O_RDONLY, 0);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, said,
			    STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&actions, said,
			    STDERR_FILENO);
		if (r == 0)
			r = posix_spawn(ret_pid, argv[0], &actions, &attributes,
			    words, environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int
command_run(const char *const argv[], char ret_said[COMMAND_SAID_MAX])
{
	/* A file, not a pipe: then it does not matter who keeps it open. */
	AUTO_FD int said = memfd_create("said", MFD_CLOEXEC);
	pid_t pid;
	int r, status;

	if (said < 0)
		return -errno;
	r = spawn(argv, said, &pid);
	if (r != 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	keep_said(said, ret_said);
	return WIFSIGNALED(status) ? SIGNALED + WTERMSIG(status)
	                           : WEXITSTATUS(status);
}
