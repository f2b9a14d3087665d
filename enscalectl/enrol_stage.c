/* The folder of a run of enscalectl node enrol: see enrol.h. It refuses to use
 * a file that somebody else has put there. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/ca_list.h"
#include "enscalectl/ca_slot.h"
#include "enscalectl/enrol.h"
#include "enscalectl/login_here.h"
#include "enscalectl/verb.h"

#define LINE_SIZE (KEY_LINE_MAX + 2)

static int
stage_path(const struct enrol *enrol, const char *name, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s", enrol->stage, name);

	return n >= 0 && (size_t)n < size ? 0 : ENS_E_LIMIT;
}

FILE *
enrol_stage_open(const struct enrol *enrol, const char *name)
{
	char path[NODE_HOST_PATH_MAX];

	return stage_path(enrol, name, path, sizeof(path)) == 0
	    ? fopen(path, "wxe")
	    : NULL;
}

void
enrol_stage_remove(const struct enrol *enrol)
{
	static const char *const names[] = { ENROL_CA, ENROL_LIST, ENROL_KNOWN,
		ENROL_SOCKET };
	char path[NODE_HOST_PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (stage_path(enrol, names[i], path, sizeof(path)) == 0)
			(void)unlink(path);
	(void)rmdir(enrol->stage);
}

/* What nodes are to trust: one key, or two while they change. */
static int
write_ca(const struct enrol *enrol)
{
	AUTO_FILE FILE *out = enrol_stage_open(enrol, ENROL_CA);
	AUTO_FREE char *line = malloc(LINE_SIZE);
	char path[CONFIG_PATH_MAX];
	struct ssh_key key;
	int slot, r;

	if (out == NULL || line == NULL)
		return -errno;
	for (slot = CA_CURRENT; slot < CA_SLOTS; slot++) {
		if (slot != CA_CURRENT &&
		    !ca_slot_exists(enrol->config->ca_key, slot))
			continue;
		r = ca_slot_path(enrol->config->ca_key, slot, path);
		if (r == 0)
			r = ca_key_read_public(path, &key);
		if (r == 0 &&
		    ssh_key_format((struct bytes){ key.blob, key.blob_len },
		        line, LINE_SIZE) == 0)
			r = ENS_E_LIMIT;
		if (r != 0)
			return r;
		fprintf(out, "%s\n", line);
	}
	return fflush(out) == 0 ? 0 : -errno;
}

static int
write_revoked(struct enrol *enrol)
{
	AUTO_FILE FILE *out = enrol_stage_open(enrol, ENROL_LIST);
	char path[CONFIG_PATH_MAX];
	int r;

	if (out == NULL)
		return -errno;
	r = ca_list_path(enrol->config->ca_key, CA_LIST_REVOKED, path);
	if (r == 0)
		r = login_here_copy_lines(out, path, "");
	if (r != 0 && r != -ENOENT)
		return r;
	enrol->revokes = ftello(out) > 0;
	return fflush(out) == 0 ? 0 : -errno;
}

int
enrol_stage_make(struct enrol *enrol)
{
	int r;

	memcpy(enrol->stage, ENROL_STAGE, sizeof(ENROL_STAGE));
	if (mkdtemp(enrol->stage) == NULL) {
		enrol->stage[0] = '\0';
		complain("cannot make a folder in /tmp: %s",
		    error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	r = write_ca(enrol);
	if (r != 0) {
		complain("\"%s.pub\": %s: enscalectl ca init makes the CA, on "
		         "the first gateway",
		    enrol->config->ca_key, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	r = write_revoked(enrol);
	if (r == 0)
		r = stage_path(enrol, ENROL_SOCKET, enrol->host.socket,
		    sizeof(enrol->host.socket));
	if (r == 0)
		return EXIT_YES;
	complain("\"%s%s\": %s", enrol->config->ca_key, CA_LIST_REVOKED,
	    error_text(r));
	return EXIT_CANNOT_TELL;
}
