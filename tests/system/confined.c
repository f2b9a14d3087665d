/*
 * Stands in for ssh: tries what the shell's confinement is there to refuse,
 * and says for each what became of it, by the name of errno.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/tiocl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define IPPROTO_MULTIPATH 262
#ifdef __aarch64__
#	define LOADER "/lib/ld-linux-aarch64.so.1"
#else
#	define LOADER "/lib64/ld-linux-x86-64.so.2"
#endif

static void
tell(const char *what, int error)
{
	printf("%s %s\r\n", what, error == 0 ? "0" : strerrorname_np(error));
}

static void
try_open(const char *what, const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	tell(what, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

/* What runs prints nothing; its exit code is told where it is not 0. */
static void
try_run(const char *what, const char *path, const char *argument)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execl(path, path, argument, (char *)NULL);
		_exit(errno);
	}
	if (pid < 0)
		tell(what, errno);
	else if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		tell(what, EFAULT);
	else if (WEXITSTATUS(status) == 127)
		printf("%s unloadable\r\n", what); /* said the loader */
	else
		tell(what, WEXITSTATUS(status));
}

/* A program without a path. */
static void
try_memory_file(void)
{
	char name[] = "true", *argv[] = { name, NULL }, *none[] = { NULL };
	int from = open("/usr/bin/true", O_RDONLY);
	int fd = memfd_create("x", 0);
	int status = 0;
	char data[4096];
	ssize_t n;
	pid_t pid;

	tell("memory-file", fd < 0 ? errno : 0);
	if (fd < 0 || from < 0)
		return;
	while ((n = read(from, data, sizeof(data))) > 0)
		if (write(fd, data, (size_t)n) != n)
			return;
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	tell("run-memory", WEXITSTATUS(status));
}

static void
try_socket(const char *what, int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	tell(what, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

/* The test listens there. */
static void
try_abstract(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
		.sun_path = "\0enscale-test" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	tell("abstract",
	    connect(fd, (const void *)&address,
	        offsetof(struct sockaddr_un, sun_path) + 13) < 0
	        ? errno
	        : 0);
	close(fd);
}

static void
try_listen(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	tell("bind", bind(fd, (const void *)&any, sizeof(any)) < 0 ? errno : 0);
	tell("listen", listen(fd, 1) < 0 ? errno : 0);
	close(fd);
}

static void
try_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0,
	    0);

	if (pid == 0)
		_exit(0);
	tell("clone", pid < 0 ? errno : 0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	tell("unshare", unshare(CLONE_NEWUSER) < 0 ? errno : 0);
}

/* Beyond files: the first connection is the hop's, a second nobody's. */
static void
try_others(void)
{
	struct io_uring_params ring = { 0 };

	try_socket("first-tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP);
	try_socket("second-tcp", AF_INET6, SOCK_STREAM, 0);
	try_socket("udp", AF_INET, SOCK_DGRAM, 0);
	try_socket("multipath", AF_INET, SOCK_STREAM, IPPROTO_MULTIPATH);
	try_socket("netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	try_socket("log", AF_UNIX, SOCK_DGRAM, 0);
	try_socket("agent", AF_UNIX, SOCK_STREAM, 0);
	tell("ring", syscall(SYS_io_uring_setup, 1, &ring) < 0 ? errno : 0);
	tell("mode", fchmod(STDOUT_FILENO, 0666) < 0 ? errno : 0);
}

int
main(int argc, char **argv)
{
	char subcode = TIOCL_GETSHIFTSTATE;

	if (argc > 1 && strcmp(argv[1], "third") == 0)
		return 0;
	try_open("read-passwd", "/etc/passwd", O_RDONLY);
	try_open("read-group", "/etc/group", O_RDONLY);
	try_open("read-others", "/tmp/others", O_RDONLY);
	try_open("write-others", "/tmp/others", O_WRONLY);
	try_open("make", "/tmp/made", O_WRONLY | O_CREAT);
	tell("remove", unlink("/tmp/others") < 0 ? errno : 0);
	/* The first of these is the second program of the hop, and the one
	 * process that ssh starts. */
	try_run("loader", LOADER, "/usr/bin/true");
	try_run("run", "/bin/true", "x");
	try_run("third", "/usr/bin/ssh", "third");
	try_memory_file();
	try_abstract();
	try_others();
	try_listen();
	try_namespace();
	tell("sti", ioctl(STDIN_FILENO, TIOCSTI, "x") < 0 ? errno : 0);
	tell("linux", ioctl(STDIN_FILENO, TIOCLINUX, &subcode) < 0 ? errno : 0);
	return 0;
}
