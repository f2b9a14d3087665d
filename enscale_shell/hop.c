/*
 * See hop.h. Refuses to run anything but ssh, and to hand it a
 * descriptor beyond the standard three.
 */
#include <config.h>

#include "enscale_shell/hop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscale_shell/child_env.h"
#include "enscale_shell/forwarded_agent.h"
#include "enscale_shell/guard_client.h"
#include "enscale_shell/hop_confinement.h"
#include "enscale_shell/programs.h"
#include "enscale_shell/say.h"
#include "enscale_shell/ssh_log.h"
#include "enscale_shell/ssh_options.h"
#include "enscale_shell/terminal.h"

#define PROC_PATH_MAX 64
#define EXEC_FAILED   127
#define TIME_SIZE     32
#define SSH_FAILED    255
#define TRIES_MAX     3 /* of a hop, while the guard is restarted */
#define IDLE_GRAIN_MS 1000
#define END_WAIT_MS   1500 /* the guard kills after two seconds */

struct hop {
	struct shell *shell;
	const struct hop_request *request;
	json_t *target;          /* owned; the guard's answer */
	int known_hosts;         /* owned; a sealed memfd */
	int log_read, log_write; /* owned; a pipe */
	pid_t pid;
	int pidfd;          /* owned */
	uint32_t timeout;   /* seconds from the start to the login */
	int64_t deadline;   /* of the login, on clock_now() */
	bool is_slow;       /* a second try, with any key exchange */
	bool is_late;       /* it was not there by then */
	unsigned declared;  /* by which connection to the guard */
	bool is_signed;     /* the node wanted a signature and has got it */
	struct ssh_log log; /* what ssh said itself */
	struct hop_confinement confinement;
	struct hop_result result;
};

/* What one ssh had. */
static void
close_attempt(struct hop *hop)
{
	cleanup_fd(&hop->known_hosts);
	cleanup_fd(&hop->log_read);
	cleanup_fd(&hop->log_write);
	cleanup_fd(&hop->pidfd);
	cleanup_hop_confinement(&hop->confinement);
}

/* Before the first ssh, and before the next. */
static void
clear_attempt(struct hop *hop)
{
	hop->known_hosts = hop->log_read = hop->log_write = hop->pidfd = -1;
	hop->confinement = (struct hop_confinement){ .listener = -1 };
	hop->log = (struct ssh_log){ 0 };
	hop->result = (struct hop_result){ 0 };
}

static void
cleanup_hop(struct hop *hop)
{
	json_decref(hop->target);
	close_attempt(hop);
}

/* ---- before ------------------------------------------------------------ */

