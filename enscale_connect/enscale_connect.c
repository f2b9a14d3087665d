/*
 * enscale-connect: opens the TCP connection of a hop and hands it to ssh
 * (ProxyUseFdpass), with TCP_NODELAY from its first byte: ssh sets that only
 * when it is authenticated, and until then the small messages of a key
 * exchange wait 40 ms for each other, three times.
 *
 * The node's sshd waits likewise: without a terminal its second small message,
 * such as the end of a command, is kept until the first is acknowledged, which
 * takes 40 ms. Linux 6.15 can be told to acknowledge sooner.
 *
 * ssh runs a proxy command as $SHELL -c "exec COMMAND". This program is the
 * shell of a hop's ssh, so that no shell is needed or available:
 *
 *	enscale-connect -c "exec ADDRESS PORT SECONDS LOG"
 *
 * It refuses everything that is not exactly this. LOG gets the reason of a
 * failure, in ssh's own words.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/arguments.h"
#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/names/login_name.h"

#define WORDS       5
#define COMMAND_MAX 256
#define SECONDS_MAX 3600

/* linux/tcp.h of Linux 6.15; microseconds, of two ticks of a kernel at least:
 * the slowest tick a hundred times a second. */
#ifndef TCP_DELACK_MAX_US
#	define TCP_DELACK_MAX_US 46
#endif
static const int delays[] = { 10000, 20000 };

struct target {
	const char *address, *log; /* borrowed */
	uint32_t port, seconds;
};

static void
report(const struct target *target, int error)
{
	char line[COMMAND_MAX];
	AUTO_FD int fd = -1;
	int len;

	fd = open(target->log, O_WRONLY | O_APPEND | O_CLOEXEC);
	len = snprintf(line, sizeof(line), "connect to host %s port %u: %s\n",
	    target->address, target->port, strerror(error));
	if (fd < 0 || len < 0 || write(fd, line, (size_t)len) != len)
		exit(EXIT_FAILURE);
}

/* The command's words, within it. */
static bool
parse(char *command, struct target *ret_target)
{
	char *words[WORDS];
	size_t i;

	if (strlen(command) >= COMMAND_MAX)
		return false;
	for (i = 0; i < WORDS; i++) {
		words[i] = strsep(&command, " ");
		if (words[i] == NULL)
			return false;
	}
	ret_target->address = words[1];
	ret_target->log = words[4];
	return command == NULL && strcmp(words[0], "exec") == 0 &&
	    parse_u32(words[2], UINT16_MAX, &ret_target->port) == 0 &&
	    parse_u32(words[3], SECONDS_MAX, &ret_target->seconds) == 0 &&
	    words[4][0] == '/';
}

static socklen_t
fill_address(const struct target *target, struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, target->address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)target->port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, target->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)target->port);
		return sizeof(*six);
	}
	return 0;
}

/* Waits for a connection that is under way. 0 or -errno. */
static int
finish_connecting(int fd, uint32_t seconds)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int error = 0, n;
	socklen_t len = sizeof(error);

	n = poll(&ready, 1, (int)seconds * 1000);
	if (n == 0)
		return -ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	return -error;
}

/* Best effort: an older kernel takes its 40 ms. */
static void
acknowledge_soon(int fd)
{
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		if (setsockopt(fd, IPPROTO_TCP, TCP_DELACK_MAX_US, &delays[i],
		        sizeof(delays[i])) == 0)
			return;
	}
}

/* A connected, blocking socket, or -errno. */
static int
open_connection(const struct target *target)
{
	struct sockaddr_storage address;
	socklen_t len = fill_address(target, &address);
	const int on = 1;
	AUTO_FD int fd = -1;
	int r;

	if (len == 0)
		return -EINVAL;
	fd = socket(address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0)
		return -errno;
	acknowledge_soon(fd);
	r = connect(fd, (const struct sockaddr *)&address, len) == 0 ? 0
	                                                             : -errno;
	if (r == -EINPROGRESS)
		r = finish_connecting(fd, target->seconds);
	if (r == 0 && fcntl(fd, F_SETFL, 0) != 0)
		r = -errno;
	if (r != 0)
		return r;
	return TAKE_FD(fd);
}

/* To ssh, which waits for it on our standard output. */
static int
hand_over(int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_len = CMSG_LEN(sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(STDOUT_FILENO, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int
main(int argc, char **argv)
{
	static const struct arguments program = {
		.name = "enscale-connect",
		.synopsis = "-c \"exec ADDRESS PORT SECONDS LOG\"",
	};
	struct target target;
	AUTO_FD int fd = -1;
	int code = arguments_answer(&program, argc, argv);

	if (code != ARGUMENTS_GO_ON)
		return code;
	if (argc != 3 || strcmp(argv[1], "-c") != 0 ||
	    !parse(argv[2], &target)) {
		fputs("enscale-connect: wrong arguments: see "
		      "enscale-connect --help\n",
		    stderr);
		return EXIT_FAILURE;
	}
	fd = open_connection(&target);
	if (fd < 0) {
		report(&target, -fd);
		return EXIT_FAILURE;
	}
	return hand_over(fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
