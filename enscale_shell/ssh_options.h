/*
 * The argument vector of the hop's ssh: fixed options, "--", the node's name
 * (its literal address is in an option), and the command as one argument. ssh
 * looks for options even after the host name unless "--" came first, so a
 * command can never be taken for one.
 */
#ifndef ENSCALE_SHELL_SSH_OPTIONS_H
#define ENSCALE_SHELL_SSH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct ssh_options {
	const char *address; /* numeric IPv4 or IPv6 */
	uint16_t port;
	const char *user; /* the node's system user */
	uint32_t node;
	uint32_t connect_timeout; /* seconds */
	const char *agent;        /* the guard's agent socket */
	const char *known_hosts;  /* a file with the node's host keys */
	const char *log;          /* where ssh's own messages go */
	const char *forward;      /* the user's own agent socket, or NULL */
	bool slow_exchange;       /* if the node offers nothing else */
	bool tty;
	bool sftp;           /* the subsystem; command is NULL then */
	const char *command; /* NULL: the user's login shell */
};

/*
 * Builds the vector; the caller owns it (ssh_options_free()). Returns 0;
 * ENS_E_SYNTAX when a field has a form that ssh could take for something
 * else; -ENOMEM.
 */
int ssh_options_build(const struct ssh_options *options, char ***ret_argv);
void ssh_options_free(char **argv);
void cleanup_ssh_options(char ***argv);

/* What a line in ssh's log says. */
enum ssh_line {
	SSH_LINE_OTHER,
	SSH_LINE_LOGIN,   /* the node let us in */
	SSH_LINE_EXIT,    /* it said how the command ended */
	SSH_LINE_REQUEST, /* it asked for something else */
};

enum ssh_line ssh_options_read_line(const char *log_line);

#endif
