/* Unit tests of enscalectl/listeners, with sockets of our own. */
#include <config.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "enscalectl/listeners.h"

/* What was visited. */
struct seen {
	struct listener each[4];
	unsigned count;
	int answer;
};

static int
see(const struct listener *listener, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < 4);
	seen->each[seen->count++] = *listener;
	return seen->answer;
}

static int
open_ipv4(const char *address, uint16_t *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in name = { .sin_family = AF_INET,
		.sin_port = htons(*port) };
	socklen_t len = sizeof(name);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*port = ntohs(name.sin_port);
	return fd;
}

static int
open_ipv6(uint16_t port)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 name = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1; /* there is no IPv6 here */
}

static uint64_t
inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void
who_listens_is_seen_with_address_and_inode(void **state)
{
	uint16_t port = 0;
	AUTO_FD int fd = open_ipv4("127.0.0.1", &port);
	struct seen seen = { .count = 0 };

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listeners_each(port, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.each[0].address, "127.0.0.1");
	assert_false(seen.each[0].is_ipv6);
	assert_int_equal(seen.each[0].inode, inode_of(fd));
}

static void
both_families_are_seen(void **state)
{
	uint16_t port = 0;
	AUTO_FD int fd = open_ipv4("0.0.0.0", &port);
	AUTO_FD int other = open_ipv6(port);
	struct seen seen = { .count = 0 };

	(void)state;
	if (other < 0)
		skip();
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(listeners_each(port, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.each[0].address, "0.0.0.0");
	assert_string_equal(seen.each[1].address, "::1");
	assert_true(seen.each[1].is_ipv6);
	assert_int_equal(seen.each[1].inode, inode_of(other));
	seen = (struct seen){ .answer = 7 };
	assert_int_equal(listeners_each(port, see, &seen), 7);
	assert_int_equal(seen.count, 1);
}

/* Both ends of a connection have the address, too. */
static void
who_does_not_listen_is_not_seen(void **state)
{
	struct sockaddr_in there = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	uint16_t port = 0, own = 0;
	AUTO_FD int fd = open_ipv4("127.0.0.1", &port);
	AUTO_FD int client = open_ipv4("127.0.0.1", &own);
	struct seen seen = { .count = 0 };

	(void)state;
	assert_int_equal(listeners_each(port, see, &seen), 0);
	assert_int_equal(seen.count, 0);
	there.sin_port = htons(port);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(
	    connect(client, (struct sockaddr *)&there, sizeof(there)), 0);
	assert_int_equal(listeners_each(own, see, &seen), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(listeners_each(port, see, &seen), 0);
	assert_int_equal(seen.count, 1);
}

static void
a_socket_is_of_who_has_it_open_and_of_nobody_else(void **state)
{
	uint16_t port = 0;
	pid_t child = fork(); /* before there is one that it could inherit */
	int fd;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	fd = open_ipv4("127.0.0.1", &port);
	assert_true(listeners_has(getpid(), inode_of(fd)));
	assert_false(listeners_has(child, inode_of(fd)));
	assert_false(listeners_has(getpid(), inode_of(fd) + 1000000));
	assert_int_equal(listeners_find(inode_of(fd)), getpid());
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(listeners_has(child, inode_of(fd)));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_listens_is_seen_with_address_and_inode),
		cmocka_unit_test(both_families_are_seen),
		cmocka_unit_test(who_does_not_listen_is_not_seen),
		cmocka_unit_test(
		    a_socket_is_of_who_has_it_open_and_of_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
