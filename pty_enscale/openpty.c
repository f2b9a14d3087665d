/*
 * pty_enscale.so, preloaded into enscale-sshd alone: openpty(3) as libc has it,
 * and the new terminal passes on what is typed as it is (EXTPROC; see
 * enscale_shell/terminal.h).
 *
 * sshd makes a terminal that echoes and edits lines, tells the client that it
 * may send, and only then starts the shell: what a quick client types reaches
 * the terminal some milliseconds before the shell's first instruction, and no
 * setting of sshd's takes effect earlier. It never reads what is typed, and if
 * it fails it changes nothing.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <pty.h>
#include <stddef.h>
#include <termios.h>

typedef int openpty_function(int *, int *, char *, const struct termios *,
    const struct winsize *);

__attribute__((visibility("default"))) int
openpty(int *ret_master, int *ret_slave, char *name,
    const struct termios *modes, const struct winsize *size)
{
	openpty_function *real = (openpty_function *)dlsym(RTLD_NEXT,
	    "openpty");
	struct termios held;

	if (real == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (real(ret_master, ret_slave, name, modes, size) != 0)
		return -1;
	if (tcgetattr(*ret_slave, &held) == 0) {
		held.c_lflag |= EXTPROC;
		tcsetattr(*ret_slave, TCSANOW, &held);
	}
	return 0;
}
