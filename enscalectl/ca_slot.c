/* See ca_slot.h. Refuses to leave the gateway without a key. */
#include <config.h>

#include "enscalectl/ca_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"

const char *const ca_slot_names[CA_SLOTS] = { "current", "next", "previous" };

static const char *const suffixes[CA_SLOTS] = { "", ".next", ".previous" };

static int
file_path(const char *ca, enum ca_slot slot, const char *end,
    char ret_path[CONFIG_PATH_MAX])
{
	int n = snprintf(ret_path, CONFIG_PATH_MAX, "%s%s%s", ca,
	    suffixes[slot], end);

	return n >= 0 && n < CONFIG_PATH_MAX ? 0 : ENS_E_LIMIT;
}

int
ca_slot_path(const char *ca, enum ca_slot slot, char ret_path[CONFIG_PATH_MAX])
{
	return file_path(ca, slot, "", ret_path);
}

bool
ca_slot_exists(const char *ca, enum ca_slot slot)
{
	char private[CONFIG_PATH_MAX], public[CONFIG_PATH_MAX];
	struct stat st;

	return file_path(ca, slot, "", private) == 0 &&
	    file_path(ca, slot, ".pub", public) == 0 &&
	    (lstat(private, &st) == 0 || lstat(public, &st) == 0);
}

static int
sync_folder(const char *ca)
{
	AUTO_FREE char *copy = strdup(ca);
	AUTO_FD int fd = -1;

	if (copy == NULL)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

static bool
same_file(const char *a, const char *b)
{
	struct stat one, other;

	return lstat(a, &one) == 0 && lstat(b, &other) == 0 &&
	    one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* The current file gets its second name, then the next one takes its place:
 * there is never none. Without a next file this was done before. */
static int
switch_file(const char *ca, const char *end)
{
	char current[CONFIG_PATH_MAX], next[CONFIG_PATH_MAX],
	    previous[CONFIG_PATH_MAX];
	int r;

	r = file_path(ca, CA_CURRENT, end, current);
	if (r == 0)
		r = file_path(ca, CA_NEXT, end, next);
	if (r == 0)
		r = file_path(ca, CA_PREVIOUS, end, previous);
	if (r != 0 || access(next, F_OK) != 0)
		return r;
	if (link(current, previous) != 0 &&
	    !(errno == EEXIST && same_file(current, previous)))
		return -errno;
	r = sync_folder(ca);
	if (r == 0 && rename(next, current) != 0)
		r = -errno;
	return r;
}

static enum ca_slot
switched_slot(const char *ca, const char *end)
{
	char next[CONFIG_PATH_MAX];

	return file_path(ca, CA_NEXT, end, next) == 0 && access(next, F_OK) == 0
	    ? CA_NEXT
	    : CA_CURRENT;
}

/* What would be current: a key without the public one that nodes were given
 * would lock everybody out. */
static int
check_switched(const char *ca)
{
	char private[CONFIG_PATH_MAX], public[CONFIG_PATH_MAX];
	struct ssh_key key;
	int r;

	r = ca_slot_path(ca, switched_slot(ca, ""), private);
	if (r == 0)
		r = ca_slot_path(ca, switched_slot(ca, ".pub"), public);
	if (r == 0)
		r = ca_key_read_public(public, &key);
	return r != 0 ? r : ca_key_check_pair(private, &key);
}

bool
ca_slot_is_unfinished(const char *ca, enum ca_slot slot)
{
	char private[CONFIG_PATH_MAX], public[CONFIG_PATH_MAX];
	struct stat st;

	return file_path(ca, slot, "", private) == 0 &&
	    file_path(ca, slot, ".pub", public) == 0 &&
	    lstat(private, &st) == 0 && lstat(public, &st) != 0 &&
	    errno == ENOENT;
}

int
ca_slot_switch(const char *ca)
{
	int r;

	if (!ca_slot_exists(ca, CA_NEXT))
		return -ENOENT;
	r = check_switched(ca);
	if (r == 0)
		r = switch_file(ca, "");
	if (r == 0)
		r = switch_file(ca, ".pub");
	return r != 0 ? r : sync_folder(ca);
}

int
ca_slot_delete(const char *ca, enum ca_slot slot)
{
	static const char *const ends[] = { "", ".pub" };
	char path[CONFIG_PATH_MAX];
	size_t i;
	int r;

	if (slot == CA_CURRENT)
		return -EPERM;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		r = file_path(ca, slot, ends[i], path);
		if (r == 0 && unlink(path) != 0 && errno != ENOENT)
			r = -errno;
		if (r != 0)
			return r;
	}
	return sync_folder(ca);
}
