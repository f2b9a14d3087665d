/* See programs.h. */
#include <config.h>

#include "enscale_shell/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	const char *path;
	int fd; /* O_PATH */
} programs[] = {
	[PROGRAM_SSH] = { "/usr/bin/ssh", -1 },
	[PROGRAM_CONNECT] = { ENS_LIBEXEC_DIR "/enscale-connect", -1 },
};

int
programs_open(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		programs[i].fd = open(programs[i].path, O_PATH | O_CLOEXEC);
		if (programs[i].fd < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int
programs_fd(enum program program)
{
	return programs[program].fd;
}

static bool
has_its_name(enum program program)
{
	struct stat now, begun;

	return fstat(programs[program].fd, &begun) == 0 &&
	    stat(programs[program].path, &now) == 0 &&
	    now.st_dev == begun.st_dev && now.st_ino == begun.st_ino;
}

const char *
programs_path(enum program program, char buf[PROGRAMS_PATH_SIZE])
{
	int fd = programs[program].fd;

	if (fd < 0 || has_its_name(program))
		return programs[program].path;
	snprintf(buf, PROGRAMS_PATH_SIZE, "/proc/%d/fd/%d", (int)getpid(), fd);
	return buf;
}
