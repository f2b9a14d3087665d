/* See ca_list.h. Refuses to change a list in place. */
#include <config.h>

#include "enscalectl/ca_list.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/lock_file.h"
#include "common/keys/fingerprint.h"

#define LINE_SIZE    (KEY_LINE_MAX + 2) /* with its end and NUL */
#define LOCK_NAME    ".lock"            /* in the folder of the list */
#define LOCK_WAIT_MS 10000

int
ca_list_path(const char *ca, const char *suffix, char ret_path[CONFIG_PATH_MAX])
{
	int n = snprintf(ret_path, CONFIG_PATH_MAX, "%s%s", ca, suffix);

	return n >= 0 && n < CONFIG_PATH_MAX ? 0 : ENS_E_LIMIT;
}

/* ---- reading ------------------------------------------------------------ */

/* The next key of a file. 0; ENS_E_NOTFOUND at its end; what is wrong with
 * the line. */
static int
next_key(FILE *file, struct ssh_key *ret_key)
{
	AUTO_FREE char *line = malloc(LINE_SIZE);
	const char *text;
	size_t len;

	if (line == NULL)
		return -ENOMEM;
	while (fgets(line, LINE_SIZE, file) != NULL) {
		len = strlen(line);
		if (len == LINE_SIZE - 1 && line[len - 1] != '\n')
			return ENS_E_LIMIT;
		text = line + strspn(line, " \t\r\n");
		if (*text != '\0' && *text != '#')
			return ssh_key_parse(text, strlen(text), ret_key);
	}
	return ferror(file) ? -EIO : ENS_E_NOTFOUND;
}

int
ca_list_read_only_key(const char *path, struct ssh_key *ret_key)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	struct ssh_key key, other;
	int r;

	if (file == NULL)
		return -errno;
	r = next_key(file, &key);
	if (r != 0)
		return r == ENS_E_NOTFOUND ? ENS_E_KEY_FORMAT : r;
	if (next_key(file, &other) != ENS_E_NOTFOUND)
		return ENS_E_KEY_FORMAT;
	*ret_key = key;
	return 0;
}

/* A line that is not a key is skipped, as in sshd. */
static int
find(FILE *file, const uint8_t wanted[SHA256_LEN], struct ssh_key *ret_key)
{
	uint8_t digest[SHA256_LEN];
	struct ssh_key key;
	int r;

	for (;;) {
		r = next_key(file, &key);
		if (r == ENS_E_NOTFOUND || r == -EIO || r == -ENOMEM)
			return r;
		if (r != 0)
			continue;
		r = fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
		    digest);
		if (r != 0)
			return r;
		if (memcmp(digest, wanted, SHA256_LEN) == 0) {
			*ret_key = key;
			return 0;
		}
	}
}

int
ca_list_find(const char *path, const uint8_t digest[SHA256_LEN],
    struct ssh_key *ret_key)
{
	AUTO_FILE FILE *file = fopen(path, "re");

	if (file == NULL)
		return errno == ENOENT ? ENS_E_NOTFOUND : -errno;
	return find(file, digest, ret_key);
}

/* ---- adding ------------------------------------------------------------- */

/* What is there, and the line. */
static int
write_with(FILE *new, FILE *old, const char *line, const char *comment)
{
	int c, last = '\n';

	while (old != NULL && (c = getc(old)) != EOF) {
		last = c;
		putc(c, new);
	}
	if (old != NULL && ferror(old))
		return -EIO;
	if (last != '\n')
		putc('\n', new);
	if (fprintf(new, "%s%s%s\n", line, comment[0] != '\0' ? " " : "",
	        comment) < 0 ||
	    fchmod(fileno(new), 0644) != 0 || fflush(new) != 0 || ferror(new) ||
	    fsync(fileno(new)) != 0)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

static int
replace(const char *path, const struct ssh_key *key)
{
	AUTO_FREE char *line = malloc(LINE_SIZE);
	AUTO_FILE FILE *old = NULL, *new = NULL;
	char temporary[CONFIG_PATH_MAX];
	int r;

	r = ca_list_path(path, ".new", temporary);
	if (r != 0 || line == NULL)
		return r != 0 ? r : -ENOMEM;
	if (ssh_key_format((struct bytes){ key->blob, key->blob_len }, line,
	        LINE_SIZE) == 0)
		return ENS_E_LIMIT;
	old = fopen(path, "re");
	if (old == NULL && errno != ENOENT)
		return -errno;
	new = fopen(temporary, "we");
	if (new == NULL)
		return -errno;
	r = write_with(new, old, line, key->comment);
	if (r == 0 && rename(temporary, path) != 0)
		r = -errno;
	if (r != 0)
		unlink(temporary);
	return r;
}

int
ca_list_add(const char *path, const struct ssh_key *key)
{
	AUTO_FREE char *copy = strdup(path);
	uint8_t digest[SHA256_LEN];
	struct ssh_key same;
	AUTO_FD int folder = -1, lock = -1;
	int r;

	if (copy == NULL)
		return -ENOMEM;
	folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	lock = lock_file(folder, LOCK_NAME, LOCK_WAIT_MS); /* one at a time */
	if (lock < 0)
		return lock;
	r = fingerprint_sha256((struct bytes){ key->blob, key->blob_len },
	    digest);
	if (r == 0)
		r = ca_list_find(path, digest, &same);
	if (r != ENS_E_NOTFOUND)
		return r;
	r = replace(path, key);
	return r == 0 && fsync(folder) != 0 ? -errno : r;
}
