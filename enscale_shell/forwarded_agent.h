/*
 * The user's own agent, forwarded by the client: it reaches the node only if it
 * proves to be the user's own socket.
 */
#ifndef ENSCALE_SHELL_FORWARDED_AGENT_H
#define ENSCALE_SHELL_FORWARDED_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#define FORWARDED_AGENT_MAX 108 /* of sockaddr_un */

/* The home of all users, which holds nothing but .ssh/agent: sshd of OpenSSH
 * 10.1 and later makes its sockets there and nowhere else. */
#define FORWARDED_AGENT_HOME ENS_STATE_DIR "/empty"

/*
 * Is the value of SSH_AUTH_SOCK (may be NULL) a socket of this uid's where sshd
 * puts them, /tmp/ssh-XXXX/agent.PID in a folder of this uid's or, since
 * OpenSSH 10.1, .ssh/agent/s.XXXX.sshd.XXXX below the home in a folder of
 * root's that keeps others from taking it away (S_ISVTX)? Then the path is
 * copied.
 */
bool forwarded_agent_find(const char *value, const char *home, uid_t uid,
    char ret_path[FORWARDED_AGENT_MAX]);

#endif
