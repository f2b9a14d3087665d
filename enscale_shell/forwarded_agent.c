/* See forwarded_agent.h. Refuses every path but sshd's, the guard's agent
 * socket above all. */
#include <config.h>

#include "enscale_shell/forwarded_agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "/tmp/ssh-"

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789";

/* PREFIX, characters, "/agent.", digits; returns the place of the slash. */
static const char *
match_form(const char *value)
{
	const char *slash, *rest;

	if (strncmp(value, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	rest = value + strlen(PREFIX);
	slash = rest + strspn(rest, name_characters);
	if (slash == rest || strncmp(slash, "/agent.", 7) != 0)
		return NULL;
	rest = slash + 7;
	if (*rest == '\0' || rest[strspn(rest, "0123456789")] != '\0')
		return NULL;
	return slash;
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
	slash = match_form(value);
	if (slash == NULL)
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
