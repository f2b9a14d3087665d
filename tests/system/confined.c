/*
 * Stands in for ssh: tries what the shell's confinement is there to refuse,
 * and says for each what became of it, by the name of errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void
try_run(const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, "-c", "exit 0", (char *)NULL);
		_exit(errno);
	}
	tell("run", waitpid(pid, &status, 0) < 0 ? errno : WEXITSTATUS(status));
}

int
main(void)
{
	char subcode = TIOCL_GETSHIFTSTATE;

	try_open("read-passwd", "/etc/passwd", O_RDONLY);
	try_open("read-group", "/etc/group", O_RDONLY);
	try_open("read-others", "/tmp/others", O_RDONLY);
	try_open("write-others", "/tmp/others", O_WRONLY);
	try_open("make", "/tmp/made", O_WRONLY | O_CREAT);
	tell("remove", unlink("/tmp/others") < 0 ? errno : 0);
	try_run("/bin/sh");
	tell("sti", ioctl(STDIN_FILENO, TIOCSTI, "x") < 0 ? errno : 0);
	tell("linux", ioctl(STDIN_FILENO, TIOCLINUX, &subcode) < 0 ? errno : 0);
	return 0;
}
