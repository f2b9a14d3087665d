/*
 * The way over from a plain sshd: a file of authorized_keys for each account.
 * See import.h. It refuses a key with an option that cannot be kept, because
 * the key alone may do more than the key with it.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key_text.h"
#include "common/names/login_name.h"
#include "enscalectl/import.h"
#include "enscalectl/key_read.h"

/* A file of one account. */
struct keys_file {
	struct import *import;
	const char *path;   /* the pool's */
	const char *number; /* as the file is called */
};

static int
take_key(const struct keys_file *file, const struct ssh_key_text *text, int r,
    const struct ssh_key *key)
{
	struct import *import = file->import;
	struct import_item *item = import_begin(import, ENTRY_KEY, file->path,
	    text->line);
	uint8_t fingerprint[SHA256_LEN];
	int code;

	if (item == NULL)
		return import_no_memory();
	code = r == 0
	    ? key_read_judge(key, import->config->no_touch, fingerprint)
	    : key_read_refuse(text->reason);
	if (code != EXIT_YES)
		return code == EXIT_NO ? import_refuse(import, item) : code;
	code = import_say_parent(import, item, file->number);
	if (code == EXIT_YES)
		code = import_say_key(import, item, key, fingerprint);
	return code == EXIT_YES ? import_end(import, item) : code;
}

static int
take_account(const struct keys_file *file)
{
	struct import *import = file->import;
	struct import_item *item = import_begin(import, ENTRY_ACCOUNT,
	    file->path, 0);

	if (item == NULL)
		return import_no_memory();
	return parse_u32(file->number, ACCOUNT_ID_MAX, &item->number) == 0 &&
	        item->number > 0
	    ? import_end(import, item)
	    : import_refuse(import, item);
}

static int
take_keys(const struct keys_file *file, char *data, size_t len)
{
	static struct ssh_key key; /* it is large */
	struct ssh_key_text text;
	int code = EXIT_YES, r;

	ssh_key_text_init(&text, data, len);
	while (code != EXIT_CANNOT_TELL && !import_is_over(file->import) &&
	    (r = ssh_key_text_next(&text, &key)) != ENS_E_NOTFOUND)
		code = take_key(file, &text, r, &key);
	explicit_bzero(data, len);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* 0 with what is in it, which the caller frees; -errno; ENS_E_LIMIT. */
static int
read_file(int folder, const char *name, char **ret_data, size_t *ret_len)
{
	AUTO_FD int fd = openat(folder, name,
	    O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size > (off_t)LDIF_RECORD_MAX)
		return ENS_E_LIMIT;
	data = malloc((size_t)st.st_size + 1);
	if (data == NULL)
		return -ENOMEM;
	while (len < (size_t)st.st_size &&
	    (n = read(fd, data + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	data = NULL;
	return 0;
}

static int
take_file(struct import *import, int folder, const char *folder_name,
    const char *name)
{
	struct keys_file file = { .import = import, .number = name };
	char path[CONFIG_PATH_MAX];
	AUTO_FREE char *data = NULL;
	size_t len = 0;
	int code, r, n;

	n = snprintf(path, sizeof(path), "%s/%s", folder_name, name);
	if (n > 0)
		file.path = pool_copy(&import->pool, path,
		    strnlen(path, sizeof(path)));
	if (file.path == NULL)
		return import_no_memory();
	import_about(import, file.path, 0);
	if (request_number(name, ACCOUNT_ID_MAX, "an account",
	        &(uint32_t){ 0 }) != EXIT_YES) {
		complain("the name of each file is the number of its account");
		return import_refuse_line(import);
	}
	r = read_file(folder, name, &data, &len);
	if (r != 0) {
		complain("%s", error_text(r));
		return import_refuse_line(import);
	}
	code = take_account(&file);
	return code == EXIT_CANNOT_TELL ? code : take_keys(&file, data, len);
}

static int
no_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
import_read_keys(struct import *import, const char *folder)
{
	AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **found = NULL;
	int count = fd < 0 ? -1
	                   : scandirat(fd, ".", &found, no_hidden, versionsort);
	int code = EXIT_YES;

	if (count < 0) {
		complain("\"%s\": %s", folder, error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	for (int i = 0; i < count; i++) {
		if (code != EXIT_CANNOT_TELL && !import_is_over(import))
			code = take_file(import, fd, folder, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	import_about(import, NULL, 0);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}
