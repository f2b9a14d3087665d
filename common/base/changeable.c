/* See changeable.h. It refuses to look at ACLs: a mask shows in the mode. */
#include <config.h>

#include "common/base/changeable.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/cleanup.h"

static bool
is_open_to(const char *path, uid_t uid)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return false;
	if (st.st_uid == uid)
		return true;
	if (S_ISLNK(st.st_mode) ||
	    (S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0))
		return false;
	return (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool
changeable_by(const char *path, uid_t uid)
{
	AUTO_FREE char *part = strdup(path);
	char *slash;

	if (part == NULL)
		return true;
	if (is_open_to(part, uid))
		return true;
	while ((slash = strrchr(part, '/')) != NULL && slash != part) {
		*slash = '\0';
		if (is_open_to(part, uid))
			return true;
	}
	return is_open_to("/", uid);
}
