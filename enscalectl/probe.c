/* See probe.h. It refuses to leave a key behind without saying so. */
#include <config.h>

#include "enscalectl/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/command.h"

#define SSH     "/usr/bin/ssh"
#define TIMEOUT "/usr/bin/timeout" /* timeout(1) */
#define SECONDS "--kill-after=5", "30"
#define KEYGEN  "/usr/bin/ssh-keygen"
#define PUBLIC  ".pub"
/* What a person might do there, and nothing that changes anything. */
#define ON_A_NODE "true"
#define IN_MENU   "nodes"

static int
make_stage(struct probe *probe)
{
	AUTO_FILE FILE *known = NULL;

	memcpy(probe->stage, PROBE_STAGE, sizeof(PROBE_STAGE));
	if (mkdtemp(probe->stage) == NULL) {
		probe->stage[0] = '\0';
		return -errno;
	}
	snprintf(probe->known, sizeof(probe->known), "%s/known", probe->stage);
	snprintf(probe->key, sizeof(probe->key), "%s/key", probe->stage);
	known = fopen(probe->known, "wxe");
	return known == NULL ? -errno
	                     : login_here_write_known(probe->config, known);
}

static int
make_key(struct probe *probe)
{
	const char *const argv[] = { KEYGEN, "-q", "-t", "ed25519", "-N", "",
		"-C", "enscalectl probe", "-f", probe->key, NULL };
	char said[COMMAND_SAID_MAX];
	int r = command_run(argv, said);

	if (r == 0)
		return probe_key_add(probe, probe->key);
	snprintf(probe->reason, sizeof(probe->reason), KEYGEN ": %.400s",
	    r < 0 ? error_text(r) : said);
	return ENS_E_CRYPTO;
}

int
probe_begin(struct probe *probe)
{
	if (probe->begun)
		return probe->error;
	probe->begun = true;
	probe->error = make_stage(probe);
	if (probe->error == 0 && probe->identity == NULL)
		probe->error = make_key(probe);
	if (probe->error != 0 && probe->reason[0] == '\0')
		snprintf(probe->reason, sizeof(probe->reason), "%s",
		    error_text(probe->error));
	return probe->error;
}

int
probe_login(struct probe *probe, const char *address, uint16_t port)
{
	struct login_here login = { .login = probe->login,
		.address = address,
		.port = port,
		.identity = probe->identity != NULL ? probe->identity
		                                    : probe->key,
		.known = probe->known,
		.asks_nobody = true };
	/* A node that hangs must not keep the key in the directory. */
	const char *argv[LOGIN_HERE_WORDS_MAX + 4] = { TIMEOUT, SECONDS, SSH };
	char said[COMMAND_SAID_MAX];
	int r;

	login_here_words(&login, probe->name.node != 0 ? ON_A_NODE : IN_MENU,
	    argv + 4);
	r = command_run(argv, said);
	if (r == 0)
		return 0;
	if (r < 0)
		snprintf(probe->reason, sizeof(probe->reason), SSH ": %s",
		    error_text(r));
	else
		snprintf(probe->reason, sizeof(probe->reason),
		    "ssh ended with %d: %.400s", r, said);
	return ENS_E_DENIED;
}

int
probe_end(struct probe *probe)
{
	char path[LOGIN_HERE_PATH_MAX + sizeof(PUBLIC)];
	int r = probe_key_delete(probe);

	directory_close(probe->directory);
	probe->directory = NULL;
	if (probe->stage[0] != '\0') {
		snprintf(path, sizeof(path), "%s" PUBLIC, probe->key);
		(void)unlink(path);
		(void)unlink(probe->key);
		(void)unlink(probe->known);
		(void)rmdir(probe->stage);
	}
	return r;
}
