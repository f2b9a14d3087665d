/*
 * The host that becomes a node, reached by the administrator's own ssh: one
 * connection, authenticated once, for everything that is run or copied there.
 * That ssh makes sure that it is the right host, by its configuration and
 * known_hosts: nothing here trusts a host key on first use.
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
	char socket[NODE_HOST_PATH_MAX]; /* of the connection, if any */
	bool is_open;
};

/*
 * Runs a program of this host, found in PATH, with its input from in and its
 * output to out (-1: /dev/null and ours), and waits. Returns its exit status,
 * 128 and more for the signal that ended it, or -errno.
 */
int node_host_run_here(const char *const argv[], int in, int out);

/* Logs in; ssh's questions and messages go to the terminal. socket must be in a
 * folder that only we can use. Returns the same as node_host_run_here(). */
int node_host_open(struct node_host *host);
/* Runs a script of sh there, with words as its "$@", NULL after the last. Like
 * node_host_run_here(). */
int node_host_run(const struct node_host *host, const char *script,
    const char *const words[], int in, int out);
/* The same, and ret_said (NODE_HOST_SAID_MAX) gets its output, with a NUL;
 * ENS_E_LIMIT when there is more. */
int node_host_ask(const struct node_host *host, const char *script,
    const char *const words[], int in, char *ret_said);
void node_host_close(struct node_host *host);

/* Reads all of fd from its beginning into buf, with a NUL. 0, -errno,
 * ENS_E_LIMIT. */
int node_host_read_all(int fd, char *buf, size_t size);

#endif
