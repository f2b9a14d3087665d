/* See new_file.h. Refuses to write into an existing file. */
#include <config.h>

#include "enscalectl/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

int
new_file_folder(const char *path, int *ret_fd)
{
	AUTO_FREE char *copy = strdup(path);
	const char *folder;
	int fd;

	if (copy == NULL)
		return -ENOMEM;
	folder = dirname(copy);
	/* The daemons must get there, whatever root's umask is. */
	if (mkdir(folder, 0755) == 0 ? chmod(folder, 0755) != 0
	                             : errno != EEXIST)
		return -errno;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int
fill_file(int fd, const struct new_file *file)
{
	const char *at = file->data;
	size_t left = file->len;
	ssize_t n;

	while (left > 0) {
		n = write(fd, at, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		left -= (size_t)n;
	}
	if (fchown(fd, file->owner.uid, file->owner.gid) != 0 ||
	    fchmod(fd, file->owner.mode) != 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

int
new_file_place(int folder, const struct new_file *file, bool replace)
{
	char temporary[NAME_TEXT_MAX];
	AUTO_FD int fd = -1;
	int r;

	r = snprintf(temporary, sizeof(temporary), ".%s.%d.new", file->name,
	    (int)getpid());
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = openat(folder, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fill_file(fd, file);
	if (r == 0 &&
	    renameat2(folder, temporary, folder, file->name,
	        replace ? 0 : RENAME_NOREPLACE) != 0)
		r = -errno;
	if (r != 0)
		unlinkat(folder, temporary, 0);
	else if (fsync(folder) != 0)
		r = -errno;
	return r;
}

int
new_file_write(const char *path, const struct new_file *file, bool replace)
{
	const char *slash = strrchr(path, '/');
	struct new_file named = *file;
	AUTO_FD int folder = -1;
	int r = new_file_folder(path, &folder);

	if (r != 0)
		return r;
	named.name = slash != NULL ? slash + 1 : path;
	return new_file_place(folder, &named, replace);
}
