/* See node_host.h. Refuses to pass an unquoted word to a shell. */
#include <config.h>

#include "enscalectl/node_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

#define SIGNALED 128
/* What ssh is told beside the administrator's own options and target. */
#define ARGUMENTS_MAX (2 * NODE_HOST_OPTIONS_MAX + 32)

/* ---- programs of this host ---------------------------------------------- */

static int
plug(posix_spawn_file_actions_t *actions, int in, int out)
{
	int r = in >= 0
	    ? posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO)
	    : posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
	          "/dev/null", O_RDONLY, 0);

	if (r == 0 && out >= 0)
		r = posix_spawn_file_actions_adddup2(actions, out,
		    STDOUT_FILENO);
	return r;
}

/* The child is interrupted as any other, whatever its parent ignores. */
static int
spawn(const char *const argv[], int in, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *const *words;
	sigset_t usual;
	int r;

	memcpy(&words, &argv, sizeof(words)); /* they are only read */
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGQUIT);
	sigaddset(&usual, SIGPIPE);
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		posix_spawnattr_setsigdefault(&attributes, &usual);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
		r = plug(&actions, in, out);
		if (r == 0)
			r = posix_spawnp(ret_pid, argv[0], &actions,
			    &attributes, words, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int
node_host_run_here(const char *const argv[], int in, int out)
{
	int r, status;
	pid_t pid;

	fflush(stdout); /* in turn with what it says */
	r = spawn(argv, in, out, &pid);
	if (r != 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? SIGNALED + WTERMSIG(status)
	                           : WEXITSTATUS(status);
}

int
node_host_read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = pread(fd, buf + len, size - len, (off_t)len);
		if (n < 0)
			return -errno;
		if (n == 0) {
			buf[len] = '\0';
			return 0;
		}
		len += (size_t)n;
	}
	return ENS_E_LIMIT;
}

/* ---- by ssh ------------------------------------------------------------- */

struct arguments {
	const char *words[ARGUMENTS_MAX];
	unsigned count;
};

static void
add(struct arguments *arguments, const char *word)
{
	if (arguments->count < ARGUMENTS_MAX - 1)
		arguments->words[arguments->count++] = word;
}

static void
add_option(struct arguments *arguments, const char *option)
{
	add(arguments, "-o");
	add(arguments, option);
}

/* The first value of an option counts: these come before the administrator's. */
static void
begin(const struct node_host *host, struct arguments *arguments)
{
	static const char *const fixed[] = { "ClearAllForwardings=yes",
		"ForwardAgent=no", "ForwardX11=no", "RequestTTY=no",
		"PermitLocalCommand=no", "RemoteCommand=none",
		"ControlPersist=60" };
	unsigned i;

	add(arguments, "ssh");
	add(arguments, "-S");
	add(arguments, host->socket);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		add_option(arguments, fixed[i]);
}

static void
begin_login(const struct node_host *host, struct arguments *arguments)
{
	unsigned i;

	begin(host, arguments);
	for (i = 0; i < host->option_count; i++)
		add_option(arguments, host->options[i]);
	if (host->port != NULL) {
		add(arguments, "-p");
		add(arguments, host->port);
	}
	if (strchr(host->target, '@') == NULL) {
		add(arguments, "-l");
		add(arguments, "root");
	}
}

/* Through the connection that is there, or not at all. */
static void
begin_within(const struct node_host *host, struct arguments *arguments)
{
	begin(host, arguments);
	add_option(arguments, "ProxyCommand=false");
	add(arguments, "-q");
}

static void
end(const struct node_host *host, struct arguments *arguments,
    const char *command)
{
	add(arguments, "--");
	add(arguments, host->target);
	if (command != NULL)
		add(arguments, command);
}

int
node_host_open(struct node_host *host)
{
	struct arguments arguments = { .count = 0 };
	int r;

	begin_login(host, &arguments);
	add(&arguments, "-M");
	add(&arguments, "-N");
	add(&arguments, "-f");
	end(host, &arguments, NULL);
	r = node_host_run_here(arguments.words, -1, -1);
	host->is_open = r == 0;
	return r;
}

void
node_host_close(struct node_host *host)
{
	struct arguments arguments = { .count = 0 };

	if (!host->is_open)
		return;
	begin_within(host, &arguments);
	add(&arguments, "-O");
	add(&arguments, "exit");
	end(host, &arguments, NULL);
	(void)node_host_run_here(arguments.words, -1, -1);
	host->is_open = false;
}

/* As sh, and every shell that root may have, takes it for one word. */
static void
quote(FILE *out, const char *word)
{
	putc(' ', out);
	putc('\'', out);
	for (; *word != '\0'; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	putc('\'', out);
}

static int
make_command(const char *script, const char *const words[], char **ret_command)
{
	size_t len;
	FILE *out = open_memstream(ret_command, &len);

	if (out == NULL)
		return -ENOMEM;
	fputs("exec /bin/sh -euc", out);
	quote(out, script);
	quote(out, "enrol");
	for (; *words != NULL; words++)
		quote(out, *words);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int
node_host_run(const struct node_host *host, const char *script,
    const char *const words[], int in, int out)
{
	struct arguments arguments = { .count = 0 };
	AUTO_FREE char *command = NULL;
	int r = make_command(script, words, &command);

	if (r != 0)
		return r;
	begin_within(host, &arguments);
	end(host, &arguments, command);
	return node_host_run_here(arguments.words, in, out);
}

int
node_host_ask(const struct node_host *host, const char *script,
    const char *const words[], int in, char *ret_said)
{
	AUTO_FD int said = memfd_create("said", MFD_CLOEXEC);
	int r, code;

	if (said < 0)
		return -errno;
	code = node_host_run(host, script, words, in, said);
	if (code < 0)
		return code;
	r = node_host_read_all(said, ret_said, NODE_HOST_SAID_MAX);
	return r != 0 ? r : code;
}
