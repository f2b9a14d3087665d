/*
 * What the shell, and the ssh that it runs, give up before they read a byte
 * of anybody's: files of the gateway, every program but ssh, sockets that take
 * connections or are neither unix streams nor TCP, namespaces, other
 * processes, the terminal's input queue. Rights come from the guard; this is
 * for the day when a bug in either lets a user or a node ask for more.
 * hop_confinement.h has what a hop's ssh gives up besides.
 */
#ifndef ENSCALE_SHELL_SHELL_CONFINEMENT_H
#define ENSCALE_SHELL_SHELL_CONFINEMENT_H

/*
 * For this process and all its children, for ever. Returns 0, also where the
 * kernel has less of it, or nothing; -errno. Needs PR_SET_NO_NEW_PRIVS, and
 * programs_open() before it.
 */
int shell_confinement_begin(void);

#endif
