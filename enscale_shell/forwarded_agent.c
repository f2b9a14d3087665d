/* See forwarded_agent.h. Refuses every path but sshd's, the guard's agent
 * socket above all. */
#include <config.h>

#include "enscale_shell/forwarded_agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HOME ENS_STATE_DIR "/empty"

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

/* Is it a path of sshd's? Then *ret_slash is the one before the socket. */
static bool
match_form(const char *value, const char **ret_slash)
{
	const char *at = value;

	/* /tmp/ssh-XXXX/agent.PID */
	if (skip_text(&at, "/tmp/ssh-") && skip_name(&at)) {
		*ret_slash = at;
		return skip_text(&at, "/agent.") && at[0] != '\0' &&
		    at[strspn(at, "0123456789")] == '\0';
	}
	/* HOME/.ssh/agent/s.XXXX.sshd.XXXX, since OpenSSH 10.1 */
	at = value;
	if (!skip_text(&at, HOME "/.ssh/agent"))
		return false;
	*ret_slash = at;
	return skip_text(&at, "/s.") && skip_name(&at) &&
	    skip_text(&at, ".sshd.") && skip_name(&at) && at[0] == '\0';
}

bool
forwarded_agent_find(const char *value, uid_t uid,
    char ret_path[FORWARDED_AGENT_MAX])
{
	char folder[FORWARDED_AGENT_MAX];
	const char *slash;
	struct stat st;

	if (value == NULL || strlen(value) >= FORWARDED_AGENT_MAX)
		return false;
	if (!match_form(value, &slash))
		return false;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - value), value);
	/* In a folder that only its owner writes, nothing changes after. */
	if (lstat(folder, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != uid || (st.st_mode & 077) != 0)
		return false;
	if (lstat(value, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != uid)
		return false;
	snprintf(ret_path, FORWARDED_AGENT_MAX, "%s", value);
	return true;
}