/* A file that nobody can change any more, not even we. */
static int
make_known_hosts(const char *text, int *ret_fd)
{
	size_t len = strlen(text);
	AUTO_FD int fd = -1;

	fd = memfd_create("known_hosts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		return -EIO;
	if (fcntl(fd, F_ADD_SEALS,
	        F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int
prepare_files(struct hop *hop, const char *known_hosts)
{
	int fds[2], r;

	r = make_known_hosts(known_hosts, &hop->known_hosts);
	if (r != 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	hop->log_read = fds[0];
	hop->log_write = fds[1];
	/* Ours alone: the write end stays blocking for ssh. */
	if (fcntl(hop->log_read, F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	return 0;
}

static bool
declare(struct hop *hop, const char *forward, struct refusal *ret_refusal)
{
	char command[AUDIT_COMMAND_MAX + 1];

	/* It may be longer, and anything but text: for the audit log. */
	(void)text_printable(
	    hop->request->command != NULL ? hop->request->command : "", command,
	    sizeof(command));
	hop->target = shell_ask(hop->shell,
	    json_pack("{s:s, s:I, s:b, s:b, s:s*, s:s*}", "op", "hop", "node",
	        (json_int_t)hop->request->node, "forward_agent",
	        forward != NULL, "terminal", isatty(STDIN_FILENO), "subsystem",
	        hop->request->sftp ? "sftp" : NULL, "command",
	        hop->request->command != NULL ? command : NULL),
	    ret_refusal);
	hop->declared = hop->shell->connections;
	return hop->target != NULL;
}

/* The vector for ssh, from the guard's answer. */
static int
build_options(struct hop *hop, const char *forward, char ***ret_argv)
{
	const char *address, *user, *known_hosts, *agent;
	char known_hosts_path[PROC_PATH_MAX], log_path[PROC_PATH_MAX];
	json_int_t node, port, timeout;
	struct ssh_options options;
	int r;

	if (json_unpack(hop->target, "{s:I, s:s, s:I, s:s, s:s, s:I, s:s}",
	        "node", &node, "address", &address, "port", &port, "user",
	        &user, "known_hosts", &known_hosts, "connect_timeout", &timeout,
	        "agent_socket", &agent) != 0 ||
	    node != (json_int_t)hop->request->node || port < 1 ||
	    port > UINT16_MAX || timeout < 1 || timeout > 3600)
		return ENS_E_PROTOCOL;
	r = prepare_files(hop, known_hosts);
	if (r != 0)
		return r;
	/* ssh closes what it inherits, so it gets names, not descriptors. */
	snprintf(known_hosts_path, sizeof(known_hosts_path), "/proc/%d/fd/%d",
	    (int)getpid(), hop->known_hosts);
	snprintf(log_path, sizeof(log_path), "/proc/%d/fd/%d", (int)getpid(),
	    hop->log_write);
	hop->timeout = (uint32_t)timeout;
	options = (struct ssh_options){
		.address = address,
		.port = (uint16_t)port,
		.user = user,
		.node = hop->request->node,
		.connect_timeout = (uint32_t)timeout,
		.agent = agent,
		.known_hosts = known_hosts_path,
		.log = log_path,
		.forward = forward,
		.slow_exchange = hop->is_slow,
		.tty = isatty(STDIN_FILENO),
		.sftp = hop->request->sftp,
		.command = hop->request->command,
	};
	return ssh_options_build(&options, ret_argv);
}

static int
build_environment(const struct hop *hop, char ***ret_environment)
{
	const struct passwd *passwd = getpwuid(getuid());
	char connect[PROGRAMS_PATH_SIZE], user[16];

	snprintf(user, sizeof(user), "%u", hop->shell->account);
	return child_env_build(environ, programs_path(PROGRAM_CONNECT, connect),
	    passwd != NULL ? passwd->pw_dir : "/", user, ret_environment);
}

/* In milliseconds. */
static int64_t
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the child --------------------------------------------------------- */

struct ssh_start {
	const char *path;
	char *const *argv, *const *environment;
	pid_t shell;
	int channel; /* to the shell, for the confinement */
};

_Noreturn static void
become_ssh(const struct ssh_start *ssh)
{
	sigset_t none;

	/* However the shell ends, its hop ends with it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != ssh->shell || hop_confinement_begin(ssh->channel) != 0)
		_exit(EXEC_FAILED);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	syscall(SYS_close_range, 3U, ~0U, 0U);
	execve(ssh->path, ssh->argv, ssh->environment);
	_exit(EXEC_FAILED);
}

/* Forks; the child becomes ssh. */
static int
spawn(struct hop *hop, struct ssh_start *ssh)
{
	AUTO_FD int ours = -1;
	AUTO_FD int theirs = -1;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	ssh->shell = getpid();
	ssh->channel = theirs;
	if (!hop->is_slow)
		hop->deadline = clock_now() + (int64_t)hop->timeout * 1000;
	hop->pid = fork();
	if (hop->pid < 0)
		return -errno;
	if (hop->pid == 0)
		become_ssh(ssh);
	/* Not yet waited for, so the id is still its own. */
	hop->pidfd = (int)syscall(SYS_pidfd_open, hop->pid, 0U);
	if (hop->pidfd < 0)
		return -errno;
	/* So that a child's end is seen. */
	cleanup_fd(&theirs);
	theirs = -1;
	hop_confinement_receive(ours, &hop->confinement);
	return 0;
}

static int
start(struct hop *hop, const char *forward)
{
	AUTO(cleanup_ssh_options) char **argv = NULL;
	AUTO(cleanup_child_env) char **environment = NULL;
	char path[PROGRAMS_PATH_SIZE];
	struct ssh_start ssh;
	int r;

	r = build_options(hop, forward, &argv);
	if (r == 0)
		r = build_environment(hop, &environment);
	if (r != 0)
		return r;
	ssh = (struct ssh_start){
		.path = programs_path(PROGRAM_SSH, path),
		.argv = argv,
		.environment = environment,
	};
	return spawn(hop, &ssh);
}

/* ---- while it runs ----------------------------------------------------- */

static void
pass_signal(struct hop *hop)
{
	int number = shell_take_signal(hop->shell);

	if (number == 0)
		return;
	hop->result.signal = number;
	/* From the keyboard and from sshd ssh got it, too; from anywhere else
	 * only we did. Getting it twice does no harm. */
	kill(hop->pid, number);
}

/* Nobody is there to be missed where there is no terminal. */
static bool
has_idle_limit(const struct hop *hop)
{
	return hop->shell->hop_idle != 0 && terminal_is_open();
}

static int64_t
idle_left(const struct hop *hop)
{
	return (hop->shell->hop_idle - terminal_idle()) * 1000;
}

/* For poll(2): one limit for all parts of a login, since ssh has one only for
 * some of them; then the one for a quiet terminal. */
static int
patience(const struct hop *hop)
{
	int64_t left = hop->deadline - clock_now();

	if (hop->log.is_login && !has_idle_limit(hop))
		return -1;
	if (hop->log.is_login)
		left = idle_left(hop) + IDLE_GRAIN_MS;
	return left > INT32_MAX ? INT32_MAX : left > 0 ? (int)left : 0;
}

static void
say_idle(struct hop *hop)
{
	hop->result.was_ended = true;
	hop->result.code = GUARD_EXIT_REFUSED;
	say_raw("The gateway is ending this connection: nothing happened here "
	        "for %u seconds.",
	    (unsigned)hop->shell->hop_idle);
}

/* The session is over: ssh gets a moment to put the terminal right. */
static void
end_ssh(struct hop *hop)
{
	struct pollfd gone = { .fd = hop->pidfd, .events = POLLIN };

	kill(hop->pid, SIGTERM);
	if (poll(&gone, 1, END_WAIT_MS) != 1)
		kill(hop->pid, SIGKILL);
}

/* Says what the guard says; false when it says nothing. */
static bool
hear_guard(struct hop *hop)
{
	struct guard_event event;

	if (!shell_take_event(hop->shell, &event))
		return false;
	hop->result.was_ended = true;
	hop->result.is_over = event.ends_session;
	hop->result.code = event.code;
	say_raw("%s", event.sentence);
	return true;
}

enum {
	WATCH_SSH,
	WATCH_SIGNALS,
	WATCH_LOG,
	WATCH_GUARD,
	WATCH_CONFINEMENT,
	WATCH_COUNT
};

static void
watch(struct hop *hop)
{
	struct pollfd fds[WATCH_COUNT] = {
		[WATCH_SSH] = { .fd = hop->pidfd, .events = POLLIN },
		[WATCH_SIGNALS] = { .fd = hop->shell->signals,
		    .events = POLLIN },
		[WATCH_LOG] = { .fd = hop->log_read, .events = POLLIN },
		[WATCH_GUARD] = { .events = POLLIN },
		[WATCH_CONFINEMENT] = { .events = POLLIN },
	};
	int n;

	for (;;) {
		if (hear_guard(hop)) {
			end_ssh(hop);
			return;
		}
		fds[WATCH_GUARD].fd = hop->shell->guard != NULL
		    ? guard_client_fd(hop->shell->guard)
		    : -1;
		fds[WATCH_CONFINEMENT].fd = hop->confinement.listener;
		n = poll(fds, WATCH_COUNT, patience(hop));
		if (n < 0)
			continue;
		if (n == 0 && hop->log.is_login && idle_left(hop) > 0)
			continue;
		if (n == 0) {
			if (hop->log.is_login)
				say_idle(hop);
			hop->is_late = !hop->log.is_login;
			end_ssh(hop);
			return;
		}
		hop_confinement_answer(&hop->confinement,
		    fds[WATCH_CONFINEMENT].revents);
		if (fds[WATCH_LOG].revents != 0)
			ssh_log_read(&hop->log, hop->log_read);
		if (fds[WATCH_SSH].revents != 0)
			return;
		if (fds[WATCH_SIGNALS].revents != 0)
			pass_signal(hop);
	}
}

/* ---- after ------------------------------------------------------------- */

static void
reap(struct hop *hop)
{
	int status;

	while (waitpid(hop->pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	ssh_log_read(&hop->log, hop->log_read);
	hop->result.entered = hop->log.is_login && !hop->is_late;
	if (hop->result.was_ended || hop->is_late)
		return;
	if (WIFSIGNALED(status))
		hop->result.signal = WTERMSIG(status);
	else
		hop->result.code = WEXITSTATUS(status);
}

/* Signals that came while ssh ended. One from the keyboard was ssh's, too, and
 * must not also be a step back in the menu; the end of the session is ours. */
static void
take_last_signal(struct hop *hop)
{
	int number;

	while ((number = shell_take_signal(hop->shell)) != 0) {
		if (number != SIGHUP && number != SIGTERM)
			continue;
		hop->result.signal = number;
		return;
	}
}

/* 255 is ssh's own word, or the node's: then the node said so. */
static bool
is_broken(const struct hop *hop)
{
	return hop->result.signal == 0 && hop->result.code == SSH_FAILED &&
	    !hop->log.is_exit;
}

/* What became of it, for the audit log. The guard knows by itself what it has
 * ended. */
static json_t *
tell_end(const struct hop *hop)
{
	const bool failed = !hop->result.was_ended && hop->result.signal == 0 &&
	    (hop->result.entered ? is_broken(hop)
	                         : hop->is_late || hop->result.code != 0);
	json_t *request = json_pack("{s:s, s:b}", "op", "hop-done", "denied",
	    ssh_log_is_denied(&hop->log));

	if (failed) {
		json_object_set_new(request, "failed",
		    json_string(hop->is_late ? "unreachable"
		                             : ssh_log_word(&hop->log)));
		json_object_set_new(request, "why",
		    json_string(hop->is_late ? "it does not answer in time"
		                             : ssh_log_reason(&hop->log)));
	}
	if (hop->result.entered && hop->result.signal == 0 &&
	    !hop->result.was_ended && hop->result.code >= 0 &&
	    hop->result.code <= UINT8_MAX)
		json_object_set_new(request, "exit",
		    json_integer(hop->result.code));
	return request;
}

/* Tells the guard; true when its agent refused by policy and it says why. */
static bool
settle(struct hop *hop)
{
	const char *sentence;
	struct refusal refusal;
	json_int_t code;
	json_t *reply;

	/* A guard that was restarted knows of no hop. */
	if (hop->shell->guard == NULL)
		return false;
	reply = shell_ask(hop->shell, tell_end(hop), &refusal);
	hop->is_signed = json_is_true(json_object_get(reply, "signed"));
	sentence = json_string_value(json_object_get(reply, "sentence"));
	if (sentence == NULL || hop->result.entered) {
		json_decref(reply);
		return false;
	}
	say_refusal("%s", sentence);
	code = json_integer_value(json_object_get(reply, "code"));
	hop->result.code = code == GUARD_EXIT_FAULT ? GUARD_EXIT_FAULT
	                                            : GUARD_EXIT_REFUSED;
	json_decref(reply);
	return true;
}

/* No protocol tells the node's time, so this is the gateway's. */
static void
say_denied(const struct hop *hop)
{
	char text[TIME_SIZE] = "unknown";
	time_t now = time(NULL);
	struct tm utc;

	if (gmtime_r(&now, &utc) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
	say_refusal("Node %u cannot be reached: it did not accept the "
	            "gateway's certificate. Is its clock right? Here it is %s.",
	    hop->request->node, text);
}

static void
say_unreachable(const struct hop *hop)
{
	if (hop->is_late)
		say_refusal("Node %u cannot be reached: it does not answer "
		            "within %u seconds.",
		    hop->request->node, hop->timeout);
	else if (ssh_log_is_denied(&hop->log) && hop->is_signed)
		say_refusal(
		    "Node %u cannot be reached: it accepted the "
		    "gateway's certificate, but then refused the login.",
		    hop->request->node);
	else if (ssh_log_is_denied(&hop->log))
		say_denied(hop);
	else
		say_refusal("Node %u cannot be reached: %s.",
		    hop->request->node, ssh_log_reason(&hop->log));
}

/* A guard that was restarted knows of no hop: its agent has refused, or was not
 * there. Nothing of the user's has gone anywhere yet. */
static bool
is_forgotten(const struct hop *hop)
{
	return !hop->result.entered && hop->result.signal == 0 &&
	    !hop->is_late &&
	    (hop->shell->guard == NULL ||
	        hop->shell->connections != hop->declared);
}

/* True when it should be tried once more; then nothing has been said. */
static bool
finish(struct hop *hop)
{
	bool is_told = settle(hop);

	/* The guard speaks before it ends ssh, but ssh may end before we read
	 * that. */
	if (hop->result.was_ended || hear_guard(hop)) {
		hop->result.signal = 0;
		return false;
	}
	if (!is_told && is_forgotten(hop))
		return true;
	if (hop->result.entered && is_broken(hop))
		say("The connection to node %u has failed: %s.",
		    hop->request->node, ssh_log_reason(&hop->log));
	if (hop->result.entered || hop->result.signal != 0 || is_told)
		return false;
	if (hop->result.code == EXEC_FAILED) {
		hop->result.code = GUARD_EXIT_FAULT;
		say("The gateway cannot start ssh: please connect again.");
		return false;
	}
	hop->result.code = GUARD_EXIT_UNREACHABLE;
	say_unreachable(hop);
	return false;
}

/* Runs ssh to its end. */
static int
attempt(struct hop *hop, const char *forward)
{
	int r = start(hop, forward);

	if (r != 0)
		return r;
	watch(hop);
	reap(hop);
	if (!hop->result.was_ended)
		take_last_signal(hop);
	return 0;
}

/* ssh with the fast key exchanges, and with all where the node has none of
 * those: nothing was sent but names by then. */
static int
attempt_all(struct hop *hop, const char *forward)
{
	int r = attempt(hop, forward);

	if (r != 0 || hop->result.was_ended || hop->is_late ||
	    hop->result.signal != 0 || !ssh_log_lacks_exchange(&hop->log))
		return r;
	close_attempt(hop);
	clear_attempt(hop);
	hop->is_slow = true;
	return attempt(hop, forward);
}

/* True when it should be run once more: see finish(). */
static bool
run_once(struct shell *shell, const struct hop_request *request,
    struct hop_result *ret_result)
{
	AUTO(cleanup_hop)
	struct hop hop = { .shell = shell, .request = request };
	char forward[FORWARDED_AGENT_MAX];
	bool forwards = forwarded_agent_find(getenv("SSH_AUTH_SOCK"),
	    FORWARDED_AGENT_HOME, getuid(), forward);
	struct refusal refusal;
	bool again;
	int r;

	clear_attempt(&hop);
	if (!declare(&hop, forwards ? forward : NULL, &refusal)) {
		say_refusal("%s", refusal.sentence);
		hop.result.code = refusal.code;
		*ret_result = hop.result;
		return false;
	}
	r = attempt_all(&hop, forwards ? forward : NULL);
	if (r != 0) {
		say("The gateway cannot start the connection: %s.",
		    error_text(r));
		hop.result.code = GUARD_EXIT_FAULT;
		*ret_result = hop.result;
		return false;
	}
	again = finish(&hop);
	*ret_result = hop.result;
	return again;
}

struct hop_result
hop_run(struct shell *shell, const struct hop_request *request)
{
	struct hop_result result;
	int tries = 1;

	while (run_once(shell, request, &result)) {
		if (tries++ < TRIES_MAX)
			continue;
		say("The gateway has been restarted too often: please try again.");
		result.code = GUARD_EXIT_FAULT;
		break;
	}
	return result;
}
