/* See config_files.h. It refuses to judge by modes: who needs a file opens it. */
#include <config.h>

#include "enscalectl/config_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/as_user.h"
#include "enscalectl/ca_key.h"
#include "ldap/ldap_connection.h"

#define FILE_URI     "file://"
#define LOOK_SECONDS 10
/* What our units give their services as credentials (LoadCredential=), and
 * where others are, while the service runs. */
#define LOADED      ENS_SYSCONFDIR "/enscale/"
#define CREDENTIALS "/run/credentials/"
#define BOOTED      "/run/systemd/system"

enum kind {
	READ,
	READ_EACH, /* of a list with blanks */
	READ_URI,  /* of file:///PATH */
	PASSWORD,
	APPEND,
	CA_KEY,
};

static const struct pointer {
	const char *key;
	enum kind kind;
	const char *user;
	size_t value; /* its offset in struct config */
	bool is_key;
} pointers[] = {
#define POINTER(field, kind, user, is_key)                                 \
	{                                                                  \
#		field, kind, user, offsetof(struct config, field), is_key \
	}
	POINTER(uri, READ_URI, "enscale-sync", false),
	POINTER(password_file, PASSWORD, "enscale-sync", false),
	POINTER(tls_ca, READ, "enscale-sync", false),
	POINTER(host_keys, READ_EACH, "enscale-guard", true),
	POINTER(keyd_password_file, PASSWORD, "enscale-keyd", false),
	POINTER(ca_key, CA_KEY, "enscale-guard", true),
	POINTER(audit_log, APPEND, "enscale-guard", false),
#undef POINTER
};

#define POINTERS (sizeof(pointers) / sizeof(pointers[0]))

struct check {
	void (*report)(const char *line, void *arg);
	void *arg;
	unsigned faults;
};

/* ---- as the user -------------------------------------------------------- */

/* It is there, and no folder. */
static int
try_reading(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char byte;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, &byte, 1);
	if (n < 0)
		return -errno;
	return n == 1 ? 0 : ENS_E_INCOMPLETE;
}

/* As the service that has the credential, where it is one. */
static int
try_password(const char *path)
{
	char password[LDAP_PASSWORD_MAX], folder[CONFIG_PATH_MAX];
	int r;

	snprintf(folder, sizeof(folder), "%s", path);
	if (strncmp(path, CREDENTIALS, strlen(CREDENTIALS)) == 0)
		(void)setenv("CREDENTIALS_DIRECTORY", dirname(folder), 1);
	r = ldap_password_read(path, password);
	explicit_bzero(password, sizeof(password));
	return r;
}

/* Before the first line is written, there is no file. */
static int
try_appending(const char *path)
{
	char copy[CONFIG_PATH_MAX];

	if (access(path, W_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	snprintf(copy, sizeof(copy), "%s", path);
	return access(dirname(copy), W_OK | X_OK) == 0 ? 0 : -errno;
}

struct question {
	enum kind kind;
	const char *path;
};

static int
try(const struct question *question)
{
	switch (question->kind) {
	case READ:
	case READ_EACH:
	case READ_URI:
		return try_reading(question->path);
	case PASSWORD:
		return try_password(question->path);
	case APPEND:
		return try_appending(question->path);
	case CA_KEY:
		return ca_key_check(question->path);
	default:
		return -EINVAL;
	}
}

static void
try_in_child(const void *arg, void *answer)
{
	*(int *)answer = try(arg);
}

/* Root's alone, and given to the service by systemd; or there only while that
 * runs. */
static bool
is_systemds(const struct question *question, int error)
{
	const char *const loaded[] = { LOADED "directory.password",
		LOADED "keyd.password" };
	size_t i;

	if (question->kind != PASSWORD || access(BOOTED, F_OK) != 0)
		return false;
	if (error == -ENOENT)
		return strncmp(question->path, CREDENTIALS,
		           strlen(CREDENTIALS)) == 0;
	for (i = 0; i < sizeof(loaded) / sizeof(loaded[0]); i++)
		if (error == -EACCES && strcmp(question->path, loaded[i]) == 0)
			return try_password(question->path) == 0;
	return false;
}

static int
ask_as(const char *name, const struct question *question)
{
	struct as_user user;
	int r = as_user_find(name, &user), answer = 0;

	if (r != 0)
		return r;
	r = as_user_ask(&user, LOOK_SECONDS, try_in_child, question, &answer,
	    sizeof(answer));
	if (r != 0)
		return r;
	return is_systemds(question, answer) ? 0 : answer;
}

/* ---- the values --------------------------------------------------------- */

static const char *
word_for(int error)
{
	switch (error) {
	case ENS_E_NOTFOUND:
		return "there is no such user: run systemd-sysusers";
	case ENS_E_CONFIG:
		return "want a regular file of that user's or root's, mode "
		       "0600, with one line";
	case ENS_E_INCOMPLETE:
		return "nothing is in it";
	default:
		return error_text(error);
	}
}

static void
check_path(struct check *check, const struct pointer *pointer, const char *path)
{
	const struct question question = { pointer->kind, path };
	char line[CONFIG_FILES_LINE_MAX];
	int r = ask_as(pointer->user, &question);

	if (r == 0)
		return;
	check->faults++;
	snprintf(line, sizeof(line), "%s: \"%s\", for user \"%s\": %s",
	    pointer->key, path, pointer->user, word_for(r));
	check->report(line, check->arg);
}

static void
check_list(struct check *check, const struct pointer *pointer,
    const char *value)
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *path;

	snprintf(copy, sizeof(copy), "%s", value);
	while ((path = strsep(&rest, " ")) != NULL)
		if (path[0] != '\0')
			check_path(check, pointer, path);
}

/* enscale-keyd, and its password, are for who wants them. */
static bool
is_used(const struct config *config, const struct pointer *pointer)
{
	return pointer->value != offsetof(struct config, keyd_password_file) ||
	    config->manage;
}

static void
check_pointer(struct check *check, const struct config *config,
    const struct pointer *pointer)
{
	const char *value = (const char *)config + pointer->value;

	if (value[0] == '\0' || !is_used(config, pointer))
		return;
	if (pointer->kind == READ_EACH) {
		check_list(check, pointer, value);
		return;
	}
	if (pointer->kind == READ_URI) {
		if (strncmp(value, FILE_URI, strlen(FILE_URI)) != 0)
			return;
		value += strlen(FILE_URI);
	}
	check_path(check, pointer, value);
}

unsigned
config_files_check(const struct config *config, bool but_keys,
    void (*report)(const char *line, void *arg), void *arg)
{
	struct check check = { report, arg, 0 };
	size_t i;

	for (i = 0; i < POINTERS; i++)
		if (!but_keys || !pointers[i].is_key)
			check_pointer(&check, config, &pointers[i]);
	return check.faults;
}
