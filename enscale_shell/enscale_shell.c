/*
 * enscale-shell: the login shell of every account. Shows the menu, or goes
 * straight to the node in the login name. It refuses to run anything but ssh,
 * to believe the environment, and to write to standard output where there is no
 * terminal.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/arguments.h"
#include "common/base/errors.h"
#include "common/config/config.h"
#include "enscale_shell/commands.h"
#include "enscale_shell/hop.h"
#include "enscale_shell/menu.h"
#include "enscale_shell/monitor.h"
#include "enscale_shell/programs.h"
#include "enscale_shell/say.h"
#include "enscale_shell/shell.h"
#include "enscale_shell/shell_confinement.h"
#include "enscale_shell/terminal.h"

/* What sshd_config's Subsystem line names; no such file exists. */
#define SFTP_SENTINEL ENS_LIBEXEC_DIR "/sftp"
#define CERT_WORD     "cert"
#define GUARD_PATH    ENS_RUN_DIR "/" CONFIG_GUARD_SOCKET

/*
 * Before anything else is looked at. The process stays dumpable: ssh opens
 * the known hosts as /proc/PID/fd/N, and nothing here is secret.
 * *ret_monitor is a descriptor, or negative where no sshd is above.
 */
static int
lock_down(int *ret_monitor)
{
	const struct rlimit no_core = { 0, 0 };
	int fd, r;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -errno;
	syscall(SYS_close_range, 3U, ~0U, 0U);
	/* However sshd's two processes end, the session ends with them, also
	 * while there is no guard to see to that: with our parent by this
	 * signal, with its parent, the monitor, by a descriptor. */
	*ret_monitor = monitor_open();
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) != 0)
		return -errno;
	/* Reads the locale's file; a gateway may have none. */
	setlocale(LC_CTYPE, "C.UTF-8");
	r = programs_open();
	return r == 0 ? shell_confinement_begin() : r;
}

static int
refuse(const struct refusal *refusal)
{
	say_refusal("%s", refusal->sentence);
	return refusal->code;
}

static int
run_node(struct shell *shell, const char *command)
{
	const bool sftp = command != NULL &&
	    strcmp(command, SFTP_SENTINEL) == 0;
	const struct hop_request request = {
		.node = shell->node,
		.sftp = sftp,
		.command = sftp ? NULL : command,
	};
	struct hop_result result = hop_run(shell, &request);

	return result.signal != 0 ? -result.signal : result.code;
}

/* Native mode's one word for a login name with a node. */
static int
print_certificate(struct shell *shell)
{
	const char *certificate, *principal;
	struct refusal refusal;
	int code = GUARD_EXIT_FAULT;
	json_t *reply;

	reply = shell_ask(shell, json_pack("{s:s}", "op", "cert"), &refusal);
	if (reply == NULL)
		return refuse(&refusal);
	if (json_unpack(reply, "{s:s, s:s}", "certificate", &certificate,
	        "principal", &principal) == 0 &&
	    printf("%s %s\n", certificate, principal) > 0 &&
	    fflush(stdout) == 0)
		code = 0;
	json_decref(reply);
	return code;
}

/* A login name without a node runs no command: say which one would. */
static int
explain_names(const struct shell *shell, const char *command)
{
	if (command != NULL && strcmp(command, SFTP_SENTINEL) == 0)
		say("The login name %u opens the menu only. For files, put "
		    "the node in the name: sftp -P %u NODE-%u@%s",
		    shell->account, shell->port, shell->account, shell->host);
	else if (command != NULL)
		say("The login name %u opens the menu only. To run a command, "
		    "put the node in the name: ssh -p %u NODE-%u@%s COMMAND "
		    "(the command help lists what else there is)",
		    shell->account, shell->port, shell->account, shell->host);
	else
		say("The menu needs a terminal. Use ssh -t, or put the node "
		    "in the name: ssh -p %u NODE-%u@%s",
		    shell->port, shell->account, shell->host);
	return GUARD_EXIT_USAGE;
}

/* A person is there: what has a command or no terminal gets no byte. */
static void
say_notice(struct shell *shell)
{
	const char *notice = shell_take_notice(shell);

	if (notice != NULL)
		say("%s", notice);
}

static int
run(struct shell *shell, const char *command)
{
	struct refusal refusal;

	if (shell_hello(shell, &refusal) != 0)
		return refuse(&refusal);
	if (shell->node != 0 && shell->is_native && command != NULL &&
	    strcmp(command, CERT_WORD) == 0)
		return print_certificate(shell);
	if (shell->node != 0) {
		if (command == NULL && terminal_is_open())
			say_notice(shell);
		return run_node(shell, command);
	}
	if (command == NULL && terminal_is_open())
		return menu_run(shell);
	terminal_client_mode();
	if (command != NULL && commands_has(command))
		return commands_run(shell, command);
	return explain_names(shell, command);
}

int
main(int argc, char **argv)
{
	static const struct arguments program = {
		.name = "enscale-shell",
		.synopsis = "[-c COMMAND]",
	};
	struct shell shell;
	int monitor = -1, r = arguments_answer(&program, argc, argv);

	if (r != ARGUMENTS_GO_ON) /* not sshd, which gives no such word */
		return r;
	/* Before anything else: what is typed may already be for the node. */
	terminal_open();
	/* For display only, until the guard says it. */
	say_set_session(getenv("ENSCALE_SESSION"));
	r = lock_down(&monitor);
	if (r == 0)
		r = shell_init(&shell, GUARD_PATH);
	if (r == 0 && monitor >= 0)
		r = shell_end_with(&shell, monitor);
	if (r != 0) {
		say("The gateway is not working properly: %s.", error_text(r));
		return GUARD_EXIT_FAULT;
	}
	if (argc == 1)
		r = run(&shell, NULL);
	else if (argc == 3 && strcmp(argv[1], "-c") == 0)
		r = run(&shell, argv[2]);
	else {
		say("This is a login shell: it takes -c COMMAND or nothing.");
		r = GUARD_EXIT_USAGE;
	}
	shell_close(&shell);
	if (r < 0)
		shell_die_by(-r);
	return r;
}
