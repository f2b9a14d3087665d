/* See forwarded_agent.h. Refuses every path but sshd's, the guard's agent
 * socket above all. */
#include <config.h>

#include "enscale_shell/forwarded_agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789";

/* Passes over a text, or over one or more characters of a name. */
static bool
skip_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool
skip_name(const char **at)
{
	size_t len = strspn(*at, name_characters);

	*at += len;
	return len > 0;
}

/* In this folder nobody takes away or replaces what is this uid's. */
static bool
is_safe(const struct stat *folder, uid_t uid, bool shared)
{
	if (!S_ISDIR(folder->st_mode))
		return false;
	return shared ? folder->st_uid == 0 && (folder->st_mode & S_ISVTX) != 0
	              : folder->st_uid == uid && (folder->st_mode & 077) == 0;
}

/* Is it a path of sshd's? Then *ret_slash is the one before the socket, and
 * *ret_shared tells whether the folder is that of all users. */
static bool
match_form(const char *value, const char *home, const char **ret_slash,
    bool *ret_shared)
{
	const char *at = value;

	/* /tmp/ssh-XXXX/agent.PID */
	if (skip_text(&at, "/tmp/ssh-") && skip_name(&at)) {
		*ret_slash = at;
		*ret_shared = false;
		return skip_text(&at, "/agent.") && at[0] != '\0' &&
		    at[strspn(at, "0123456789")] == '\0';
	}
	/* HOME/.ssh/agent/s.XXXX.sshd.XXXX, since OpenSSH 10.1 */
	at = value;
	if (!skip_text(&at, home) || !skip_text(&at, "/.ssh/agent"))
		return false;
	*ret_slash = at;
	*ret_shared = true;
	return skip_text(&at, "/s.") && skip_name(&at) &&
	    skip_text(&at, ".sshd.") && skip_name(&at) && at[0] == '\0';
}

bool
forwarded_agent_find(const char *value, const char *home, uid_t uid,
    char ret_path[FORWARDED_AGENT_MAX])
{
	char folder[FORWARDED_AGENT_MAX];
	const char *slash;
	bool shared;
	struct stat st;

	if (value == NULL || strlen(value) >= FORWARDED_AGENT_MAX)
		return false;
	if (!match_form(value, home, &slash, &shared))
		return false;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - value), value);
	if (lstat(folder, &st) != 0 || !is_safe(&st, uid, shared))
		return false;
	if (lstat(value, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != uid)
		return false;
	snprintf(ret_path, FORWARDED_AGENT_MAX, "%s", value);
	return true;
}
