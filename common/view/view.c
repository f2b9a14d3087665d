/*
 * Reading the view: a few mapped cdb files, newest first. It writes nothing,
 * locks nothing and waits for nobody.
 *
 * A record is verified by its key and checksum. A segment's hash table is not:
 * a disk that flips bits there can hide a record, which `enscalectl view
 * verify` finds but a reader cannot, without reading the whole file at every
 * login.
 */
#include <config.h>

#include "common/view/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/view/segment_key.h"
#include "common/view/view_private.h"

/* How often the writer may merge segments away while we open them. */
#define OPEN_TRIES 10

static int
open_segment(int dir_fd, const struct manifest_segment *segment,
    struct cdb *ret_cdb)
{
	AUTO_FD int fd = -1;
	struct stat st;

	fd = openat(dir_fd, segment->name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? ENS_E_STALE : ENS_E_VIEW;
	if (fstat(fd, &st) != 0)
		return ENS_E_VIEW;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 ||
	    (uint64_t)st.st_size != segment->size)
		return ENS_E_CORRUPT;
	/* cdb_init() maps the file and never uses the descriptor again. */
	if (cdb_init(ret_cdb, fd) != 0) {
		if (errno == ENOMEM)
			return -ENOMEM;
		return errno == EPROTO ? ENS_E_CORRUPT : ENS_E_VIEW;
	}
	return 0;
}

static void
close_segments(struct view *view)
{
	while (view->open_count > 0)
		cdb_free(&view->segments[--view->open_count]);
}

/* All segments of one manifest, or none; ENS_E_NOTFOUND when there is no
 * manifest of that version, ENS_E_STALE when a segment is gone. */
