/* See login_here.h. */
#include <config.h>

#include "enscalectl/login_here.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

#define ALIAS     "gateway"
#define LINE_SIZE (KEY_LINE_MAX + 2)

/* The public keys of a file that is another program's. */
int
login_here_copy_lines(FILE *out, const char *path, const char *prefix)
{
	AUTO_FREE char *line = malloc(LINE_SIZE);
	AUTO_FILE FILE *in = fopen(path, "re");

	if (in == NULL || line == NULL)
		return -errno;
	while (fgets(line, LINE_SIZE, in) != NULL)
		if (line[0] != '#' && line[0] != '\n')
			fprintf(out, "%s%s", prefix, line);
	return ferror(in) ? -EIO : 0;
}

int
login_here_write_known(const struct config *config, FILE *out)
{
	AUTO_FREE char *files = strdup(config->host_keys);
	char *rest = files, *path;
	int r;

	if (files == NULL)
		return -ENOMEM;
	while ((path = strsep(&rest, " ")) != NULL) {
		r = path[0] != '\0'
		    ? login_here_copy_lines(out, path, ALIAS " ")
		    : 0;
		if (r != 0 && r != -ENOENT)
			return r;
	}
	return fflush(out) == 0 ? 0 : -errno;
}

void
login_here_words(struct login_here *login, const char *command,
    const char *ret_words[LOGIN_HERE_WORDS_MAX])
{
	const char *const always[] = { "-T", "-o", "HostKeyAlias=" ALIAS, "-o",
		login->known_option, "-o", "GlobalKnownHostsFile=none", "-o",
		"StrictHostKeyChecking=yes", "-p", login->port_text, "-l",
		login->login };
	const char *const identity[] = { "-o", "IdentitiesOnly=yes", "-i",
		login->identity };
	const char *const batch[] = { "-F", "none", "-o", "BatchMode=yes", "-o",
		"ConnectTimeout=10" };
	const char *const end[] = { "--", login->address, command, NULL };
	unsigned n = 0;

	snprintf(login->known_option, sizeof(login->known_option),
	    "UserKnownHostsFile=%s", login->known);
	snprintf(login->port_text, sizeof(login->port_text), "%u", login->port);
	memcpy(ret_words, always, sizeof(always));
	n += sizeof(always) / sizeof(always[0]);
	if (login->identity != NULL) {
		memcpy(ret_words + n, identity, sizeof(identity));
		n += sizeof(identity) / sizeof(identity[0]);
	} else {
		ret_words[n++] = "-oIdentitiesOnly=no";
	}
	if (login->asks_nobody) {
		memcpy(ret_words + n, batch, sizeof(batch));
		n += sizeof(batch) / sizeof(batch[0]);
	}
	memcpy(ret_words + n, end, sizeof(end));
}
