/*
 * The two programs of a hop, ssh and enscale-connect, as they were when the
 * shell began. The shell's confinement is of files, not of names: what an
 * update has put in their places it may not start, so that an open menu would
 * enter no node any more. It goes on with those it began with.
 */
#ifndef ENSCALE_SHELL_PROGRAMS_H
#define ENSCALE_SHELL_PROGRAMS_H

#define PROGRAMS_PATH_SIZE 64

enum program {
	PROGRAM_SSH,
	PROGRAM_CONNECT, /* opens the connection; the SHELL of ssh */
};

/* Opens both, for as long as this process lives. One that is not there is left
 * out. 0 or -errno. */
int programs_open(void);

/* The descriptor, which cannot be read from; -1: it is not open. */
int programs_fd(enum program program);

/* Where this process and its children find it: its own name, or in buf that
 * of the descriptor, when another file has the name. */
const char *programs_path(enum program program, char buf[PROGRAMS_PATH_SIZE]);

#endif
