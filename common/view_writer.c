/*
 * Publishing the view. Nothing that a manifest names is ever written to:
 * each publication is one new segment file, synced before it has its name,
 * and then one new manifest.
 *
 * Merging is only an economy. When it fails (no space, a segment that has
 * gone bad, 4 GiB) the change is published beside the old segments all the
 * same, as long as a reader may open that many: a deleted key must not stay
 * alive because an old file is broken.
 */
#include <config.h>

#include "common/view_writer.h"

#include <cdb.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/errors.h"

#define LOCK_NAME     "lock"
#define DELTA_NAME    ".new-segment"
#define MERGED_NAME   ".new-merged"
#define NEXT_MANIFEST ".new-manifest"

/* What a cdb file takes beside keys and data: the table of contents; per
 * record two lengths and two slots of the hash table. */
#define CDB_HEAD       2048
#define CDB_PER_RECORD (8 + 16)

/* A delta swallows the next one when that is not much larger: few segments,
 * and each byte is rewritten a few times only. */
#define MERGE_RATIO  4
#define MERGE_COUNT  (VIEW_SEGMENTS_MAX / 2) /* segments, base included */
#define BASE_PORTION 8 /* deltas above an eighth of the base go into it */

/* A segment while it is written. */
struct making {
	struct cdb_make cdb;
	const char *name; /* NULL: none is being written */
	int fd;
	uint64_t size; /* what the finished file will take at most */
};

struct view_writer {
	int dir_fd;
	int lock_fd;
	struct manifest manifest;
	uint64_t merges;
	uint64_t last_number; /* the highest segment number ever seen here */
	struct making making;
	bool base;
};

