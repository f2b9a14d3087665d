/* See shell.h. Refuses to believe the environment about whom it serves. */
#include <config.h>

#include "enscale_shell/shell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscale_shell/guard_client.h"
#include "enscale_shell/say.h"

static const int watched[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static int
watch(const struct shell *shell, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(shell->signals, EPOLL_CTL_ADD, fd, &event) != 0
	    ? -errno
	    : 0;
}

int
shell_init(struct shell *shell, const char *guard_path)
{
	sigset_t set;
	size_t i;
	int n;

	memset(shell, 0, sizeof(*shell));
	shell->guard_path = guard_path;
	shell->signals = shell->signal_fd = shell->monitor_fd = -1;
	for (n = 1; n < NSIG; n++)
		if (n != SIGKILL && n != SIGSTOP)
			signal(n, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		sigaddset(&set, watched[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return -errno;
	shell->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (shell->signal_fd < 0)
		return -errno;
	shell->signals = epoll_create1(EPOLL_CLOEXEC);
	if (shell->signals < 0)
		return -errno;
	return watch(shell, shell->signal_fd);
}

int
shell_end_with(struct shell *shell, int monitor_fd)
{
	shell->monitor_fd = monitor_fd;
	return watch(shell, monitor_fd);
}

void
shell_close(struct shell *shell)
{
	guard_client_close(shell->guard);
	shell->guard = NULL;
	cleanup_fd(&shell->signals);
	cleanup_fd(&shell->signal_fd);
	cleanup_fd(&shell->monitor_fd);
	shell->signals = shell->signal_fd = shell->monitor_fd = -1;
}

/* Told once: whoever is asked to end does not need to hear it again. */
static bool
monitor_has_ended(struct shell *shell)
{
	struct pollfd ended = { .fd = shell->monitor_fd, .events = POLLIN };

	if (shell->monitor_fd < 0 || poll(&ended, 1, 0) != 1)
		return false;
	close(shell->monitor_fd); /* signals lets go of it, too */
	shell->monitor_fd = -1;
	return true;
}

void
refusal_set(struct refusal *refusal, int code, const char *format, ...)
{
	char sentence[POLICY_SENTENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	refusal->code = code;
	refusal->is_busy = false;
	text_printable(sentence, refusal->sentence, sizeof(refusal->sentence));
}

static void
hang_up(struct shell *shell)
{
	guard_client_close(shell->guard);
	shell->guard = NULL;
}

static bool
is_lost(int error)
{
	return error == -EPIPE || error == -ECONNRESET;
}

static int
ask_once(struct shell *shell, const json_t *request, json_t **ret_reply)
{
	int r = 0;

	if (shell->guard == NULL) {
		r = guard_client_connect(shell->guard_path, &shell->guard);
		shell->connections++;
	}
	if (r == 0)
		r = guard_client_ask(shell->guard, request, ret_reply);
	if (r != 0)
		hang_up(shell);
	return r;
}

/* An answer or an event says it; what was said before is not said again. */
static void
note(struct shell *shell, const char *text)
{
	char notice[sizeof(shell->notice)];

	if (text == NULL)
		return;
	text_printable(text, notice, sizeof(notice));
	if (strcmp(notice, shell->notice) == 0)
		return;
	memcpy(shell->notice, notice, sizeof(notice));
	shell->has_new_notice = notice[0] != '\0';
}

/* The guard's no, as a refusal. */
static void
take_refusal(const json_t *reply, struct refusal *ret_refusal)
{
	const json_t *code = json_object_get(reply, "code");
	const char *sentence = json_string_value(
	    json_object_get(reply, "sentence"));
	const char *support = json_string_value(
	    json_object_get(reply, "support"));
	const char *verdict = json_string_value(
	    json_object_get(reply, "verdict"));
	json_int_t value = json_integer_value(code);

	say_set_session(json_string_value(json_object_get(reply, "session")));
	if (support != NULL)
		say_set_support(support);
	if (value < GUARD_EXIT_REFUSED || value > GUARD_EXIT_USAGE)
		value = GUARD_EXIT_FAULT;
	refusal_set(ret_refusal, (int)value, "%s",
	    sentence != NULL ? sentence : "The gateway refused this.");
	ret_refusal->is_busy = verdict != NULL &&
	    strcmp(verdict, "too-many-requests") == 0;
}

json_t *
shell_ask(struct shell *shell, json_t *request, struct refusal *ret_refusal)
{
	json_t *reply = NULL;
	int r = -ENOMEM;

	if (request != NULL)
		r = ask_once(shell, request, &reply);
	/* The guard may have been restarted since the last question. */
	if (is_lost(r))
		r = ask_once(shell, request, &reply);
	json_decref(request);
	if (r != 0) {
		refusal_set(ret_refusal, GUARD_EXIT_FAULT,
		    "The gateway cannot answer now: %s. Try again shortly.",
		    error_text(r));
		return NULL;
	}
	note(shell, json_string_value(json_object_get(reply, "notice")));
	if (json_is_true(json_object_get(reply, "ok")))
		return reply;
	take_refusal(reply, ret_refusal);
	json_decref(reply);
	return NULL;
}

static int
take_hello(struct shell *shell, json_t *reply)
{
	const char *session, *name = "", *host = "the gateway", *support = "";
	const char *announcement = "", *last_address = "";
	const char *key = "", *address = "";
	json_int_t account, node, port = 22, last_login = 0;
	json_int_t menu_idle = 0, hop_idle = 0;
	int is_native = 0;

	if (json_unpack(reply,
	        "{s:s, s:I, s:I, s?s, s?s, s?I, s?s, s?s, s?I, s?s, s?s, s?s, s?b, s?I, s?I}",
	        "session", &session, "account", &account, "node", &node, "name",
	        &name, "host", &host, "port", &port, "support", &support,
	        "announcement", &announcement, "last_login", &last_login,
	        "last_address", &last_address, "key", &key, "address", &address,
	        "native", &is_native, "menu_idle", &menu_idle, "hop_idle",
	        &hop_idle) != 0 ||
	    account < 1 || account > (json_int_t)ACCOUNT_ID_MAX || node < 0 ||
	    node > (json_int_t)NODE_ID_MAX || port < 1 || port > UINT16_MAX)
		return ENS_E_PROTOCOL;
	snprintf(shell->session, sizeof(shell->session), "%s", session);
	shell->account = (uint32_t)account;
	shell->node = (uint32_t)node;
	shell->port = (uint16_t)port;
	text_printable(name, shell->name, sizeof(shell->name));
	text_printable(host, shell->host, sizeof(shell->host));
	text_printable(announcement, shell->announcement,
	    sizeof(shell->announcement));
	text_printable(key, shell->key, sizeof(shell->key));
	text_printable(address, shell->address, sizeof(shell->address));
	shell->is_native = is_native != 0;
	shell->menu_idle = menu_idle > 0 ? menu_idle : 0;
	shell->hop_idle = hop_idle > 0 ? hop_idle : 0;
	shell->last_login = last_login;
	text_printable(last_address, shell->last_address,
	    sizeof(shell->last_address));
	say_set_session(shell->session);
	say_set_support(support);
	return 0;
}

int
shell_hello(struct shell *shell, struct refusal *ret_refusal)
{
	json_t *reply;
	int r;

	reply = shell_ask(shell, json_pack("{s:s}", "op", "hello"),
	    ret_refusal);
	if (reply == NULL)
		return ENS_E_DENIED;
	r = take_hello(shell, reply);
	json_decref(reply);
	if (r == 0)
		return 0;
	refusal_set(ret_refusal, GUARD_EXIT_FAULT,
	    "The gateway cannot answer now: %s. Try again shortly.",
	    error_text(r));
	return ENS_E_DENIED;
}

bool
shell_take_event(struct shell *shell, struct guard_event *ret_event)
{
	int r;

	if (shell->guard == NULL)
		return false;
	r = guard_client_event(shell->guard, ret_event);
	note(shell, guard_client_announcement(shell->guard));
	if (r != 0 && r != -EAGAIN)
		hang_up(shell);
	return r == 0;
}

void
shell_listen(struct shell *shell)
{
	if (shell->guard == NULL &&
	    guard_client_try(shell->guard_path, 1, &shell->guard) == 0)
		shell->connections++;
}

const char *
shell_take_notice(struct shell *shell)
{
	if (!shell->has_new_notice)
		return NULL;
	shell->has_new_notice = false;
	return shell->notice;
}

int
shell_take_signal(struct shell *shell)
{
	struct signalfd_siginfo info;

	if (read(shell->signal_fd, &info, sizeof(info)) == sizeof(info))
		return (int)info.ssi_signo;
	return monitor_has_ended(shell) ? SIGTERM : 0;
}

_Noreturn void
shell_die_by(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* A signal whose default is not death. */
	_exit(128 + number);
}
