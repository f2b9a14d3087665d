/*
 * The host that becomes a node, by the administrator's own ssh: one connection,
 * which is authenticated once, for everything that is run or copied there.
 * Whether it is the right host is for that ssh to find out, by its
 * configuration and known_hosts: nothing here believes a host key unseen.
 */
#ifndef ENSCALECTL_NODE_HOST_H
#define ENSCALECTL_NODE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#define NODE_HOST_OPTIONS_MAX 32
#define NODE_HOST_SAID_MAX    (256 * 1024) /* an answer that is read */
#define NODE_HOST_PATH_MAX    128

struct node_host {
	const char *target; /* borrowed: [USER@]HOST, root without a user */
	const char *port;   /* borrowed; NULL: ssh's */
	const char *options[NODE_HOST_OPTIONS_MAX]; /* of ssh -o, borrowed */
	unsigned option_count;
	char socket[NODE_HOST_PATH_MAX]; /* of the connection, while it is */
	bool is_open;
};

/*
 * Runs a program of this host, found in PATH, with its input from in and its
 * output to out (-1: /dev/null and ours), and waits. Returns its exit status,
 * 128 and more for the signal that ended it, or -errno.
 */
int node_host_run_here(const char *const argv[], int in, int out);

/* Logs in; what ssh has to ask or say goes to the terminal. socket has to be in
 * a folder of ours alone. As node_host_run_here(). */
int node_host_open(struct node_host *host);
/* Runs a script of sh there, with words as its "$@", NULL behind the last. As
 * node_host_run_here(). */
int node_host_run(const struct node_host *host, const char *script,
    const char *const words[], int in, int out);
/* The same, and ret_said (NODE_HOST_SAID_MAX) gets its output, with a NUL;
 * ENS_E_LIMIT when it says more. */
int node_host_ask(const struct node_host *host, const char *script,
    const char *const words[], int in, char *ret_said);
void node_host_close(struct node_host *host);

/* Reads all of fd from its beginning into buf, with a NUL. 0, -errno,
 * ENS_E_LIMIT. */
int node_host_read_all(int fd, char *buf, size_t size);

#endif
