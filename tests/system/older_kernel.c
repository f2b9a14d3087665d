/* Preloaded, the kernel is an older one: without Landlock, or without
 * SO_PEERPIDFD, as the environment variable NO_... says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define PEERPIDFD 77

long
syscall(long number, ...)
{
	long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT,
	    "syscall");
	long words[6];
	va_list args;
	int i;

	if (number == SYS_landlock_create_ruleset && getenv("NO_LANDLOCK")) {
		errno = ENOSYS;
		return -1;
	}
	va_start(args, number);
	for (i = 0; i < 6; i++)
		words[i] = va_arg(args, long);
	va_end(args);
	return next(number, words[0], words[1], words[2], words[3], words[4],
	    words[5]);
}

int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int (*next)(int, int, int, void *, socklen_t *) = (int (*)(int, int,
	    int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt");

	if (level == SOL_SOCKET && name == PEERPIDFD &&
	    getenv("NO_PEERPIDFD")) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return next(fd, level, name, value, len);
}
