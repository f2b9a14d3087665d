/*
 * sshd's monitor of this connection: the process, owned by root, that the
 * session is registered for, and that the guard judges and ends. The shell is
 * the child of the monitor's child, which has the user's uid and does not
 * notice when the monitor is killed. So the shell watches the monitor itself.
 */
#ifndef ENSCALE_SHELL_MONITOR_H
#define ENSCALE_SHELL_MONITOR_H

/*
 * A pidfd of our parent's parent, close-on-exec, readable once it has ended;
 * the caller owns it. -ESRCH: there is none, or it has already ended; then the
 * guard knows no session of ours. -errno. Needs /proc.
 */
int monitor_open(void);

#endif
