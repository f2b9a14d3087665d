/*
 * What the shell, and the ssh that it runs, give up before they read any input:
 * files of the gateway, every program but ssh, sockets that accept connections
 * or are neither unix streams nor TCP, namespaces, other processes, the
 * terminal's input queue. Rights come from the guard; this is for the case that
 * a bug in either lets a user or a node do more. hop_confinement.h describes
 * what a hop's ssh gives up in addition.
 */
#ifndef ENSCALE_SHELL_SHELL_CONFINEMENT_H
#define ENSCALE_SHELL_SHELL_CONFINEMENT_H

/*
 * For this process and all its children, for ever. Returns 0, also if the
 * kernel supports less of it, or nothing; -errno. Needs PR_SET_NO_NEW_PRIVS,
 * and programs_open() before it.
 */
int shell_confinement_begin(void);

#endif
