/*
 * The CA's key and the host keys: who can read them, who could change them, and
 * whether the public ones that others know belong to them. See doctor.h. It
 * refuses to show, or keep, a private one.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/changeable.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscalectl/as_user.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_key.h"
#include "enscalectl/command.h"
#include "enscalectl/doctor.h"
#include "enscalectl/sshd_settings.h"

#define KEYGEN       "/usr/bin/ssh-keygen"
#define PUBLIC       ".pub"
#define LINE_SIZE    4096
#define PATH_SIZE    (SSHD_TEXT_MAX + sizeof(PUBLIC))
#define EVERYBODY    0007
#define NOT_OF_OWNER 0077
#define BLANKS       " \t\r\n"

/* ---- the CA's key ------------------------------------------------------- */

static enum doctor_state
read_ca_key(struct doctor *doctor)
{
	const char *path = doctor->context->config.ca_key;
	int r = ca_key_check(path);

	if (r == 0)
		return DOCTOR_OK;
	if (r == -ENOENT)
		doctor_mend(doctor, "%s", CA_RESTORE);
	return doctor_fail(doctor,
	    "user \"" DOCTOR_GUARD_USER "\" cannot read \"%s\", so nobody "
	    "can enter a node: %s",
	    path, error_text(r));
}

/* That of the fingerprint that nodes should trust, in ret_text. */
static enum doctor_state
look_at_public(struct doctor *doctor,
    char ret_text[FINGERPRINT_SHA256_TEXT_LEN + 1])
{
	const char *path = doctor->context->config.ca_key;
	uint8_t digest[SHA256_LEN];
	struct ssh_key key;
	int r = ca_key_read_public(path, &key);

	if (r == 0)
		r = ca_key_check_pair(path, &key);
	if (r == 0)
		r = fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		    digest);
	if (r == 0) {
		fingerprint_format_sha256(digest, ret_text);
		return DOCTOR_OK;
	}
	doctor_mend(doctor, "restore it from the backup or another gateway");
	return doctor_fail(doctor, "\"%s" PUBLIC "\" is not its public key: %s",
	    path, error_text(r));
}

static enum doctor_state
look_at_rights(struct doctor *doctor)
{
	const char *path = doctor->context->config.ca_key;
	struct as_user guard;
	struct stat st;

	if (stat(path, &st) != 0)
		return doctor_fail(doctor, "\"%s\": %s", path,
		    error_text(-errno));
	if ((st.st_mode & EVERYBODY) != 0)
		return doctor_fail(doctor,
		    "everybody on this host can read \"%s\", and so enter "
		    "every node: see The CA's key changes in enscalectl(8)",
		    path);
	if (as_user_find(DOCTOR_GUARD_USER, &guard) == 0 &&
	    changeable_by(path, guard.uid))
		return doctor_warn(doctor, "user \"%s\" can change \"%s\"",
		    guard.name, path);
	return DOCTOR_OK;
}

enum doctor_state
doctor_ca_key(struct doctor *doctor)
{
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	enum doctor_state state = doctor_look_as(doctor, DOCTOR_GUARD_USER,
	    read_ca_key);

	if (state == DOCTOR_OK)
		state = look_at_public(doctor, text);
	if (state == DOCTOR_OK)
		state = look_at_rights(doctor);
	return state != DOCTOR_OK
	    ? state
	    : doctor_note(doctor, "%s, which nodes have to trust", text);
}

/* ---- host keys ---------------------------------------------------------- */

/* Type and key, without what is behind them; false: there is no such thing. */
static bool
cut_key(char *line)
{
	size_t type = strcspn(line, BLANKS);
	size_t gap = strspn(line + type, BLANKS);
	size_t key = strcspn(line + type + gap, BLANKS);

	line[type + gap + key] = '\0';
	return key > 0;
}

/* 0, -errno, ENS_E_KEY_FORMAT. */
static int
read_public(const char *path, char ret_key[LINE_SIZE])
{
	AUTO_FILE FILE *file = fopen(path, "re");

	if (file == NULL)
		return -errno;
	if (fgets(ret_key, LINE_SIZE, file) == NULL || !cut_key(ret_key))
		return ENS_E_KEY_FORMAT;
	return 0;
}

/* As sshd would: what is open to others it does not take. */
static enum doctor_state
look_at_host_key(struct doctor *doctor, const char *path)
{
	const char *const argv[] = { KEYGEN, "-y", "-P", "", "-f", path, NULL };
	char said[COMMAND_SAID_MAX], beside[PATH_SIZE], public[LINE_SIZE];
	struct stat st;
	int r;

	if (stat(path, &st) != 0)
		return doctor_fail(doctor, "\"%s\": %s", path,
		    error_text(-errno));
	if ((st.st_mode & NOT_OF_OWNER) != 0) {
		doctor_mend(doctor, "chmod 0600 %s", path);
		return doctor_fail(doctor,
		    "\"%s\" has mode %04o: sshd does not take it, and others "
		    "can read it",
		    path, st.st_mode & 07777);
	}
	snprintf(beside, sizeof(beside), "%s" PUBLIC, path);
	r = read_public(beside, public);
	if (r != 0)
		return doctor_fail(doctor, "\"%s\": %s", beside, error_text(r));
	if (command_run(argv, said) != 0)
		return doctor_fail(doctor, "\"%s\": %s", path, said);
	if (!cut_key(said) || strcmp(said, public) != 0)
		return doctor_fail(doctor, "\"%s\" is not the key of \"%s\"",
		    beside, path);
	return DOCTOR_OK;
}

static bool
sshd_has(const struct sshd_settings *settings, const char *public)
{
	char path[PATH_SIZE], known[LINE_SIZE];
	unsigned i;

	for (i = 0; i < settings->host_key_count; i++) {
		snprintf(path, sizeof(path), "%s" PUBLIC,
		    settings->host_keys[i]);
		if (read_public(path, known) == 0 && strcmp(known, public) == 0)
			return true;
	}
	return false;
}

/* Of each that users are told of, as the guard reads it. */
static enum doctor_state
look_at_told(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	char copy[CONFIG_VALUE_MAX], public[LINE_SIZE], *rest = copy, *path;
	int r;

	snprintf(copy, sizeof(copy), "%s", doctor->context->config.host_keys);
	while ((path = strsep(&rest, " ")) != NULL) {
		if (path[0] == '\0')
			continue;
		r = read_public(path, public);
		if (r != 0)
			return doctor_fail(doctor,
			    "user \"" DOCTOR_GUARD_USER "\" cannot read \"%s\" "
			    "of host_keys: %s",
			    path, error_text(r));
		if (!sshd_has(settings, public))
			return doctor_fail(doctor,
			    "\"%s\" of host_keys is not a host key of sshd: users "
			    "are told of another fingerprint",
			    path);
	}
	return DOCTOR_OK;
}

enum doctor_state
doctor_host_keys(struct doctor *doctor)
{
	const struct sshd_settings *settings = sshd_settings_ask(NULL);
	enum doctor_state state = DOCTOR_OK;
	unsigned i;

	for (i = 0; state == DOCTOR_OK && i < settings->host_key_count; i++)
		state = look_at_host_key(doctor, settings->host_keys[i]);
	return state != DOCTOR_OK
	    ? state
	    : doctor_look_as(doctor, DOCTOR_GUARD_USER, look_at_told);
}
