/* See ssh_log.h. Keeps no more than two lines: a node chooses some of the
 * words. */
#include <config.h>

#include "enscale_shell/ssh_log.h"

#include <string.h>
#include <unistd.h>

#include "enscale_shell/ssh_options.h"

#define READS_MAX 32 /* twice what a pipe holds by default */

static const struct reason {
	const char *said;
	const char *word;
	const char *reason;
} reasons[] = {
	{ "Host key verification failed", "host-key",
	    "its host key is not the one in the directory" },
	{ "Connection refused", "unreachable", "it refuses connections" },
	{ "Connection timed out", "unreachable", "it does not answer" },
	{ "timed out", "unreachable", "it does not answer" },
	{ "not responding", "unreachable", "it does not answer" },
	{ "No route to host", "unreachable", "there is no route to it" },
	{ "Network is unreachable", "unreachable", "there is no route to it" },
	{ "Connection reset", "closed", "it closed the connection" },
	{ "Connection closed", "closed", "it closed the connection" },
	{ "subsystem request failed", "request", "it has no such subsystem" },
	{ "PTY allocation request failed", "request",
	    "it cannot give a terminal" },
	{ "shell request failed", "request", "it starts no shell" },
	{ "exec request failed", "request", "it runs no commands" },
	{ "no matching", "algorithm",
	    "it offers no algorithm that the gateway accepts" },
	{ "Disconnected from", "closed", "it closed the connection" },
	{ "message authentication code incorrect", "damaged",
	    "what arrives from it is damaged" },
	{ "banner exchange: ", "no-ssh",
	    "what answers there does not speak SSH" },
};

/* connect(2) is denied, too: this is what a server does to a login. */
static const char *const denials[] = { "Permission denied (",
	"Too many authentication failures" };

/* Of what was said before: enscale-connect has said why, and ssh that it got
 * nothing from it; or the node is gone, and cannot be told that ssh goes. */
static bool
is_echo(const char *line)
{
	return strstr(line, "mm_receive_fd") != NULL ||
	    strstr(line, "proxy dialer") != NULL ||
	    strstr(line, "send disconnect") != NULL;
}

/* The last line becomes the reason; requests of a node do not. */
static void
judge_line(struct ssh_log *log)
{
	switch (ssh_options_read_line(log->line)) {
	case SSH_LINE_LOGIN:
		log->is_login = true;
		log->last[0] = '\0';
		return;
	case SSH_LINE_EXIT:
		log->is_exit = log->is_login;
		return;
	case SSH_LINE_REQUEST:
		return;
	case SSH_LINE_OTHER:
		break;
	}
	if (log->len > 0 && !is_echo(log->line))
		memcpy(log->last, log->line, log->len + 1);
}

static void
take_line(struct ssh_log *log)
{
	log->line[log->len] = '\0';
	while (log->len > 0 && log->line[log->len - 1] == '\r')
		log->line[--log->len] = '\0';
	judge_line(log);
	log->len = 0;
}

void
ssh_log_feed(struct ssh_log *log, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] == '\n')
			take_line(log);
		else if (data[i] != '\0' && log->len < SSH_LOG_LINE_MAX - 1)
			log->line[log->len++] = data[i];
	}
}

void
ssh_log_read(struct ssh_log *log, int fd)
{
	char data[4096];
	ssize_t n;
	int i;

	for (i = 0; i < READS_MAX; i++) {
		n = read(fd, data, sizeof(data));
		if (n <= 0)
			return;
		ssh_log_feed(log, data, (size_t)n);
	}
}

bool
ssh_log_is_denied(const struct ssh_log *log)
{
	size_t i;

	for (i = 0; i < sizeof(denials) / sizeof(denials[0]); i++)
		if (strstr(log->last, denials[i]) != NULL)
			return true;
	return false;
}

bool
ssh_log_lacks_exchange(const struct ssh_log *log)
{
	return !log->is_login &&
	    strstr(log->last, "no matching key exchange method") != NULL;
}

/* What stands behind the text; "" where it does not hold it. */
static const char *
behind(const char *line, const char *text)
{
	const char *found = strstr(line, text);

	return found != NULL ? found + strlen(text) : "";
}

/*
 * Without what ssh puts in front of its messages for debugging:
 * "FILE:FUNCTION():LINE (pid=NUMBER): FUNCTION: Connection to ADDRESS port
 * NUMBER: ". The user must not learn the node's address.
 */
static const char *
find_words(const char *line)
{
	const char *pid = strstr(line, " (pid="), *port;
	const char *words = pid != NULL ? behind(pid, "): ") : line;
	size_t len;

	port = strstr(words, " port ");
	if (port != NULL)
		return behind(port, ": ");
	len = strspn(words, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return len > 0 && strncmp(words + len, ": ", 2) == 0 ? words + len + 2
	                                                     : words;
}

/* NULL: none of them. */
static const struct reason *
find_reason(const struct ssh_log *log)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(log->last, reasons[i].said) != NULL)
			return &reasons[i];
	return NULL;
}

const char *
ssh_log_word(const struct ssh_log *log)
{
	const struct reason *reason = find_reason(log);

	if (ssh_log_is_denied(log))
		return "certificate";
	return reason != NULL ? reason->word : "other";
}

const char *
ssh_log_reason(const struct ssh_log *log)
{
	const struct reason *reason = find_reason(log);
	const char *words = find_words(log->last);

	if (reason != NULL)
		return reason->reason;
	if (words[0] != '\0')
		return words;
	/* ssh says this only to the user, on standard error. */
	return log->is_login ? "it closed the connection"
	                     : "ssh gave no reason";
}
