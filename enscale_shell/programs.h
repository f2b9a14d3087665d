/*
 * The two programs of a hop, ssh and enscale-connect, as they were when the
 * shell started. The shell is confined to files, not names: it may not start
 * the files that an update puts in their places, so an open menu could enter no
 * node any longer. It goes on with those it started with.
 */
#ifndef ENSCALE_SHELL_PROGRAMS_H
#define ENSCALE_SHELL_PROGRAMS_H

#define PROGRAMS_PATH_SIZE 64

enum program {
	PROGRAM_SSH,
	PROGRAM_CONNECT, /* opens the connection; the SHELL of ssh */
};

/* Opens both, for the life of this process. A missing one is left out. 0 or
 * -errno. */
int programs_open(void);

/* The descriptor, which cannot be read from; -1: it is not open. */
int programs_fd(enum program program);

/* The path under which this process and its children find it: its own name, or,
 * in buf, that of the descriptor, when another file has the name. */
const char *programs_path(enum program program, char buf[PROGRAMS_PATH_SIZE]);

#endif
