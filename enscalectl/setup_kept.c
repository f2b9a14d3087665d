/*
 * enscalectl setup, undoing: each file is kept before it is changed, and
 * restored if not every change succeeds. It refuses to change a file that it
 * cannot read.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/command.h"
#include "enscalectl/setup.h"

/* It may be a password. */
static void
free_text(struct setup_kept *kept)
{
	if (kept->text != NULL)
		explicit_bzero(kept->text, kept->len);
	free(kept->text);
	kept->text = NULL;
}

static void
folder_of(const char *path, char ret_folder[CONFIG_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret_folder, CONFIG_PATH_MAX, "%.*s",
	    slash != NULL ? (int)(slash - path) : 0, path);
}

int
setup_read_whole(const char *path, struct setup_kept *kept)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	kept->uid = st.st_uid;
	kept->gid = st.st_gid;
	kept->mode = st.st_mode & 07777;
	kept->len = (size_t)st.st_size;
	kept->text = malloc(kept->len + 1);
	if (kept->text == NULL)
		return -ENOMEM;
	n = read(fd, kept->text, kept->len);
	if (n >= 0 && (size_t)n == kept->len)
		return 0;
	free(kept->text);
	kept->text = NULL;
	return n < 0 ? -errno : -EIO;
}

int
setup_keep(struct setup *setup, const char *path)
{
	struct setup_kept *kept = &setup->kept[setup->kept_count];
	char folder[CONFIG_PATH_MAX];
	int r = ENS_E_LIMIT;

	if (setup->kept_count < SETUP_KEPT_MAX) {
		*kept = (struct setup_kept){ .text = NULL };
		(void)snprintf(kept->path, sizeof(kept->path), "%s", path);
		r = setup_read_whole(path, kept);
		folder_of(path, folder);
		kept->no_folder = access(folder, F_OK) != 0;
	}
	if (r != 0 && r != -ENOENT) {
		complain("\"%s\": %s", path, error_text(r));
		return r;
	}
	setup->kept_count++;
	return 0;
}

/* Did the change not come about? */
static bool
is_as_it_was(const struct setup_kept *kept)
{
	struct setup_kept now = { .text = NULL };
	bool same = setup_read_whole(kept->path, &now) == 0 &&
	    now.text != NULL && now.len == kept->len &&
	    memcmp(now.text, kept->text, now.len) == 0;

	free_text(&now);
	return same;
}

static int
take_away(const struct setup_kept *kept)
{
	char folder[CONFIG_PATH_MAX];

	if (unlink(kept->path) != 0 && errno != ENOENT)
		return -errno;
	folder_of(kept->path, folder);
	/* With the last of its files. */
	if (kept->no_folder && rmdir(folder) != 0 && errno != ENOENT &&
	    errno != ENOTEMPTY)
		return -errno;
	return 0;
}

static int
put_back(const struct setup_kept *kept)
{
	const struct new_file file = { NULL, kept->text, kept->len,
		{ kept->uid, kept->gid, kept->mode } };

	if (kept->text == NULL)
		return take_away(kept);
	return is_as_it_was(kept) ? 0 : new_file_write(kept->path, &file, true);
}

bool
setup_put_all_back(struct setup *setup)
{
	bool all = true;
	unsigned i;
	int r;

	for (i = setup->kept_count; i-- > 0;) {
		r = put_back(&setup->kept[i]);
		if (r == 0)
			continue;
		complain("cannot put \"%s\" back: %s", setup->kept[i].path,
		    error_text(r));
		all = false;
	}
	return all;
}

void
setup_free(struct setup *setup)
{
	unsigned i;

	for (i = 0; i < setup->kept_count; i++)
		free_text(&setup->kept[i]);
	explicit_bzero(setup->password, sizeof(setup->password));
	free(setup->before);
	free(setup->conf);
}

int
setup_write_file(struct setup *setup, const char *path, const char *text,
    size_t len, struct file_owner owner)
{
	const struct new_file file = { NULL, text, len, owner };
	int r = setup_keep(setup, path);

	if (r != 0)
		return r;
	r = new_file_write(path, &file, true);
	if (r != 0)
		complain("\"%s\": %s", path, error_text(r));
	return r;
}

int
setup_run_program(const char *const argv[])
{
	char said[COMMAND_SAID_MAX];
	int r = command_run(argv, said);

	if (r == 0)
		return 0;
	if (r > 0 && said[0] == '\0')
		complain("%s: exit status %d, without a message", argv[0], r);
	else
		complain("%s: %s", argv[0], r < 0 ? error_text(r) : said);
	return r < 0 ? r : -ECHILD;
}