static int
open_segments(struct view *view, int dir_fd, uint32_t version)
{
	char name[MANIFEST_NAME_SIZE];
	int r;

	manifest_name(version, name);
	if (fstatat(dir_fd, name, &view->stat, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ENS_E_NOTFOUND : ENS_E_VIEW;
	r = manifest_read(dir_fd, version, &view->manifest);
	for (uint32_t i = 0; r == 0 && i < view->manifest.segment_count; i++) {
		r = open_segment(dir_fd, &view->manifest.segments[i],
		    &view->segments[i]);
		if (r == 0)
			view->open_count++;
	}
	if (r != 0)
		close_segments(view);
	return r;
}

/* A broken one of our version is not replaced by an older one. */
static int
open_newest(struct view *view, int dir_fd)
{
	int r = ENS_E_NOTFOUND;

	for (uint32_t version = MANIFEST_VERSION;
	     r == ENS_E_NOTFOUND && version >= MANIFEST_VERSION_BEFORE;
	     version--)
		r = open_segments(view, dir_fd, version);
	return r;
}

int
view_open(const char *dir, struct view **ret_view)
{
	AUTO(cleanup_view) struct view *view = NULL;
	AUTO_FD int dir_fd = -1;
	size_t len = strnlen(dir, PATH_MAX);
	int r = ENS_E_STALE;

	view = calloc(1, sizeof(*view) + len + 1);
	if (view == NULL)
		return -ENOMEM;
	memcpy(view->dir, dir, len);
	dir_fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (dir_fd < 0)
		return ENS_E_VIEW;
	for (int i = 0; i < OPEN_TRIES && r == ENS_E_STALE; i++)
		r = open_newest(view, dir_fd);
	if (r == ENS_E_STALE || r == ENS_E_NOTFOUND)
		return ENS_E_VIEW;
	if (r != 0)
		return r;
	*ret_view = view;
	view = NULL;
	return 0;
}

void
view_close(struct view *view)
{
	if (view == NULL)
		return;
	close_segments(view);
	free(view);
}

void
cleanup_view(struct view **view)
{
	view_close(*view);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int
stat_manifest(const struct view *view, uint32_t version, struct stat *ret_stat)
{
	char path[PATH_MAX + MANIFEST_NAME_SIZE], name[MANIFEST_NAME_SIZE];

	manifest_name(version, name);
	snprintf(path, sizeof(path), "%s/%s", view->dir, name);
	return stat(path, ret_stat);
}

bool
view_is_of_this_version(const struct view *view)
{
	return view->manifest.version == MANIFEST_VERSION;
}

bool
view_is_current(const struct view *view)
{
	struct stat st;

	if (!view_is_of_this_version(view) &&
	    stat_manifest(view, MANIFEST_VERSION, &st) == 0)
		return false;
	if (stat_manifest(view, view->manifest.version, &st) != 0)
		return false;
	return st.st_dev == view->stat.st_dev &&
	    st.st_ino == view->stat.st_ino &&
	    st.st_size == view->stat.st_size &&
	    same_time(st.st_mtim, view->stat.st_mtim) &&
	    same_time(st.st_ctim, view->stat.st_ctim);
}

int64_t
view_as_of(const struct view *view)
{
	return view->manifest.as_of;
}

uint64_t
view_generation(const struct view *view)
{
	return view->manifest.generation;
}

/* The newest record under a key, tombstones included. */
static int
find(const struct view *view, const struct record_key *key,
    struct bytes *ret_record)
{
	const struct segment_key filed = segment_key_of(key);

	if (filed.len == 0)
		return ENS_E_NOTFOUND;
	for (uint32_t i = 0; i < view->open_count; i++) {
		/* A copy: cdb_find() notes there what it found, and a view may
		 * be asked from several threads. */
		struct cdb cdb = view->segments[i];
		int r = cdb_find(&cdb, filed.data, filed.len);

		if (r < 0)
			return ENS_E_CORRUPT;
		if (r > 0) {
			*ret_record = (struct bytes){ cdb_getdata(&cdb),
				cdb_datalen(&cdb) };
			return ret_record->data == NULL ? ENS_E_CORRUPT : 0;
		}
	}
	return ENS_E_NOTFOUND;
}

int
view_find_raw(const struct view *view, const struct record_key *key,
    struct bytes *ret_record)
{
	struct bytes record;
	int r;

	r = find(view, key, &record);
	if (r != 0)
		return r;
	if (record_is_tombstone(record, key))
		return ENS_E_NOTFOUND;
	*ret_record = record;
	return 0;
}

int
view_find_account(const struct view *view, uint32_t account,
    struct account_record *ret_account)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_account(record, &key, ret_account);
}

int
view_find_key(const struct view *view, uint32_t account,
    const uint8_t fingerprint[SHA256_LEN], struct key_record *ret_key)
{
	struct record_key key = record_key_key(account, fingerprint);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_key(record, &key, ret_key);
}

int
view_find_account_keys(const struct view *view, uint32_t account,
    struct account_keys_record *ret_keys)
{
	struct record_key key = record_key_id(RECORD_ACCOUNT_KEYS, account);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_account_keys(record, &key, ret_keys);
}

int
view_find_environment(const struct view *view, const char *name,
    struct environment_record *ret_environment)
{
	struct record_key key = record_key_environment(name);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_environment(record, &key, ret_environment);
}

int
view_find_account_environments(const struct view *view, uint32_t account,
    struct account_environments_record *ret_environments)
{
	struct record_key key = record_key_id(RECORD_ENVIRONMENTS, account);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_environments(record, &key, ret_environments);
}

int
view_find_node(const struct view *view, uint32_t node,
    struct node_record *ret_node)
{
	struct record_key key = record_key_id(RECORD_NODE, node);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_node(record, &key, ret_node);
}

int
view_find_host_key(const struct view *view,
    const uint8_t fingerprint[SHA256_LEN], struct host_key_record *ret_nodes)
{
	struct record_key key = record_key_host(fingerprint);
	struct bytes record;
	int r;

	r = find(view, &key, &record);
	if (r != 0)
		return r;
	return record_decode_host_key(record, &key, ret_nodes);
}
