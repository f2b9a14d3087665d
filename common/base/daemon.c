/* What our daemons have in common. See daemon.h. It refuses a socket that is
 * not the one asked for: of another path or kind, or one that does not listen. */
#include <config.h>

#include "common/base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <systemd/sd-daemon.h>

#include "common/base/arguments.h"
#include "common/base/cleanup.h"
#include "common/base/local_socket.h"

int
daemon_read_arguments(const char *name, int argc, char **argv,
    struct daemon_arguments *ret_arguments)
{
	struct daemon_arguments arguments = { .config = ENS_CONFIG_FILE };
	const struct argument options[] = {
		{ .letter = 'f',
		    .name = "config",
		    .value = "FILE",
		    .help = "read this configuration, not " ENS_CONFIG_FILE,
		    .ret_text = &arguments.config },
		{ .letter = 't',
		    .name = "check",
		    .help = "say what is wrong with the configuration, and end",
		    .ret_given = &arguments.only_check },
	};
	const struct arguments program = {
		.name = name,
		.synopsis = "[-t] [-f FILE]",
		.options = options,
		.option_count = sizeof(options) / sizeof(options[0]),
	};
	int words, code = arguments_parse(&program, argc, argv, &words);

	if (code == ARGUMENTS_GO_ON)
		*ret_arguments = arguments;
	return code;
}

/* Its descriptor, which sd_listen_fds() has made close-on-exec; -1: none. */
static int
handed_over(const char *path)
{
	int count = sd_listen_fds(0);

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count;
	     fd++)
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
			return fd;
	return -1;
}

int
daemon_listen(const char *path, mode_t mode, int backlog)
{
	AUTO_FD int fd = handed_over(path);

	if (fd < 0)
		fd = local_socket_bind(path, SOCK_STREAM, mode);
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (fd < 0)
		return fd;
	/* Again, where systemd has done so: whoever connects finds our pid and
	 * uid at the other end (SO_PEERCRED). */
	if (listen(fd, backlog) < 0)
		return -errno;
	return TAKE_FD(fd);
}