static int
create(int dir_fd, const char *name, int *ret_fd)
{
	int fd;

	if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0640) != 0) {
		int r = -errno;

		close(fd);
		unlinkat(dir_fd, name, 0);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* cdb says ENOMEM for a file that would pass 4 GiB, too; we have counted. */
static int
cdb_error(void)
{
	if (errno == EPROTO || errno == 0)
		return ENS_E_CORRUPT;
	return -errno;
}

static int
making_begin(struct making *making, int dir_fd, const char *name)
{
	int fd = -1;
	int r;

	r = create(dir_fd, name, &fd);
	if (r != 0)
		return r;
	*making = (struct making){ .name = name, .fd = fd, .size = CDB_HEAD };
	if (cdb_make_start(&making->cdb, fd) != 0) {
		r = cdb_error();
		close(fd);
		unlinkat(dir_fd, name, 0);
		making->name = NULL;
		return r;
	}
	return 0;
}

static int
making_put(struct making *making, const struct record_key *key,
    struct bytes record)
{
	uint64_t size = making->size + CDB_PER_RECORD + key->len + record.len;

	if (key->len == 0)
		return ENS_E_RANGE;
	if (record.len > RECORD_SIZE_MAX || size > UINT32_MAX)
		return ENS_E_LIMIT;
	if (cdb_make_add(&making->cdb, key->data, (unsigned)key->len,
	        record.data, (unsigned)record.len) != 0)
		return cdb_error();
	making->size = size;
	return 0;
}

/* Ends the writing; the file stays under its temporary name, open. */
static int
making_finish(struct making *making, int *ret_fd, uint64_t *ret_size)
{
	struct stat st;

	making->name = NULL;
	if (cdb_make_finish(&making->cdb) != 0 || fstat(making->fd, &st) != 0) {
		int r = cdb_error();

		close(making->fd);
		return r;
	}
	*ret_fd = making->fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* cdb_make_finish() is also the only function that frees what cdb_make_add()
 * allocated; what it writes goes away with the file. */
static void
making_abort(struct making *making, int dir_fd)
{
	const char *name = making->name;

	if (name == NULL)
		return;
	making->name = NULL;
	(void)cdb_make_finish(&making->cdb);
	close(making->fd);
	unlinkat(dir_fd, name, 0);
}

/* The number in a segment's name; false for any other file. */
static bool
segment_number(const char *name, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (strlen(name) != SEGMENT_NAME_LEN ||
	    strcmp(name + SEGMENT_NAME_LEN - 4, ".cdb") != 0)
		return false;
	for (int i = 0; i < SEGMENT_NAME_LEN - 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, name[i]);

		if (digit == NULL)
			return false;
		number = number << 4 | (uint64_t)(digit - digits);
	}
	*ret_number = number;
	return true;
}

static bool
named(const struct manifest *manifest, const char *name)
{
	for (uint32_t i = 0; i < manifest->segment_count; i++) {
		if (strcmp(manifest->segments[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * Removes what no manifest names: temporary files always, segments only
 * when there is a publication of ours. Before that the folder may hold one
 * of another version that its readers still use.
 */
static int
sweep(struct view_writer *writer)
{
	struct dirent *entry;
	DIR *dir;
	int fd;

	fd = openat(writer->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		int r = -errno;

		close(fd);
		return r;
	}
	while ((entry = readdir(dir)) != NULL) {
		uint64_t number;

		if (strncmp(entry->d_name, ".new-", 5) == 0) {
			unlinkat(writer->dir_fd, entry->d_name, 0);
			continue;
		}
		if (!segment_number(entry->d_name, &number))
			continue;
		if (number > writer->last_number && number < UINT64_MAX)
			writer->last_number = number;
		if (writer->manifest.segment_count > 0 &&
		    !named(&writer->manifest, entry->d_name))
			unlinkat(writer->dir_fd, entry->d_name, 0);
	}
	closedir(dir);
	return 0;
}

/* A manifest whose segments are all there; none otherwise. */
static struct manifest
published(int dir_fd)
{
	struct manifest manifest = { 0 };
	struct stat st;

	if (manifest_read(dir_fd, &manifest) != 0)
		return (struct manifest){ 0 };
	for (uint32_t i = 0; i < manifest.segment_count; i++) {
		const struct manifest_segment *segment = &manifest.segments[i];

		if (fstatat(dir_fd, segment->name, &st, AT_SYMLINK_NOFOLLOW) !=
		        0 ||
		    !S_ISREG(st.st_mode) ||
		    (uint64_t)st.st_size != segment->size)
			return (struct manifest){ 0 };
	}
	return manifest;
}

/* The lock is a file that only its owner can open: a lock on one that
 * readers open would be theirs to take. */
static int
lock(struct view_writer *writer)
{
	writer->lock_fd = openat(writer->dir_fd, LOCK_NAME,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (writer->lock_fd < 0)
		return -errno;
	if (flock(writer->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return -errno;
	return 0;
}

int
view_writer_open(const char *dir, struct view_writer **ret_writer)
{
	struct view_writer *writer;
	int r;

	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return -ENOMEM;
	writer->lock_fd = -1;
	writer->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = writer->dir_fd < 0 ? -errno : lock(writer);
	if (r == 0) {
		writer->manifest = published(writer->dir_fd);
		r = sweep(writer);
	}
	if (r != 0) {
		view_writer_close(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void
view_writer_close(struct view_writer *writer)
{
	if (writer == NULL)
		return;
	view_writer_abort(writer);
	if (writer->dir_fd >= 0)
		close(writer->dir_fd);
	if (writer->lock_fd >= 0)
		close(writer->lock_fd);
	free(writer);
}

const struct manifest *
view_writer_manifest(const struct view_writer *writer)
{
	return &writer->manifest;
}

uint64_t
view_writer_merges(const struct view_writer *writer)
{
	return writer->merges;
}

int
view_writer_begin(struct view_writer *writer, bool base)
{
	if (writer->making.name != NULL)
		return -EBUSY;
	if (!base && writer->manifest.segment_count == 0)
		return ENS_E_VIEW;
	writer->base = base;
	return making_begin(&writer->making, writer->dir_fd, DELTA_NAME);
}

int
view_writer_put(struct view_writer *writer, const struct record_key *key,
    struct bytes record)
{
	if (writer->making.name == NULL)
		return -EINVAL;
	return making_put(&writer->making, key, record);
}

void
view_writer_abort(struct view_writer *writer)
{
	making_abort(&writer->making, writer->dir_fd);
}

/*
 * The time of the change as finely as the clock tells it: a file system
 * stamps files with a coarser one, and an inode number may come again.
 * view_is_current() compares both.
 */
static int
stamp(int fd)
{
	struct timespec times[2];

	if (clock_gettime(CLOCK_REALTIME, &times[0]) != 0)
		return -errno;
	times[1] = times[0];
	return futimens(fd, times) == 0 ? 0 : -errno;
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Makes the manifest the published one. The rename of a segment before it
 * needs no sync of its own: the file systems keep the order of renames in
 * one folder, and a manifest that names a missing segment is only "cannot
 * tell".
 */
static int
replace_manifest(struct view_writer *writer, const struct manifest *manifest)
{
	char text[MANIFEST_SIZE_MAX];
	size_t len = manifest_format(manifest, text);
	AUTO_FD int fd = -1;
	int r;

	r = create(writer->dir_fd, NEXT_MANIFEST, &fd);
	if (r == 0)
		r = write_all(fd, text, len);
	if (r == 0)
		r = stamp(fd);
	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	if (r == 0 &&
	    renameat(writer->dir_fd, NEXT_MANIFEST, writer->dir_fd,
	        MANIFEST_NAME) != 0)
		r = -errno;
	if (r != 0) {
		unlinkat(writer->dir_fd, NEXT_MANIFEST, 0);
		return r;
	}
	writer->manifest = *manifest;
	/* Published is published; only its durability is in doubt here. */
	(void)fsync(writer->dir_fd);
	return 0;
}

/* The segments of one merge, newest first, mapped. */
struct sources {
	struct cdb cdb[VIEW_SEGMENTS_MAX];
	uint32_t count;
};

static void
close_sources(struct sources *sources)
{
	while (sources->count > 0)
		cdb_free(&sources->cdb[--sources->count]);
}

static int
add_source(struct sources *sources, int fd)
{
	if (cdb_init(&sources->cdb[sources->count], fd) != 0)
		return cdb_error();
	sources->count++;
	return 0;
}

/* Is this key in a segment that is newer than the one with index i? */
static int
shadowed(struct sources *sources, uint32_t i, const struct record_key *key)
{
	for (uint32_t newer = 0; newer < i; newer++) {
		int r = cdb_find(&sources->cdb[newer], key->data,
		    (unsigned)key->len);

		if (r != 0)
			return r;
	}
	return 0;
}

/* Copies what is newest of one segment. */
static int
merge_one(struct making *making, struct sources *sources, uint32_t i,
    bool into_base)
{
	struct cdb *cdb = &sources->cdb[i];
	unsigned place;
	int r;

	cdb_seqinit(&place, cdb);
	while ((r = cdb_seqnext(&place, cdb)) > 0) {
		struct bytes record = { cdb_getdata(cdb), cdb_datalen(cdb) };
		struct record_key key = { .len = cdb_keylen(cdb) };
		const void *key_at = cdb_getkey(cdb);
		int kind;

		if (key.len > sizeof(key.data) || key_at == NULL ||
		    record.data == NULL)
			return ENS_E_CORRUPT;
		memcpy(key.data, key_at, key.len);
		kind = record_check(record, &key);
		if (kind != 0 && kind != ENS_E_NOTFOUND)
			return kind;
		r = shadowed(sources, i, &key);
		if (r < 0)
			return cdb_error();
		if (r > 0 || (into_base && kind == ENS_E_NOTFOUND))
			continue;
		r = making_put(making, &key, record);
		if (r != 0)
			return r;
	}
	return r < 0 ? cdb_error() : 0;
}

/* Merges the new delta (fd) and the count newest published segments. */
static int
merge(struct view_writer *writer, int fd, uint32_t count, int *ret_fd,
    uint64_t *ret_size)
{
	AUTO(close_sources) struct sources sources = { 0 };
	bool into_base = count == writer->manifest.segment_count;
	struct making making = { 0 };
	int r;

	r = add_source(&sources, fd);
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		AUTO_FD int segment_fd = openat(writer->dir_fd,
		    writer->manifest.segments[i].name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		r = segment_fd < 0 ? -errno : add_source(&sources, segment_fd);
	}
	if (r == 0)
		r = making_begin(&making, writer->dir_fd, MERGED_NAME);
	for (uint32_t i = 0; r == 0 && i < sources.count; i++)
		r = merge_one(&making, &sources, i, into_base);
	if (r == 0)
		return making_finish(&making, ret_fd, ret_size);
	making_abort(&making, writer->dir_fd);
	return r;
}

/* How many published segments the new delta of this size should swallow. */
static uint32_t
merge_count(const struct manifest *manifest, uint64_t size)
{
	uint32_t deltas = manifest->segment_count - 1;
	uint64_t all = size;
	uint32_t count = 0;

	for (uint32_t i = 0; i < deltas; i++)
		all += manifest->segments[i].size;
	if (all >= manifest->segments[deltas].size / BASE_PORTION)
		return manifest->segment_count;
	while (count < deltas &&
	    (manifest->segments[count].size <= size * MERGE_RATIO ||
	        manifest->segment_count - count >= MERGE_COUNT)) {
		size += manifest->segments[count].size;
		count++;
	}
	return count;
}

/* The manifest after a new segment that replaces the count newest ones. */
static struct manifest
next_manifest(const struct view_writer *writer, uint32_t count, uint64_t number,
    uint64_t size)
{
	struct manifest next = { .segment_count = 1 };

	snprintf(next.segments[0].name, sizeof(next.segments[0].name),
	    "%016" PRIx64 ".cdb", number);
	next.segments[0].size = size;
	for (uint32_t i = count; i < writer->manifest.segment_count; i++)
		next.segments[next.segment_count++] =
		    writer->manifest.segments[i];
	return next;
}

/* Gives the finished file its name and publishes it. */
static int
publish(struct view_writer *writer, const char *name, int fd,
    struct manifest *next, uint64_t number)
{
	const char *segment = next->segments[0].name;
	int r;

	if (fsync(fd) != 0 ||
	    renameat(writer->dir_fd, name, writer->dir_fd, segment) != 0) {
		r = -errno;
		unlinkat(writer->dir_fd, name, 0);
		return r;
	}
	writer->last_number = number;
	r = replace_manifest(writer, next);
	if (r != 0)
		unlinkat(writer->dir_fd, segment, 0);
	return r;
}

/*
 * Merges the delta with what it should swallow; where that fails, with the
 * deltas alone; *ret_count is 0 when neither was needed or possible.
 */
static int
swallow(struct view_writer *writer, int fd, uint32_t *ret_count, int *ret_fd,
    uint64_t *ret_size)
{
	uint32_t all = writer->manifest.segment_count;
	uint32_t count = merge_count(&writer->manifest, *ret_size);
	int r = 0;

	*ret_count = 0;
	while (count > 0) {
		r = merge(writer, fd, count, ret_fd, ret_size);
		if (r == 0) {
			*ret_count = count;
			writer->merges++;
			return 0;
		}
		unlinkat(writer->dir_fd, MERGED_NAME, 0);
		count = count == all ? all - 1 : 0;
	}
	return all < VIEW_SEGMENTS_MAX ? 0 : r;
}

static int
publish_delta(struct view_writer *writer, int fd, uint64_t size,
    uint64_t number, uint64_t generation, int64_t as_of)
{
	AUTO_FD int merged_fd = -1;
	struct manifest next;
	uint32_t count;
	int r;

	r = swallow(writer, fd, &count, &merged_fd, &size);
	if (r != 0)
		return r;
	next = next_manifest(writer, count, number, size);
	next.generation = generation;
	next.as_of = as_of;
	if (count == 0)
		return publish(writer, DELTA_NAME, fd, &next, number);
	unlinkat(writer->dir_fd, DELTA_NAME, 0);
	return publish(writer, MERGED_NAME, merged_fd, &next, number);
}

int
view_writer_commit(struct view_writer *writer, uint64_t generation,
    int64_t as_of)
{
	uint64_t number = writer->last_number + 1;
	AUTO_FD int fd = -1;
	struct manifest next;
	uint64_t size;
	int r;

	if (writer->making.name == NULL)
		return -EINVAL;
	if (as_of < 0 ||
	    (!writer->base && generation <= writer->manifest.generation)) {
		view_writer_abort(writer);
		return ENS_E_RANGE;
	}
	r = making_finish(&writer->making, &fd, &size);
	if (r == 0 && !writer->base) {
		r = publish_delta(writer, fd, size, number, generation, as_of);
	} else if (r == 0) {
		next = next_manifest(writer, writer->manifest.segment_count,
		    number, size);
		next.generation = generation;
		next.as_of = as_of;
		r = publish(writer, DELTA_NAME, fd, &next, number);
	}
	if (r != 0) {
		unlinkat(writer->dir_fd, DELTA_NAME, 0);
		return r;
	}
	/* What stays behind is swept the next time. */
	(void)sweep(writer);
	return 0;
}

int
view_writer_touch(struct view_writer *writer, uint64_t generation,
    int64_t as_of)
{
	struct manifest next = writer->manifest;

	if (next.segment_count == 0)
		return ENS_E_VIEW;
	if (as_of < 0 || generation < next.generation)
		return ENS_E_RANGE;
	next.generation = generation;
	next.as_of = as_of;
	return replace_manifest(writer, &next);
}
