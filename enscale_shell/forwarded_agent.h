/*
 * The user's own agent, forwarded by the client: the one thing of the
 * environment that reaches the node, and only when it proves to be the
 * user's own socket.
 */
#ifndef ENSCALE_SHELL_FORWARDED_AGENT_H
#define ENSCALE_SHELL_FORWARDED_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#define FORWARDED_AGENT_MAX 108 /* of sockaddr_un */

/*
 * Is the value of SSH_AUTH_SOCK (may be NULL) where sshd puts its sockets,
 * /tmp/ssh-XXXX/agent.PID or, since OpenSSH 10.1, below the home, in a folder
 * and a socket of this uid's? Then the path is copied.
 */
bool forwarded_agent_find(const char *value, uid_t uid,
    char ret_path[FORWARDED_AGENT_MAX]);

#endif
