/* enscalectl sync: sends a request to the running enscale-sync. It changes
 * nothing by itself, and says so when enscale-sync is not running. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "enscalectl/verb.h"

/* It answers in the turns of its loop, which are short. */
#define ANSWER_SECONDS 10

static int
explain_error(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		complain("enscale-sync is not running: nothing is listening on "
		         "\"%s\"",
		    path);
		break;
	case -EACCES:
		complain("\"%s\": only root may ask enscale-sync", path);
		break;
	case -EAGAIN:
		complain("enscale-sync did not answer within %d seconds",
		    ANSWER_SECONDS);
		break;
	default:
		complain("\"%s\": %s", path, error_text(error));
		break;
	}
	return EXIT_CANNOT_TELL;
}

static int
ask(const struct context *context, const char *word)
{
	char path[CONFIG_PATH_MAX], answer[CONTROL_ANSWER_MAX + 1];
	AUTO_FD int fd = -1;
	ssize_t n;

	if (config_path(context->config.run_dir, CONFIG_SYNC_SOCKET, path) != 0)
		return EXIT_CANNOT_TELL;
	fd = local_socket_connect(path, SOCK_SEQPACKET, ANSWER_SECONDS);
	if (fd < 0)
		return explain_error(path, fd);
	if (send(fd, word, strlen(word), MSG_NOSIGNAL) < 0)
		return explain_error(path, -errno);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		return explain_error(path, n < 0 ? -errno : -EACCES);
	answer[n] = '\0';
	if (strncmp(answer, "yes ", 4) == 0) {
		puts(answer + 4);
		return EXIT_YES;
	}
	complain("%s", strncmp(answer, "no ", 3) == 0 ? answer + 3 : answer);
	return EXIT_NO;
}

bool
sync_is_running(const struct config *config)
{
	char path[CONFIG_PATH_MAX];
	AUTO_FD int fd = -1;

	if (config_path(config->run_dir, CONFIG_SYNC_SOCKET, path) != 0)
		return false;
	fd = local_socket_connect(path, SOCK_SEQPACKET, ANSWER_SECONDS);
	/* Who may not ask it knows no better. */
	return fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED);
}

int
sync_accept(const struct context *context, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? complain_usage("sync accept")
	                 : ask(context, "accept");
}

int
sync_refresh(const struct context *context, int argc, char **argv)
{
	(void)argv;
	return argc != 0 ? complain_usage("sync refresh")
	                 : ask(context, "refresh");
}
