/* enscalectl node enrol, the steps in the directory and on this gateway: see
 * enrol.h. They refuse to call a node finished that nobody has entered, unless
 * told to. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "enscalectl/enrol.h"
#include "enscalectl/login_here.h"
#include "enscalectl/node_entry.h"
#include "enscalectl/verb.h"

#define NOT_A_NODE 3 /* of the script that shows the entry */

/* EXIT_YES without an entry: it is not a node yet. */
static int
ask_entry(struct enrol *enrol)
{
	static const char script[] =
	    "if [ -r /etc/enscale-node/node.conf ]; then exec \"$@\"; fi\n"
	    "exit 3";
	/* Where in the directory, is for us to say. */
	const char *const words[] = { enrol->program, "show", "--suffix",
		"dc=node", "--address",
		enrol->address != NULL ? enrol->address : enrol->found_address,
		NULL };
	int r = node_host_ask(&enrol->host, script, words, -1, enrol->said);

	if (r == NOT_A_NODE && enrol->dry_run)
		return EXIT_YES;
	if (r != 0)
		return enrol_say_failed("enscale-node show", r);
	return node_entry_parse(enrol->said, strlen(enrol->said), enrol->number,
	    &enrol->entry);
}

int
enrol_put_entry(struct enrol *enrol)
{
	int code = ask_entry(enrol);

	return code != EXIT_YES
	    ? code
	    : node_directory_put(enrol->config, &enrol->administrator,
	          enrol->number, enrol->environment, enrol->entry,
	          enrol->dry_run);
}

int
enrol_await_view(struct enrol *enrol)
{
	return node_entry_wait(enrol->config, enrol->environment, enrol->entry);
}

/* The host keys of our own sshd, under the name that the login goes by. */
static int
write_known(const struct enrol *enrol)
{
	AUTO_FILE FILE *out = enrol_stage_open(enrol, ENROL_KNOWN);

	return out == NULL ? -errno
	                   : login_here_write_known(enrol->config, out);
}

static int
run_login(const struct enrol *enrol, int out)
{
	char name[LOGIN_TEXT_MAX + 1], known[NODE_HOST_PATH_MAX];
	const char *words[LOGIN_HERE_WORDS_MAX + 1] = { "ssh" };
	struct login_here login = { .login = name,
		.address = "127.0.0.1",
		.port = enrol->config->port,
		.identity = enrol->identity,
		.known = known };

	snprintf(name, sizeof(name), "%s-%s", enrol->node, enrol->account);
	snprintf(known, sizeof(known), "%s/%s", enrol->stage, ENROL_KNOWN);
	login_here_words(&login, "id -un; hostname", words + 1);
	return node_host_run_here(words, -1, out);
}

/* Who answered, and as whom? */
static int
judge_login(struct enrol *enrol, int said)
{
	char wanted[256];
	int r;

	snprintf(wanted, sizeof(wanted), "%s\nnode%s-%s\n",
	    node_entry_user(enrol->entry), enrol->node, enrol->environment);
	r = node_host_read_all(said, enrol->said, NODE_HOST_SAID_MAX);
	if (r != 0)
		return enrol_say_failed("reading the answer", r);
	if (strcmp(enrol->said, wanted) == 0) {
		printf("  %s@node%s-%s answered\n",
		    node_entry_user(enrol->entry), enrol->node,
		    enrol->environment);
		return EXIT_YES;
	}
	complain("another host answered, or another user, or the login prints "
	         "something: \"%.200s\"",
	    enrol->said);
	return EXIT_NO;
}

int
enrol_enter(struct enrol *enrol)
{
	AUTO_FD int said = memfd_create("said", MFD_CLOEXEC);
	int r;

	if (enrol->no_login) {
		printf("  for you to try: ssh -p %u %s-ACCOUNT@%s id -un\n",
		    enrol->config->port, enrol->node, enrol->config->host);
		return EXIT_YES;
	}
	r = said < 0 ? -errno : write_known(enrol);
	if (r == 0)
		r = run_login(enrol, said);
	if (r == 0)
		return judge_login(enrol, said);
	complain("the login failed: \"enscalectl explain %s-%s\" says whether "
	         "the gateway lets the account in; its key must be in the "
	         "agent or given with --identity; otherwise sshd's log on the "
	         "node says why",
	    enrol->node, enrol->account);
	return enrol_say_failed("ssh", r);
}
