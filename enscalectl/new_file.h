/* Files that get their names when they are finished: they are written, given to
 * their owner and fsynced under another name. */
#ifndef ENSCALECTL_NEW_FILE_H
#define ENSCALECTL_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The owner of a file. -1 leaves uid or gid as they are. */
struct file_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Everything is borrowed. */
struct new_file {
	const char *name; /* in its folder */
	const void *data;
	size_t len;
	struct file_owner owner;
};

/* Opens the folder of a path, and makes it (0755) if it is missing, but not
 * those above it. 0; -errno. The caller closes *ret_fd. */
int new_file_folder(const char *path, int *ret_fd);
/* Makes the file in that folder. An existing file of the name is replaced as a
 * whole, or else -EEXIST. 0; -errno. */
int new_file_place(int folder, const struct new_file *file, bool replace);
/* Both, by path; file->name is ignored. 0; -errno. */
int new_file_write(const char *path, const struct new_file *file, bool replace);

#endif
